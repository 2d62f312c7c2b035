// Signing in and signing up: one form, two modes.

import { refresh, signIn, signUp } from "./api.js";
import { byId } from "./dom.js";
import { readable } from "./errors.js";

const SECOND_FACTOR = "This account asks for a second factor. Please sign in with the full client.";

let isSigningUp = false;

/** `signedIn(user)` is called when the form succeeds. */
export function setUpSignIn(config, signedIn) {
  byId("switch-line").hidden = !config.registrationEnabled;
  byId("password").minLength = config.minPasswordLength;
  byId("switch").addEventListener("click", () => setMode(!isSigningUp));
  byId("sign-in-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    await submit(signedIn);
  });
}

export function showSignIn() {
  byId("sign-in").hidden = false;
  byId("app").hidden = true;
  setMode(false);
  byId("email").focus();
}

/** The user of a session that is still alive, or null. */
export const restoreSession = refresh;

function setMode(signingUp) {
  isSigningUp = signingUp;
  byId("name-field").hidden = !signingUp;
  byId("name").required = signingUp;
  byId("password").autocomplete = signingUp ? "new-password" : "current-password";
  byId("sign-in-heading").textContent = signingUp ? "Create your account" : "Welcome back";
  byId("submit").textContent = signingUp ? "Sign up" : "Sign in";
  byId("switch-question").textContent = signingUp ? "Already have an account?" : "New here?";
  byId("switch").textContent = signingUp ? "Sign in" : "Sign up";
  setProblem("");
}

async function submit(signedIn) {
  const [name, email, password] = ["name", "email", "password"].map((id) => byId(id).value);
  byId("submit").disabled = true;
  setProblem("");
  try {
    if (isSigningUp) await signUp(name, email, password);
    const user = await signIn(email, password);
    if (!user) return setProblem(SECOND_FACTOR);
    byId("password").value = "";
    await signedIn(user);
  } catch (error) {
    setProblem(readable(error));
  } finally {
    byId("submit").disabled = false;
  }
}

function setProblem(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = !text;
}
