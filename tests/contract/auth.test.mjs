/** Registering, signing in, staying signed in, signing out (contract 01 §4). */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { BASE_URL, dataService, library, request } from './lib/browser.mjs';
import { PASSWORD, Person, newPerson, refused, stranger } from './lib/people.mjs';
import { assertIso, assertObjectId } from './lib/shapes.mjs';

const CHECK_EMAIL = { message: 'Please check your email to verify your email address.' };

let alice;
before(async () => {
  alice = await newPerson('alice');
});

test('registering answers the same for a new and a known address, and signs nobody in', async () => {
  const person = new Person('carol');

  assert.deepEqual(await person.register(), CHECK_EMAIL);
  assert.deepEqual(await person.register(), CHECK_EMAIL);
  assert.equal(person.cookies.header(), '');
});

test('what registration refuses is told in one sentence', async () => {
  const person = new Person('dave');
  person.email = 'not an address';
  const { message } = await refused(person.register(), 404);
  assert.match(message, /^email: /);

  const short = new Person('dave');
  short.password = 'short';
  assert.match((await refused(short.register(), 404)).message, /password/);
});

test('signing in gives a token, the user and a cookie scripts cannot read', async () => {
  const person = await newPerson('erin');

  const claims = JSON.parse(atob(person.token.split('.')[1]));
  assert.equal(claims.id, person.user.id);
  assert.ok(
    claims.exp * 1000 - Date.now() > 120_000,
    'the client refreshes at less than 2 minutes',
  );
  const { attributes } = person.cookies.get('refreshToken');
  assert.ok(attributes.has('httponly'));
  assert.equal(attributes.get('samesite').toLowerCase(), 'strict');
});

test('a wrong password and an unknown address are refused alike', async () => {
  const wrong = Object.assign(new Person(), { email: alice.email, password: 'wrong password' });
  const unknown = new Person('nobody');

  const first = await refused(wrong.signIn(), 404);
  const second = await refused(unknown.signIn(), 404);
  assert.equal(typeof first.message, 'string');
  assert.deepEqual(first, second);
  assert.equal(wrong.cookies.header(), '');
});

test('the user is told completely, with both ids and without a secret', async () => {
  alice.act();
  const user = await dataService.getUser();

  assert.deepEqual(user, {
    id: user.id,
    _id: user.id,
    email: alice.email,
    name: alice.name,
    username: alice.username,
    avatar: null,
    role: 'USER',
    provider: 'local',
    emailVerified: true,
    twoFactorEnabled: false,
    personalization: { memories: true },
    plugins: [],
    favorites: [],
    termsAccepted: false,
    createdAt: user.createdAt,
    updatedAt: user.updatedAt,
  });
  assertObjectId(user.id);
  assertIso(user.createdAt);
  assert.deepEqual(alice.user.id, user.id);
});

test('a reload gets a new token by the cookie, and a new cookie', async () => {
  const person = await newPerson('frank');
  const before = person.cookies.get('refreshToken').value;
  library.setTokenHeader(undefined);
  const { token, user } = await request.refreshToken();

  assert.equal(user.id, person.user.id);
  assert.equal(user.role, 'USER');
  assert.notEqual(person.cookies.get('refreshToken').value, before);
  person.token = token;
  person.act();
  assert.equal((await dataService.getUser()).id, person.user.id);
});

test('two tabs may refresh at the same moment', async () => {
  await newPerson('grace');
  const answers = await Promise.all([request.refreshToken(), request.refreshToken()]);

  assert.deepEqual(
    answers.map(({ user }) => user.name),
    ['grace', 'grace'],
  );
});

test('without a cookie a refresh is 200 and no token', async () => {
  stranger();
  assert.equal(await request.refreshToken(), 'Refresh token not provided');
});

test('a forged cookie is refused', async () => {
  const person = stranger();
  person.cookies.store(['refreshToken=forged']);
  await refused(request.refreshToken(), 403, 'Invalid refresh token');
});

test('a call with a dead token is repeated after a refresh', async () => {
  const person = await newPerson('heidi');
  const updates = [];
  window.addEventListener('tokenUpdated', (event) => updates.push(event.detail), { once: true });
  library.setTokenHeader('dead.token.here');

  assert.equal((await dataService.getUser()).id, person.user.id);
  assert.equal(updates.length, 1);
  assert.notEqual(updates[0], 'dead.token.here');
});

test('the client’s fetch recovers in the same way', async () => {
  await newPerson('ivan');
  // Node's fetch has no cookies: the refresh goes through axios, whose jar has them.
  library.setTokenHeader('dead.token.here');
  const response = await request.authenticatedFetch(`${BASE_URL}/api/user`);

  assert.equal(response.status, 200);
  assert.equal((await response.json()).name, 'ivan');
});

test('after signing out neither cookie nor session is left', async () => {
  const person = await newPerson('judy');
  const old = person.cookies.get('refreshToken').value;

  assert.deepEqual(await dataService.logout(), { message: 'Logout successful' });
  assert.equal(person.cookies.header(), '');
  person.cookies.store([`refreshToken=${old}`]);
  library.setTokenHeader(undefined);
  await refused(request.refreshToken(), 401);
});

test('without a session the client is sent to the sign-in page once', async () => {
  stranger();
  library.setTokenHeader('dead.token.here');
  await refused(dataService.getUser(), 401);

  assert.match(window.location.href, /\/login/);
  request.dispatchTokenUpdatedEvent(alice.token); // ends the pause after a redirect
  window.location.href = '';
});

test('strangers get 401 and nothing else', async () => {
  stranger();
  for (const call of [dataService.getUser, dataService.getModels, dataService.logout]) {
    await refused(call(), 401);
  }
});

test('terms are accepted once and the first time is kept', async () => {
  await newPerson('mallory');
  assert.deepEqual(await dataService.getUserTerms(), {
    termsAccepted: false,
    termsAcceptedAt: null,
  });
  const accepted = await dataService.acceptTerms();

  assertIso(accepted.termsAcceptedAt);
  assert.equal((await dataService.acceptTerms()).termsAcceptedAt, accepted.termsAcceptedAt);
  assert.deepEqual(await dataService.getUserTerms(), {
    termsAccepted: true,
    termsAcceptedAt: accepted.termsAcceptedAt,
  });
});
