/** Signing in through an OpenID provider that another project wrote, and out again (01 §4.11). */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { BASE_URL, dataService, request } from './lib/browser.mjs';
import { CookieJar } from './lib/cookies.mjs';
import { Person, refused } from './lib/people.mjs';

const ISSUER = process.env.CONTRACT_ISSUER;
const MOVED = [302, 303];

let config;
before(async () => {
  new Person().act();
  config = await dataService.getStartupConfig();
});

/** What a browser does with an address: it keeps the provider's cookies apart from ours. */
async function visit(person, jars, url, form) {
  const jar = url.startsWith(ISSUER) ? jars : person.cookies;
  const answer = await fetch(url, {
    redirect: 'manual',
    method: form ? 'POST' : 'GET',
    body: form && new URLSearchParams(form),
    headers: { Cookie: jar.header() },
  });
  jar.store(answer.headers.getSetCookie());
  return answer;
}

/** From the button to the page the browser ends on; the provider's forms are filled in. */
async function signInThrough(person, address) {
  const atProvider = new CookieJar();
  let url = `${config.serverDomain}/oauth/openid`;
  let form;
  for (let steps = 0; steps < 15; steps += 1) {
    const answer = await visit(person, atProvider, url, form);
    if (MOVED.includes(answer.status)) {
      url = new URL(answer.headers.get('location'), url).href;
      form = undefined;
      if (url.startsWith(BASE_URL) && !url.includes('/oauth/')) {
        return url;
      }
    } else {
      const page = await answer.text();
      assert.equal(answer.status, 200, page);
      url = new URL(/action="([^"]+)"/.exec(page)[1], url).href;
      form = { prompt: /name="prompt" value="(\w+)"/.exec(page)[1], login: address, password: 'x' };
    }
  }
  return assert.fail('the browser goes in circles');
}

test('the sign-in page has the button', () => {
  assert.equal(config.socialLoginEnabled, true);
  assert.equal(config.openidLoginEnabled, true);
  assert.ok(config.socialLogins.includes('openid'));
  assert.equal(config.openidLabel, 'Continue with OpenID');
  assert.equal(config.serverDomain, BASE_URL);
});

test('who comes back from the provider is signed in, and signs out there as well', async () => {
  const grace = new Person('grace');

  assert.equal(new URL(await signInThrough(grace, grace.email)).pathname, '/');

  grace.act();
  const { token, user } = await request.refreshToken(true);
  assert.deepEqual([user.email, user.name, user.provider], [grace.email, 'Grace', 'openid']);
  grace.token = token;
  grace.act();
  assert.equal((await dataService.getUser()).email, grace.email);

  const { redirect } = await dataService.logout();
  const address = new URL(redirect);
  assert.equal(address.origin, ISSUER);
  assert.equal(address.searchParams.get('post_logout_redirect_uri'), `${BASE_URL}/login`);
  const page = await fetch(redirect);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /session\/end\/confirm/);
});

test('whoever came from the provider has no password that could be guessed', async () => {
  const heidi = new Person('heidi');
  await signInThrough(heidi, heidi.email);

  await refused(heidi.signIn(), 404);
});
