/** What the client asks at its start (contract 01 §5, 06 §4). */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { BASE_URL, dataService, library } from './lib/browser.mjs';
import { administrator, newPerson, refused, stranger } from './lib/people.mjs';

let alice;
before(async () => {
  alice = await newPerson('alice');
});

const SIGN_IN = {
  appTitle: 'LibreChat',
  emailLoginEnabled: true,
  registrationEnabled: true,
  minPasswordLength: 8,
  passwordResetEnabled: true,
  emailEnabled: false,
  socialLoginEnabled: true,
  openidLoginEnabled: true,
  googleLoginEnabled: false,
  samlLoginEnabled: false,
  ldap: { enabled: false },
};

test('strangers learn what the sign-in page needs and no more', async () => {
  stranger();
  const config = await dataService.getStartupConfig();

  for (const [name, value] of Object.entries(SIGN_IN)) {
    assert.deepEqual(config[name], value, name);
  }
  assert.match(config.serverDomain, /^https?:\/\//);
  for (const name of ['balance', 'modelSpecs', 'adminPanelURL', 'titleGenerationTiming']) {
    assert.equal(name in config, false, name);
  }
});

test('a dead token counts as a stranger for the configuration', async () => {
  const response = await fetch(`${BASE_URL}/api/config`, {
    headers: { Authorization: 'Bearer dead' },
  });
  assert.equal(response.status, 200);
  assert.equal('balance' in (await response.json()), false);
});

test('a person who is signed in learns every switch', async () => {
  alice.act();
  const config = await dataService.getStartupConfig();

  const { interface: flags } = config;
  library.interfaceSchema.parse(flags);
  assert.equal(flags.modelSelect, true, 'without it no model can be chosen');
  assert.equal(flags.parameters, true);
  assert.equal(typeof flags.presets, 'boolean');
  assert.deepEqual(config.balance, { enabled: false });
  assert.equal(config.titleGenerationTiming, 'immediate');
  assert.equal(config.sharedLinksEnabled, true);
  assert.equal('customFooter' in config, false, 'an empty one hides the client’s own');
  assert.equal('adminPanelURL' in config, false);
  if (config.modelSpecs) {
    library.specsConfigSchema.parse(config.modelSpecs);
  }
});

test('the endpoints are those of the environment, in the order of the menu', async () => {
  alice.act();
  const endpoints = await dataService.getAIEndpoints();
  const { agents, ...offered } = endpoints;

  assert.deepEqual(Object.keys(offered).sort(), ['Demo', 'anthropic', 'google', 'openAI']);
  assert.equal(offered.openAI.userProvide, false);
  assert.equal('type' in offered.openAI, false, 'openAI is built into the client');
  assert.equal(offered.Demo.type, 'custom');
  assert.equal(offered.Demo.modelDisplayLabel, 'Demo');
  assert.ok(offered.openAI.order < offered.Demo.order, 'a real model comes before the demo');
  assert.deepEqual(agents.capabilities, ['context'], 'without the key the client assumes all of them');
  assert.ok(agents.order > offered.Demo.order);
});

test('each endpoint has its models, and none is called initial', async () => {
  alice.act();
  const [models, endpoints] = await Promise.all([
    dataService.getModels(),
    dataService.getAIEndpoints(),
  ]);

  assert.deepEqual(Object.keys(models).sort(), Object.keys(endpoints).sort());
  library.modelConfigSchema.parse(models);
  assert.deepEqual(models.openAI, ['gpt-4.1', 'gpt-4.1-mini']);
  assert.ok(models.Demo.includes('demo-echo'));
  assert.deepEqual(models.agents, []);
  assert.equal('initial' in models, false);
});

test('the gauge knows a context window for each model', async () => {
  alice.act();
  const [windows, models] = await Promise.all([
    dataService.getTokenConfig(),
    dataService.getModels(),
  ]);

  for (const model of models.openAI) {
    assert.ok(windows.openAI[model].context > 0);
    assert.equal('prompt' in windows.openAI[model], false, 'prices only when cost is shown');
  }
});

test('the role’s matrix is complete, and what is not built is denied', async () => {
  alice.act();
  const role = await dataService.getRole('USER');

  library.roleSchema.parse(role);
  assert.equal(role.name, 'USER');
  assert.deepEqual(
    Object.keys(library.roleDefaults.USER.permissions).filter(
      (type) => !(type in role.permissions),
    ),
    [],
  );
  for (const type of [
    'AGENTS',
    'SKILLS',
    'MCP_SERVERS',
  ]) {
    assert.equal(Object.values(role.permissions[type]).includes(true), false, type);
  }
  assert.equal(role.permissions.BOOKMARKS.USE, true);
  assert.equal(role.permissions.TEMPORARY_CHAT.USE, true);
  for (const type of ['MEMORIES', 'SHARED_LINKS']) {
    assert.equal(Object.values(role.permissions[type]).includes(false), false, type);
  }
  await refused(dataService.getRole('ADMIN'), 403);
});

test('an administrator reads both roles', async () => {
  const admin = await administrator();
  assert.equal(admin.user.role, 'ADMIN');
  assert.equal((await dataService.getRole('ADMIN')).name, 'ADMIN');
  assert.equal((await dataService.getRole('USER')).name, 'USER');
  await refused(dataService.getRole('NOBODY'), 404, { message: 'Role not found' });
});

test('favourites and the order of the pinned are kept', async () => {
  await newPerson('bob');
  const favorites = [{ model: 'gpt-4.1', endpoint: 'openAI' }, { spec: 'fast' }];

  assert.deepEqual(await dataService.getFavorites(), []);
  assert.deepEqual(await dataService.updateFavorites(favorites), favorites);
  assert.deepEqual(await dataService.getFavorites(), favorites);
  const many = Array.from({ length: 51 }, (_, number) => ({ spec: `spec ${number}` }));
  const refusal = await refused(dataService.updateFavorites(many), 400);
  assert.equal(refusal.code, 'MAX_FAVORITES_EXCEEDED');
  assert.equal(refusal.limit, 50);
  const order = ['model:gpt-4.1', 'convo:1'];
  assert.deepEqual(await dataService.getPinnedOrder(), []);
  assert.deepEqual(await dataService.updatePinnedOrder(order), order);
  assert.deepEqual(await dataService.getPinnedOrder(), order);
});

test('the server says that it lives', async () => {
  stranger();
  assert.equal(await dataService.healthCheck(), 'OK');
});

test('an unknown path below /api is JSON, for everybody', async () => {
  for (const person of [alice, { token: '' }]) {
    const headers = { Authorization: `Bearer ${person.token}` };
    const response = await fetch(`${BASE_URL}/api/no/such/thing`, { headers });
    assert.equal(response.status, 404);
    assert.deepEqual(await response.json(), { message: 'Endpoint not found' });
  }
});
