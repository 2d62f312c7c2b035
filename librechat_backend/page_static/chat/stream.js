// Following a generation: server-sent events over fetch, and coming back after a lost connection.

import { send } from "./api.js";

const SILENCE_MS = 45_000; // the server sends a ping every 15 s
const LONGEST_PAUSE_MS = 15_000;

/**
 * Hand every frame of a generation to `onFrame` until it ends.
 * Resolves to "done", "gone" (the server knows it no more) or "left" (`signal` fired).
 */
export async function follow({ conversationId, epoch, resume, signal, onFrame, onConnection }) {
  let failures = 0;
  while (!signal.aborted) {
    try {
      const ending = await followOnce({ conversationId, epoch, resume, signal }, (frame) => {
        if (failures > 0) onConnection(true);
        failures = 0;
        onFrame(frame);
      });
      if (ending) return ending;
    } catch (error) {
      if (signal.aborted) return "left";
      console.info("The stream broke off:", error);
    }
    resume = true;
    onConnection(false);
    await pause(Math.min(500 * 2 ** failures++, LONGEST_PAUSE_MS), signal);
  }
  return "left";
}

/** "done", "gone", or undefined when the connection ended before the generation did. */
async function followOnce({ conversationId, epoch, resume, signal }, onFrame) {
  const query = new URLSearchParams();
  if (resume) query.set("resume", "true");
  if (epoch) query.set("generationCreatedAt", epoch);
  const watchdog = watch(signal);
  try {
    const path = `/api/agents/chat/stream/${encodeURIComponent(conversationId)}?${query}`;
    const response = await send("GET", path, { signal: watchdog.signal });
    if ([401, 403, 404, 409].includes(response.status)) return "gone";
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    for await (const { event, data } of frames(response.body, watchdog.touch)) {
      if (event === "ping") continue;
      onFrame(data);
      if (data.final || event === "error") return "done";
    }
  } finally {
    watchdog.stop();
  }
}

/** A signal that also fires when nothing arrives for too long: half-open connections never fail. */
function watch(signal) {
  const controller = new AbortController();
  const stop = () => controller.abort();
  let timer = setTimeout(stop, SILENCE_MS);
  signal.addEventListener("abort", stop);
  return {
    signal: controller.signal,
    touch() {
      clearTimeout(timer);
      timer = setTimeout(stop, SILENCE_MS);
    },
    stop() {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      stop();
    },
  };
}

/** The frames of a body as `{event, data}`, cut anywhere by the network. */
export async function* frames(body, onBytes) {
  let rest = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes();
    const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const frame = decode(block);
      if (frame) yield frame;
    }
  }
}

function decode(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}

/** Ends early when the network is back or the signal fires. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    addEventListener("online", end);
    signal.addEventListener("abort", end);
  });
}
