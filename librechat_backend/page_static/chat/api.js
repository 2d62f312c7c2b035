// The server's JSON interface: who is signed in, and requests that renew the access token.

const REFRESH_AT = 0.8; // of the token's lifetime
const LONGEST_TIMER_MS = 2 ** 31 - 1;

let token = null;
let refreshing = null;
let refreshTimer = null;
let onSignedOut = () => {};

/** An answer other than 2xx. `body` is what the server sent: an object or a text. */
export class ApiError extends Error {
  constructor(status, body) {
    super(`HTTP ${status}`);
    this.status = status;
    this.body = body;
  }
}

export function whenSignedOut(callback) {
  onSignedOut = callback;
}

/** The decoded body. Throws ApiError, or TypeError when the server is out of reach. */
export async function request(method, path, body) {
  return read(await send(method, path, { body }));
}

/** The raw answer of a request that a renewed token was tried for. */
export async function send(method, path, { body, signal } = {}) {
  const response = await sendOnce(method, path, body, signal);
  if (response.status !== 401) return response;
  if (await refresh()) return sendOnce(method, path, body, signal);
  forget();
  onSignedOut();
  return response;
}

function sendOnce(method, path, body, signal) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const payload = body === undefined ? undefined : JSON.stringify(body);
  return fetch(path, { method, headers, body: payload, signal, cache: "no-store" });
}

async function read(response) {
  const text = await response.text();
  const body = parse(text);
  if (!response.ok) throw new ApiError(response.status, body);
  return body;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Sign in silently with the refresh cookie: the user, or null. One request at a time. */
export function refresh() {
  refreshing ??= renew().finally(() => (refreshing = null));
  return refreshing;
}

async function renew() {
  const response = await sendOnce("POST", "/api/auth/refresh");
  if (response.status >= 500) throw new ApiError(response.status, await response.text());
  return adopt(parse(await response.text()));
}

/** The user, or null when the server asks for a second factor, which this page has no form for. */
export async function signIn(email, password) {
  return adopt(await read(await sendOnce("POST", "/api/auth/login", { email, password })));
}

export async function signUp(name, email, password) {
  const body = { name, email, password, confirm_password: password };
  await read(await sendOnce("POST", "/api/auth/register", body));
}

export async function signOut() {
  try {
    await sendOnce("POST", "/api/auth/logout");
  } finally {
    forget();
  }
}

function adopt(session) {
  if (!session?.token) return null;
  token = session.token;
  refreshLater();
  return session.user;
}

function forget() {
  token = null;
  clearTimeout(refreshTimer);
}

/** Counted from now, not by the clock: that of this device may be wrong. */
function refreshLater() {
  const { iat, exp } = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  const delay = Math.min((exp - iat) * 1000 * REFRESH_AT, LONGEST_TIMER_MS);
  clearTimeout(refreshTimer);
  // A failure shows at the next request, which tries again.
  refreshTimer = setTimeout(() => refresh().catch(() => {}), delay);
}
