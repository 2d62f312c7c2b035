// The open conversation: its messages, and the answer that is being written.

import { applyFrame, newAnswer } from "./answer.js";
import { ApiError, request } from "./api.js";
import { branchOf, ROOT } from "./branch.js";
import { readable } from "./errors.js";
import { follow } from "./stream.js";
import { draw, renameView, scrollToEnd } from "./thread.js";

const RUNNING = "running"; // the key of the answer being written
const RETRY_PAUSES_MS = [1000, 2000];

const state = { id: null, messages: [], chosen: new Map(), loading: null, run: null };
let hooks = {};

/**
 * `hooks`: `model()` → what to ask, `opened(conversation)`, `created(id)`, `titled(id, title)`,
 * `changed()` when the history is out of date, `running(run)`, `unsent(text)`,
 * `connection(isConnected)`, `drawn(count)`.
 */
export function setUpConversation(given) {
  hooks = given;
}

export const openId = () => state.id;
export const isRunning = () => state.run !== null;

/** An empty conversation; the server makes its id with the first message. */
export function startNew() {
  show(null, []);
}

/** Show a stored conversation and take up its answer where one is being written. */
export async function open(id) {
  show(id, []);
  state.loading = load(id);
  const run = await state.loading;
  if (run) await followRun(run, true);
}

async function load(id) {
  const [conversation] = await Promise.all([request("GET", `/api/convos/${id}`), reload()]);
  if (state.id !== id) return null;
  hooks.opened(conversation);
  return takeUp();
}

/** What another tab or device may have done meanwhile. */
export async function catchUp() {
  if (!state.id || state.run) return;
  await reload();
  const run = await takeUp();
  if (run) await followRun(run, true);
}

function show(id, messages) {
  leaveRun();
  Object.assign(state, { id, messages, chosen: new Map(), loading: null });
  redraw();
  scrollToEnd();
}

async function reload() {
  const id = state.id;
  const messages = await request("GET", `/api/messages/${id}`);
  if (state.id !== id || state.run) return;
  state.messages = messages;
  redraw();
}

/** The answer that is being written, if one is. */
async function takeUp() {
  const id = state.id;
  const status = await request("GET", `/api/agents/chat/status/${id}`);
  if (!status.active || state.id !== id || state.run) return null;
  const { userMessage, sender, model } = status.resumeState;
  const run = startRun({ ...userMessage, isCreatedByUser: true }, { sender, model });
  run.epoch = status.createdAt;
  applyFrame(run.answer, { sync: true, resumeState: status.resumeState });
  // A partial row of the same answer may be stored already; the run shows it.
  run.hiddenId = status.resumeState.responseMessageId;
  redraw();
  return run;
}

// -- Asking -----------------------------------------------------------------------------------

export async function ask(text) {
  await state.loading?.catch(() => {}); // opening it reports its failure itself
  if (state.run) return hooks.unsent(text);
  state.messages = state.messages.filter(({ isLocal }) => !isLocal);
  const parent = branchOf(state.messages, state.chosen).at(-1)?.message.messageId ?? ROOT;
  const question = {
    messageId: crypto.randomUUID?.() ?? `${Date.now()}`,
    parentMessageId: parent,
    isCreatedByUser: true,
    isLocal: true,
    text,
  };
  state.chosen.set(parent, question.messageId);
  await run(question, {});
}

/** Another answer to the same question, beside the one there is. */
async function answerAgain(message) {
  const question = state.messages.find(({ messageId }) => messageId === message.parentMessageId);
  if (!question || state.run) return;
  if (question.isLocal) return ask(question.text);
  state.chosen.delete(question.messageId);
  await run(question, {
    isRegenerate: true,
    overrideParentMessageId: question.messageId,
    responseMessageId: `${message.messageId}_`,
  });
}

async function run(question, extra) {
  const model = hooks.model();
  const current = startRun(question, { sender: model.modelDisplayLabel, model: model.model });
  redraw();
  scrollToEnd();
  try {
    const started = await start({ ...payload(question), ...model, ...extra });
    if (state.run !== current) return;
    adoptId(started.conversationId);
    current.epoch = started.generationCreatedAt;
    if (current.isStopping) await abort(current);
    await followRun(current, started.status === "resumed");
  } catch (error) {
    fail(current, readable(error));
  }
}

function payload(question) {
  return {
    text: question.text,
    sender: "User",
    isCreatedByUser: true,
    messageId: question.messageId,
    parentMessageId: question.parentMessageId,
    conversationId: state.id ?? undefined,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    clientTimestamp: new Date().toISOString().slice(0, 19),
    clientRequestId: `${Date.now()}-${Math.random().toString(36).slice(2)}`,
  };
}

