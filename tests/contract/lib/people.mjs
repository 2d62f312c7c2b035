/** Somebody at a browser: an account, a cookie jar, an access token. One acts at a time. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { axios, dataService, library } from './browser.mjs';
import { CookieJar } from './cookies.mjs';

export const PASSWORD = 'correct horse battery';

let acting = null;

export class Person {
  constructor(name = 'alice') {
    const unique = randomUUID().slice(0, 8);
    this.name = name;
    this.email = `${name}-${unique}@example.com`;
    this.username = `${name}${unique}`;
    this.password = PASSWORD;
    this.cookies = new CookieJar();
    this.token = null;
    this.user = null;
  }

  /** From now on the library's requests are this person's. */
  act() {
    acting = this;
    library.setTokenHeader(this.token ?? undefined);
    return this;
  }

  async register() {
    this.act();
    return dataService.register({
      name: this.name,
      email: this.email,
      username: this.username,
      password: this.password,
      confirm_password: this.password,
    });
  }

  async signIn() {
    this.act();
    const { token, user } = await dataService.login({ email: this.email, password: this.password });
    Object.assign(this, { token, user });
    return this.act();
  }
}

/** A new account, signed in and acting. */
export async function newPerson(name) {
  const person = new Person(name);
  await person.register();
  return person.signIn();
}

/** The administrator whom the runner created. */
export async function administrator() {
  const person = new Person('admin');
  person.email = process.env.CONTRACT_ADMIN_EMAIL;
  person.password = process.env.CONTRACT_ADMIN_PASSWORD;
  return person.signIn();
}

/** Nobody: no token, no cookie. */
export function stranger() {
  return new Person('stranger').act();
}

axios.interceptors.request.use((config) => {
  const cookies = acting?.cookies.header();
  if (cookies) {
    config.headers.set('Cookie', cookies);
  }
  return config;
});

axios.interceptors.response.use(keepCookies, (error) => {
  if (error.response) {
    keepCookies(error.response);
  }
  return Promise.reject(error);
});

function keepCookies(response) {
  acting?.cookies.store(response.headers['set-cookie'] ?? []);
  return response;
}

/** The library's error of a call that must be refused; its status and body are exact. */
export async function refused(call, status, body) {
  const error = await call.then(
    (answer) => assert.fail(`answered 200 ${JSON.stringify(answer)}`),
    (reason) => reason,
  );
  assert.equal(error.response?.status, status, error.message);
  if (body !== undefined) {
    assert.deepEqual(error.response.data, body);
  }
  return error.response.data;
}
