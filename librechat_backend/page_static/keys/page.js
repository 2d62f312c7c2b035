// A person's API keys: what there is, a new one, and how to use it.

import { request } from "../chat/api.js";
import { byId, copyButton, element } from "../chat/dom.js";
import { act, open } from "../sheet/sheet.js";

const DAY_SECONDS = 86_400;
const PAGE_SIZE = 50;
const USAGE_DAYS = 30; // what /api/usage adds up unless asked otherwise
const SWITCHED_OFF = 2;
const STATES = { 2: "switched off", 3: "expired" };
const WINDOWS = { day: "a day", week: "a week", month: "a month", total: "in all" };
const NUMBERS = ["requests_per_minute", "tokens_per_minute", "parallel_requests", "remain_quota"];

const baseUrl = document.querySelector("main").dataset.baseUrl;
const day = (seconds) => new Date(seconds * 1000).toLocaleDateString();
const count = (number) => number.toLocaleString();

let page = 0;
let used = new Map();

// -- The keys there are --------------------------------------------------------------------

function limitsOf(key) {
  const told = [
    key.requests_per_minute && `${count(key.requests_per_minute)} requests a minute`,
    key.tokens_per_minute && `${count(key.tokens_per_minute)} tokens a minute`,
    key.parallel_requests && `${count(key.parallel_requests)} at once`,
    !key.unlimited_quota && `${count(key.remain_quota)} tokens ${WINDOWS[key.quota_window]}`,
    key.model_limits_enabled && (key.model_limits ? `only ${key.model_limits.replaceAll(",", ", ")}` : "no models"),
    key.allow_ips !== null && `only from ${key.allow_ips.replaceAll("\n", ", ") || "nowhere"}`,
  ];
  return told.filter(Boolean).join(" · ");
}

function historyOf(key) {
  const usage = used.get(key.id);
  const told = [
    `Made ${day(key.created_time)}`,
    key.accessed_time ? `last used ${day(key.accessed_time)}` : "never used",
    key.expired_time === -1 ? "never ends" : `${key.status === 3 ? "ended" : "ends"} ${day(key.expired_time)}`,
  ];
  if (usage) told.push(`${count(usage.requests)} requests and ${count(usage.inputTokens + usage.outputTokens)} tokens in ${USAGE_DAYS} days`);
  return told.join(" · ");
}

function switchButton(key) {
  const isOff = key.status === SWITCHED_OFF;
  const button = element("button", { type: "button", class: "quiet" }, isOff ? "Switch on" : "Switch off");
  button.addEventListener("click", () =>
    act(button, async () => {
      const changed = await request("PUT", `/api/token/${key.id}`, { status: isOff ? 1 : SWITCHED_OFF });
      byId(`key-${key.id}`).replaceWith(keyItem(changed.data));
    }),
  );
  return button;
}

/** Asks once more in its own place; a second click within reach deletes. */
function deleteButton(key) {
  const button = element("button", { type: "button", class: "quiet" }, "Delete");
  button.addEventListener("blur", () => {
    button.textContent = "Delete";
    button.className = "quiet";
  });
  button.addEventListener("click", () => {
    if (button.className === "quiet") {
      button.textContent = "Delete for good?";
      button.className = "danger";
      return;
    }
    act(button, async () => {
      await request("DELETE", `/api/token/${key.id}`);
      byId(`key-${key.id}`).remove();
      byId("no-keys").hidden = byId("keys").childElementCount > 0;
    });
  });
  return button;
}

function keyItem(key) {
  const state = STATES[key.status];
  const limits = limitsOf(key);
  return element(
    "li",
    { class: "key", id: `key-${key.id}` },
    element(
      "div",
      { class: "key-text" },
      element("p", {}, element("strong", {}, key.name), " ", element("code", {}, key.key), " ", state ? element("span", { class: "state" }, state) : null),
      element("p", { class: "soft" }, historyOf(key)),
      limits ? element("p", { class: "soft" }, limits) : null,
    ),
    key.status === 3 ? null : switchButton(key),
    deleteButton(key),
  );
}

async function showMore() {
  page += 1;
  const { data } = await request("GET", `/api/token?p=${page}&page_size=${PAGE_SIZE}`);
  byId("keys").append(...data.items.map(keyItem));
  byId("no-keys").hidden = data.total > 0;
  byId("more").hidden = page * PAGE_SIZE >= data.total;
}

async function readUsage() {
  const told = await request("GET", "/api/usage?groupBy=key&limit=100");
  used = new Map(told.usage.map((row) => [row.key, row]));
}

// -- A new one -----------------------------------------------------------------------------

async function readNames() {
  const [models, config] = await Promise.all([request("GET", "/api/models"), request("GET", "/api/config")]);
  const presets = (config.modelSpecs?.list ?? []).map((preset) => [preset.name, preset.label]);
  const names = new Map([...presets, ...Object.values(models).flat().map((model) => [model, model])]);
  byId("names").replaceChildren(
    ...[...names].map(([name, label]) =>
      element("label", {}, element("input", { type: "checkbox", name: "model", value: name }), label === name ? name : `${label} (${name})`),
    ),
  );
}

function find() {
  const wanted = byId("search").value.trim().toLowerCase();
  for (const label of byId("names").children) label.hidden = !label.textContent.toLowerCase().includes(wanted);
}

function bodyOf(form) {
  const fields = new FormData(form);
  const body = { name: fields.get("name"), quota_window: fields.get("quota_window") };
  for (const name of NUMBERS) if (fields.get(name)) body[name] = Number(fields.get(name));
  body.unlimited_quota = !fields.get("remain_quota");
  const days = Number(fields.get("days"));
  body.expired_time = days ? Math.floor(Date.now() / 1000) + days * DAY_SECONDS : -1;
  if (fields.get("allow_ips").trim()) body.allow_ips = fields.get("allow_ips");
  const models = fields.getAll("model");
  if (models.length) Object.assign(body, { model_limits_enabled: true, model_limits: models });
  return body;
}

function line(title, text) {
  return element(
    "div",
    { class: "line" },
    element("h3", {}, title),
    element("div", {}, element("pre", {}, text), copyButton(`Copy: ${title}`, () => text)),
  );
}

function showMade(key) {
  byId("made-title").textContent = `The key “${key.name}”`;
  byId("made-lines").replaceChildren(
    line("Key", key.key),
    line("Address for programs (base URL)", baseUrl),
    line("Try it in a terminal", `curl ${baseUrl}/models -H "Authorization: Bearer ${key.key}"`),
  );
  byId("made").hidden = false;
  byId("made").focus();
  byId("made").scrollIntoView({ block: "start" });
}

function forgetMade() {
  byId("made-lines").replaceChildren();
  byId("made").hidden = true;
}

function create(event) {
  event.preventDefault();
  const form = event.target;
  act(form.querySelector("[type=submit]"), async () => {
    const { data } = await request("POST", "/api/token", bodyOf(form));
    form.reset();
    find();
    showMade(data);
    byId("no-keys").hidden = true;
    byId("keys").prepend(keyItem((await request("GET", `/api/token/${data.id}`)).data));
  });
}

open(async () => {
  byId("new-key").addEventListener("submit", create);
  byId("search").addEventListener("input", find);
  byId("made-done").addEventListener("click", forgetMade);
  byId("more").addEventListener("click", (event) => act(event.target, showMore));
  await Promise.all([readUsage(), readNames()]);
  await showMore();
});
