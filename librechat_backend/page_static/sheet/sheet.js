// What the pages beside the chat have in common. The chat's refresh cookie signs in.

import { ApiError, refresh, whenSignedOut } from "../chat/api.js";
import { byId } from "../chat/dom.js";

export function say(text, isError = false) {
  const notice = byId("notice");
  notice.textContent = text;
  notice.classList.toggle("is-error", isError);
  notice.hidden = !text;
}

/** Runs an action of a button or form; what goes wrong is said, and the button waits meanwhile. */
export async function act(button, action) {
  button.disabled = true;
  say("");
  try {
    await action();
  } catch (error) {
    say(error instanceof ApiError ? (error.body?.message ?? "That did not work.") : "The server cannot be reached.", true);
  } finally {
    button.disabled = false;
  }
}

async function start(show) {
  const user = await refresh();
  byId(user ? "signed-in" : "signed-out").hidden = false;
  if (user) await show(user);
}

/** Opens the page with `show` for who is signed in; all others are asked to sign in. */
export function open(show) {
  whenSignedOut(() => location.reload());
  start(show).catch(() => say("The server cannot be reached. Please try again in a moment.", true));
}
