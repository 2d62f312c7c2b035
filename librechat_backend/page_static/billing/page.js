// What a person has, what can be bought, and what was paid. The chat's refresh cookie signs in.

import { request } from "../chat/api.js";
import { byId, element } from "../chat/dom.js";
import { act, open, say } from "../sheet/sheet.js";

const CREDITS_PER_DOLLAR = 1_000_000;
const INTERVALS = { once: "", month: " a month", year: " a year" };

function money(amount, currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

const credits = (count) => `${Math.round(count).toLocaleString()} credits`;
const dollars = (count) => money(Math.round((count / CREDITS_PER_DOLLAR) * 100), "usd");
const day = (iso) => new Date(iso).toLocaleDateString();

async function goTo(path, body) {
  location.assign((await request("POST", path, body)).url);
}

function planCard(plan) {
  const buy = element("button", { type: "button" }, plan.interval === "once" ? "Buy" : "Subscribe");
  buy.addEventListener("click", () => act(buy, () => goTo("/api/billing/checkout", { planId: plan.id })));
  return element(
    "article",
    { class: "plan" },
    element("h3", {}, plan.name),
    element("p", { class: "figure" }, money(plan.amount, plan.currency), element("small", {}, INTERVALS[plan.interval])),
    element("p", {}, `${credits(plan.credits)}, worth ${dollars(plan.credits)} of model use`),
    plan.description ? element("p", { class: "soft" }, plan.description) : null,
    buy,
  );
}

function paymentRow(payment) {
  const back = payment.refunded ? ` (${money(payment.refunded, payment.currency)} paid back)` : "";
  const link = payment.documentUrl?.startsWith("https://")
    ? element("a", { href: payment.documentUrl, rel: "noreferrer" }, "Invoice")
    : "";
  return element(
    "tr",
    {},
    element("td", {}, day(payment.createdAt)),
    element("td", {}, payment.name),
    element("td", {}, money(payment.amount, payment.currency) + back),
    element("td", {}, credits(payment.credits)),
    element("td", {}, link),
  );
}

function subscriptionItem(subscription) {
  const until = subscription.periodEndsAt ? day(subscription.periodEndsAt) : "";
  const renews = subscription.endsWithPeriod ? `ends on ${until}` : `paid until ${until}`;
  const state = subscription.status === "active" ? renews : subscription.status.replaceAll("_", " ");
  return element("li", {}, `${subscription.name}: ${state}`);
}

async function showBalance() {
  const balance = await request("GET", "/api/balance");
  byId("balance-card").hidden = !balance;
  if (!balance) return;
  byId("balance").textContent = `${credits(balance.tokenCredits)} (${dollars(balance.tokenCredits)})`;
  byId("refill").hidden = !balance.autoRefillEnabled;
  byId("refill").textContent =
    `Refilled by ${credits(balance.refillAmount ?? 0)} every ${balance.refillIntervalValue} ${balance.refillIntervalUnit} when it is used up.`;
}

async function showPlans() {
  const { plans } = await request("GET", "/api/billing/plans");
  byId("plans").replaceChildren(...plans.map(planCard));
  byId("plans-section").hidden = !plans.length;
}

async function showPayments() {
  const { payments, subscriptions } = await request("GET", "/api/billing/invoices");
  const live = subscriptions.filter((each) => each.status !== "canceled");
  byId("subscriptions").replaceChildren(...live.map(subscriptionItem));
  byId("subscriptions-card").hidden = !live.length;
  byId("payments").replaceChildren(...payments.map(paymentRow));
  byId("payments-card").hidden = !payments.length;
}

function redeem(event) {
  event.preventDefault();
  act(event.submitter ?? event.target.querySelector("button"), async () => {
    const redeemed = await request("POST", "/api/billing/vouchers/redeem", { code: byId("code").value });
    byId("code").value = "";
    say(`Redeemed: ${credits(redeemed.credits)}.`);
    await showBalance();
  });
}

async function show() {
  byId("voucher").addEventListener("submit", redeem);
  byId("portal").addEventListener("click", (event) => act(event.target, () => goTo("/api/billing/portal")));
  if (new URLSearchParams(location.search).has("paid")) say("Thank you. The credits come as soon as the payment is confirmed.");
  await Promise.all([showBalance(), showPlans(), showPayments()]);
}

open(show);