/** The request id makes repeating safe: the server knows a message it already has. */
async function start(body) {
  const path = `/api/agents/chat/${encodeURIComponent(body.endpoint)}`;
  for (const pause of RETRY_PAUSES_MS) {
    try {
      return await request("POST", path, body);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return request("POST", path, body);
}

function adoptId(id) {
  const isNew = state.id !== id;
  state.id = id;
  if (isNew) hooks.created(id);
  hooks.changed();
}

export async function stop() {
  const current = state.run;
  if (!current || current.isStopping) return;
  current.isStopping = true;
  hooks.running(current);
  if (current.epoch) await abort(current);
}

/** The stream then brings the last frame, with the partial answer that was stored. */
async function abort(current) {
  const body = { conversationId: state.id, generationCreatedAt: current.epoch };
  try {
    await request("POST", "/api/agents/chat/abort", body);
  } catch (error) {
    // 404: it ended by itself meanwhile. Otherwise the button may be tried again.
    current.isStopping = error.status === 404;
    hooks.running(state.run);
  }
}

// -- The answer being written -------------------------------------------------------------------

function startRun(question, { sender, model }) {
  leaveRun();
  const controller = new AbortController();
  state.run = { question, sender, model, controller, answer: newAnswer(), epoch: null };
  state.messages = [...state.messages.filter((m) => m.messageId !== question.messageId), question];
  hooks.running(state.run);
  return state.run;
}

function leaveRun() {
  state.run?.controller.abort();
  state.run = null;
  hooks.running(null);
  hooks.connection(true);
}

async function followRun(current, isResumed) {
  const outcome = await follow({
    conversationId: state.id,
    epoch: current.epoch,
    resume: isResumed,
    signal: current.controller.signal,
    onFrame: (frame) => state.run === current && onFrame(current, frame),
    onConnection: (isConnected) => state.run === current && hooks.connection(isConnected),
  });
  if (state.run !== current || outcome === "left") return;
  const { final, error } = current.answer;
  if (final?.responseMessage) finish(current, final);
  else if (error) fail(current, error);
  else await endUnknown();
}

function onFrame(current, frame) {
  if (frame.created) adoptQuestion(current, frame.message);
  applyFrame(current.answer, frame);
  if (current.answer.title) hooks.titled(state.id, current.answer.title);
  redrawSoon();
}

/** The id this page made up was a placeholder (contract 02 §1.2). */
function adoptQuestion({ question }, message) {
  renameView(question.messageId, message.messageId);
  state.chosen.set(message.parentMessageId, message.messageId);
  Object.assign(question, message, { isLocal: false });
}

function finish(current, { requestMessage, responseMessage, title }) {
  const replaced = new Set([requestMessage?.messageId, responseMessage.messageId, current.question.messageId]);
  const kept = state.messages.filter(({ messageId }) => !replaced.has(messageId));
  const question = { ...current.question, ...requestMessage, isLocal: false };
  renameView(RUNNING, responseMessage.messageId);
  state.messages = [...kept, question, responseMessage];
  if (title) hooks.titled(state.id, title);
  settle();
}

function fail(current, error) {
  if (state.run !== current) return;
  const { messageId } = current.question;
  if (current.question.isLocal) hooks.unsent(current.question.text);
  const bubble = {
    messageId: `${messageId}_`,
    parentMessageId: messageId,
    isLocal: true,
    error: true,
    text: error,
  };
  renameView(RUNNING, bubble.messageId);
  state.messages = [...state.messages.filter((m) => m.messageId !== bubble.messageId), bubble];
  settle();
}

/** It ended out of sight: what the server stored tells how. */
async function endUnknown() {
  leaveRun();
  await reload();
  hooks.changed();
}

function settle() {
  leaveRun();
  redraw();
  hooks.changed();
}

// -- Showing ------------------------------------------------------------------------------------

let isDrawing = false;

/** At most once per frame of the screen, however fast words arrive. */
function redrawSoon() {
  if (isDrawing) return;
  isDrawing = true;
  const once = () => {
    if (!isDrawing) return;
    isDrawing = false;
    redraw();
  };
  requestAnimationFrame(once);
  setTimeout(once, 250); // a hidden tab gets no animation frames
}

function redraw() {
  const items = state.run ? [...branchToQuestion(state.run), runningItem(state.run)] : branch();
  draw(items);
  hooks.drawn(items.length);
}

const branch = () => branchOf(state.messages, state.chosen).map(itemOf);

function branchToQuestion({ question, hiddenId }) {
  const messages = state.messages.filter(({ messageId }) => messageId !== hiddenId);
  const items = branchOf(messages, state.chosen).map(itemOf);
  const end = items.findIndex(({ message }) => message.messageId === question.messageId);
  return items.slice(0, end + 1);
}

function itemOf({ message, siblings, parent }) {
  const position = siblings.indexOf(message);
  const show = (index) => {
    state.chosen.set(parent, siblings[index].messageId);
    redraw();
  };
  return {
    key: message.messageId,
    message,
    isRunning: false,
    siblings: { position, count: state.run ? 1 : siblings.length, show },
    answerAgain: () => answerAgain(message),
  };
}

function runningItem({ answer, sender, model }) {
  return { key: RUNNING, message: { content: answer.parts, sender, model }, isRunning: true };
}
