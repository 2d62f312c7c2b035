// The field a message is written in, and its Send and Stop button.

import { byId } from "./dom.js";

const LONGEST_PX = 220;

/** `send(text)` and `stop()` are called for the person; Enter sends, Shift+Enter breaks the line. */
export function setUpComposer({ send, stop }) {
  const field = byId("text");
  field.addEventListener("input", update);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit(send);
  });
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submit(send);
  });
  byId("stop").addEventListener("click", stop);
}

function submit(send) {
  const text = byId("text").value.trim();
  if (!text || byId("send").disabled || byId("send").hidden) return;
  setText("");
  send(text);
}

export function setText(text) {
  byId("text").value = text;
  update();
}

export const focusComposer = () => byId("text").focus();

/** Show Stop instead of Send while an answer is being written. */
export function setRunning(run) {
  byId("send").hidden = run !== null;
  byId("stop").hidden = run === null;
  byId("stop").disabled = Boolean(run?.isStopping);
}

function update() {
  const field = byId("text");
  byId("send").disabled = !field.value.trim();
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, LONGEST_PX)}px`;
}
