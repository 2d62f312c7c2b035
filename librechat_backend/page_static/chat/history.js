// The list of earlier conversations: open, rename, delete.

import { request } from "./api.js";
import { announce, byId, element, iconButton } from "./dom.js";
import { readable } from "./errors.js";

const DAY_MS = 86_400_000;

let conversations = [];
let nextCursor = null;
let openId = null;
let hooks = {};

/** `hooks`: `deleted(id)`, `titled(id, title)`, `failed(text)`. Opening is a link, so it works like any other. */
export function setUpHistory(given) {
  hooks = given;
  byId("older").addEventListener("click", () => attempt(loadOlder));
}

/** The first page again; older ones that were loaded stay behind it. */
export async function refreshHistory() {
  const page = await request("GET", "/api/convos");
  const ids = new Set(page.conversations.map(({ conversationId }) => conversationId));
  const isFirst = conversations.length <= page.conversations.length;
  const oldest = page.conversations.at(-1)?.updatedAt ?? "";
  const older = conversations.filter((c) => !ids.has(c.conversationId) && c.updatedAt < oldest);
  conversations = [...page.conversations, ...older];
  if (isFirst || !older.length) nextCursor = page.nextCursor;
  draw();
}

async function loadOlder() {
  const page = await request("GET", `/api/convos?cursor=${encodeURIComponent(nextCursor)}`);
  const known = new Set(conversations.map(({ conversationId }) => conversationId));
  conversations.push(...page.conversations.filter((c) => !known.has(c.conversationId)));
  nextCursor = page.nextCursor;
  draw();
}

export function markOpen(id) {
  openId = id;
  draw();
}

export function setTitle(id, title) {
  const conversation = conversations.find(({ conversationId }) => conversationId === id);
  if (!conversation || conversation.title === title) return;
  conversation.title = title;
  draw();
}

export const titleOf = (id) =>
  conversations.find(({ conversationId }) => conversationId === id)?.title ?? "";

export function clearHistory() {
  conversations = [];
  nextCursor = null;
  draw();
}

// -- Showing ------------------------------------------------------------------------------------

function draw() {
  const list = byId("history");
  if (list.querySelector("input")) return; // a title is being edited
  const nodes = [];
  let heading = null;
  for (const conversation of conversations) {
    const age = ageOf(conversation.updatedAt);
    if (age !== heading) nodes.push(element("li", { class: "age" }, age));
    heading = age;
    nodes.push(row(conversation));
  }
  list.replaceChildren(...nodes);
  byId("older").hidden = nextCursor === null;
  byId("no-history").hidden = conversations.length > 0;
}

function ageOf(date) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const days = Math.ceil((midnight - new Date(date)) / DAY_MS);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  return days <= 7 ? "Last 7 days" : days <= 30 ? "Last 30 days" : "Older";
}

function row(conversation) {
  const { conversationId: id, title } = conversation;
  const link = element("a", { href: `#${id}`, title, "aria-current": id === openId && "page" }, title || "New Chat");
  const item = element("li", { class: "conversation" }, link);
  item.append(
    iconButton("pencil", `Rename “${title}”`, () => editTitle(item, conversation)),
    iconButton("trash", `Delete “${title}”`, () => confirmDeletion(conversation)),
  );
  return item;
}

// -- Changing -----------------------------------------------------------------------------------

function editTitle(item, conversation) {
  const field = element("input", { type: "text", maxlength: "1024", "aria-label": "Title" });
  field.value = conversation.title;
  let isDone = false;
  const end = (isSaved) => {
    if (isDone) return;
    isDone = true;
    const title = field.value.trim();
    field.remove();
    draw();
    if (isSaved && title && title !== conversation.title) attempt(() => rename(conversation, title));
  };
  field.addEventListener("blur", () => end(true));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) end(true);
    if (event.key !== "Escape") return;
    event.stopPropagation(); // Escape leaves the field, not the drawer around it
    end(false);
  });
  item.replaceChildren(field);
  field.select();
}

async function rename(conversation, title) {
  const arg = { conversationId: conversation.conversationId, title };
  await request("POST", "/api/convos/update", { arg });
  hooks.titled(conversation.conversationId, title);
  announce("Renamed");
  await refreshHistory();
}

function confirmDeletion(conversation) {
  const dialog = byId("delete-dialog");
  byId("delete-title").textContent = conversation.title;
  dialog.returnValue = "";
  dialog.onclose = () => dialog.returnValue === "delete" && attempt(() => remove(conversation));
  dialog.showModal();
}

async function remove({ conversationId }) {
  await request("DELETE", "/api/convos", { arg: { conversationId, source: "button" } });
  conversations = conversations.filter((c) => c.conversationId !== conversationId);
  draw();
  announce("Deleted");
  hooks.deleted(conversationId);
}

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    hooks.failed(readable(error));
  }
}
