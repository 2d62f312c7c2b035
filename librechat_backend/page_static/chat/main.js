// Puts the page together.

import { request, signOut, whenSignedOut } from "./api.js";
import { focusComposer, setRunning, setText, setUpComposer } from "./composer.js";
import * as conversation from "./conversation.js";
import { announce, byId } from "./dom.js";
import { readable } from "./errors.js";
import { clearHistory, markOpen, refreshHistory, setTitle, setUpHistory, titleOf } from "./history.js";
import { chosenModel, choose, hasModels, isDemoOnly, loadModels, setUpModels } from "./models.js";
import { closeDrawer, setUpDrawer } from "./drawer.js";
import { restoreSession, setUpSignIn, showSignIn } from "./sign_in.js";
import { setUpScrolling } from "./thread.js";

const UNTITLED = "New Chat";
const TITLE_LOOKS = 2; // each waits on the server for up to 15 s

let isSignedIn = false;
let appTitle = document.title;

async function main() {
  setUp();
  try {
    const [config, user] = await Promise.all([request("GET", "/api/config"), restoreSession()]);
    appTitle = config.appTitle;
    setUpSignIn(config, enter);
    if (user) await enter(user);
    else leave();
  } catch (error) {
    notify(readable(error));
    addEventListener("online", () => location.reload());
  }
}

function setUp() {
  setUpScrolling();
  setUpModels();
  setUpDrawer();
  setUpComposer({ send, stop: conversation.stop });
  setUpHistory({ deleted, titled, failed: notify });
  conversation.setUpConversation({
    model: chosenModel,
    opened: ({ endpoint, model, spec }) => choose(endpoint, model, spec),
    created,
    titled,
    changed: () => refreshHistory().then(showTitle).catch(() => {}),
    running,
    unsent: (text) => byId("text").value || setText(text),
    connection: (isConnected) => (byId("connection").hidden = isConnected),
    drawn: (count) => (byId("welcome").hidden = count > 0 || conversation.openId() !== null),
  });
  whenSignedOut(leave);
  addEventListener("hashchange", openFromAddress);
  document.addEventListener("visibilitychange", catchUp);
  byId("new-chat").addEventListener("click", newChat);
  byId("new-chat-top").addEventListener("click", newChat);
  byId("log-out").addEventListener("click", logOut);
  byId("about-button").addEventListener("click", () => byId("about").showModal());
  byId("suggestions").addEventListener("click", ({ target }) => target.value && send(target.value));
}

// -- Coming and going -----------------------------------------------------------------------

async function enter(user) {
  isSignedIn = true;
  const name = user.name || user.username || user.email;
  byId("user-name").textContent = name;
  byId("initial").textContent = name.slice(0, 1).toUpperCase();
  byId("greeting").textContent = `Hello, ${name.split(" ")[0]}`;
  for (const node of document.querySelectorAll("[data-admin]")) node.hidden = user.role !== "ADMIN";
  await attempt(loadModels);
  byId("demo").hidden = !isDemoOnly();
  byId("suggestions").hidden = !isDemoOnly();
  byId("no-models").hidden = hasModels();
  byId("sign-in").hidden = true;
  byId("app").hidden = false;
  await Promise.all([openFromAddress(), attempt(refreshHistory)]);
  showTitle();
}

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    notify(readable(error));
  }
}

function leave() {
  isSignedIn = false;
  conversation.startNew();
  clearHistory();
  setText("");
  showSignIn();
}

async function logOut() {
  await signOut().catch(() => {}); // it is over on this device in any case
  history.replaceState(null, "", location.pathname);
  leave();
}

// -- Which conversation -----------------------------------------------------------------------

const idInAddress = () => location.hash.slice(1);

async function openFromAddress() {
  if (!isSignedIn) return;
  closeDrawer();
  const id = idInAddress();
  if (id && id === conversation.openId()) return;
  markOpen(id || null);
  try {
    if (id) await conversation.open(id);
    else conversation.startNew();
  } catch (error) {
    notFound(error);
  }
  showTitle();
  if (!matchMedia("(pointer: coarse)").matches) focusComposer();
}

function notFound(error) {
  notify(error.status === 404 ? "This chat does not exist any more." : readable(error));
  if (error.status === 404) newChat();
}

function newChat() {
  if (idInAddress()) location.hash = "";
  else openFromAddress();
}

function created(id) {
  history.pushState(null, "", `#${id}`);
  markOpen(id);
}

function deleted(id) {
  if (id === conversation.openId()) newChat();
}

function titled(id, title) {
  setTitle(id, title);
  showTitle();
}

function showTitle() {
  const title = titleOf(conversation.openId());
  byId("title").textContent = title || UNTITLED;
  document.title = title ? `${title} · ${appTitle}` : appTitle;
}

// -- Asking -----------------------------------------------------------------------------------

async function send(text) {
  if (conversation.isRunning() || !hasModels()) return;
  const isFirst = conversation.openId() === null;
  await conversation.ask(text);
  if (isFirst) await awaitTitle(conversation.openId());
}

/** A title that was not ready when the answer ended (the stream brings the others). */
async function awaitTitle(id) {
  for (let look = 0; look < TITLE_LOOKS && titleOf(id) === UNTITLED; look++) {
    const found = await request("GET", `/api/convos/gen_title/${id}`).catch(() => null);
    if (found?.title) titled(id, found.title);
  }
}

let wasRunning = false;

function running(run) {
  setRunning(run);
  if (run && !wasRunning) announce("The answer is being written");
  if (!run && wasRunning) announce("The answer has ended");
  wasRunning = run !== null;
}

async function catchUp() {
  if (document.hidden || !isSignedIn) return;
  try {
    await Promise.all([refreshHistory(), conversation.catchUp()]);
    showTitle();
  } catch (error) {
    if (error.status === 404) notFound(error);
  }
}

let noticeTimer;

function notify(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (byId("notice").hidden = true), 6000);
}

main();
