// The messages of the open conversation on the page.

import { plainText } from "./answer.js";
import { byId, copyButton, element, iconButton } from "./dom.js";
import { renderParts } from "./parts.js";

const NEAR_END_PX = 80;

const views = new Map();
let isFollowing = true;

/** Show `items` = `{key, message, siblings, isRunning, answerAgain}` in order. */
export function draw(items) {
  const container = byId("messages");
  const nodes = items.map((item) => viewOf(item).node);
  const keys = new Set(items.map(({ key }) => key));
  [...views.keys()].filter((key) => !keys.has(key)).forEach((key) => views.delete(key));
  const isSame = nodes.length === container.children.length
    && nodes.every((node, index) => node === container.children[index]);
  if (!isSame) container.replaceChildren(...nodes);
  container.setAttribute("aria-busy", String(items.some(({ isRunning }) => isRunning)));
  if (isFollowing) scrollToEnd();
}

/** The running answer has got its lasting id: keep what is on the screen. */
export function renameView(key, newKey) {
  const view = views.get(key);
  views.delete(key);
  if (view) views.set(newKey, view);
}

export function scrollToEnd() {
  const scroller = byId("scroller");
  isFollowing = true;
  scroller.scrollTop = scroller.scrollHeight;
}

/** Scrolling up lets go of the end of a growing answer; scrolling back down takes hold again. */
export function setUpScrolling() {
  const scroller = byId("scroller");
  const button = byId("to-end");
  scroller.addEventListener("scroll", () => {
    const below = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    isFollowing = below < NEAR_END_PX;
    button.hidden = isFollowing;
  });
  button.addEventListener("click", scrollToEnd);
}

function viewOf(item) {
  if (!views.has(item.key)) {
    views.set(item.key, item.message.isCreatedByUser ? questionView() : answerView());
  }
  const view = views.get(item.key);
  view.update(item);
  return view;
}

function questionView() {
  const text = element("div", { class: "bubble" });
  const actions = element("div", { class: "actions" });
  const node = element("article", { class: "message question", "aria-label": "You" }, text, actions);
  const update = ({ message, siblings }) => {
    text.textContent = message.text;
    actions.replaceChildren(...siblingButtons(siblings));
  };
  return { node, update };
}

function answerView() {
  const sender = element("span", { class: "sender" });
  const model = element("span", { class: "model" });
  const content = element("div", { class: "content" });
  const waiting = element("div", { class: "waiting", "aria-label": "Waiting for the answer" });
  waiting.append(element("span"), element("span"), element("span"));
  const note = element("p", { class: "note" }, "Stopped before the end.");
  const actions = element("div", { class: "actions" });
  const node = element("article", { class: "message answer" },
    element("header", {}, sender, model), content, waiting, note, actions);
  const update = (item) => {
    const { message, isRunning } = item;
    const parts = partsOf(message);
    const hasFailed = parts.some((part) => part?.type === "error");
    sender.textContent = message.sender || "Assistant";
    model.textContent = message.model ?? "";
    node.setAttribute("aria-label", `Answer of ${sender.textContent}`);
    node.classList.toggle("is-running", isRunning);
    renderParts(content, parts, isRunning);
    waiting.hidden = !isRunning || parts.some(Boolean);
    note.hidden = isRunning || hasFailed || !message.unfinished;
    actions.hidden = isRunning;
    if (!isRunning) actions.replaceChildren(...answerButtons(item));
  };
  return { node, update };
}

/** An error without content is a text; everything else has parts (contract 02 §8.1). */
function partsOf({ content, error, text }) {
  if (content) return content;
  return [error ? { type: "error", error: text } : { type: "text", text }];
}

function answerButtons({ message, siblings, answerAgain }) {
  const again = iconButton("again", "Answer again", answerAgain);
  return [copyButton("Copy answer", () => plainText(message)), again, ...siblingButtons(siblings)];
}

function siblingButtons(siblings) {
  if (!siblings || siblings.count < 2) return [];
  const { position, count, show } = siblings;
  const previous = iconButton("previous", "Previous version", () => show(position - 1));
  const next = iconButton("next", "Next version", () => show(position + 1));
  previous.disabled = position === 0;
  next.disabled = position === count - 1;
  const counter = element("span", { class: "counter" }, `${position + 1} / ${count}`);
  return [previous, counter, next];
}
