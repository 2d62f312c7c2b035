/** What the client asks although nobody built it: the correct nothing (contract 06 §1.3, §4.4). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import { dataService, library } from './lib/browser.mjs';
import { newPerson, refused, stranger } from './lib/people.mjs';

const CONVERSATION = randomUUID();

const NOTHING = [
  [
    'speech',
    () => dataService.getCustomConfigSpeech(),
    { sttExternal: false, ttsExternal: false, speechToText: false, textToSpeech: false },
  ],
  ['voices', () => dataService.getVoices(), []],
  [
    'agents',
    () => dataService.listAgents({ requiredPermission: 1, limit: 1000 }),
    {
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
      after: null,
    },
  ],
  ['agent categories', () => dataService.getAgentCategories(), []],
  ['tools', () => dataService.getAvailableTools(library.EModelEndpoint.agents), []],
  ['tool calls', () => dataService.getToolCalls({ conversationId: CONVERSATION }), []],
  ['tool favourites', () => dataService.getToolFavorites(), []],
  ['actions', () => dataService.getActions(), []],
  ['MCP servers', () => dataService.getMCPServers(), {}],
  ['MCP tools', () => dataService.getMCPTools(), { servers: {} }],
  [
    'MCP connections',
    () => dataService.getMCPConnectionStatus(),
    { success: true, connectionStatus: {} },
  ],
  ['rights', () => dataService.getAllEffectivePermissions('mcpServer'), {}],
  ['right', () => dataService.getEffectivePermissions('promptGroup', 'x'), { permissionBits: 0 }],
  ['skills', () => dataService.listSkills({}), { skills: [], has_more: false, after: null }],
  ['skill states', () => dataService.getSkillStates(), {}],
  ['key', () => dataService.userKeyQuery('openAI'), { expiresAt: null }],
  ['presets', () => dataService.getPresets(), []],
  [
    'message search',
    () => dataService.listMessages({ search: 'frog' }),
    { messages: [], nextCursor: null },
  ],
  [
    'traces',
    () => dataService.getConversationTraceAvailability(CONVERSATION),
    { available: false },
  ],
  [
    'code environments',
    () => dataService.getCodeEnvironments(),
    { environments: [], controlPlanes: [] },
  ],
];

before(() => newPerson('alice'));

for (const [name, call, expected] of NOTHING) {
  test(`${name}: nothing, in the right shape`, async () => {
    assert.deepEqual(await call(), expected);
  });
}

test('nobody listens and nobody speaks', async () => {
  const recording = new FormData();
  recording.append('audio', new Blob(['RIFF'], { type: 'audio/wav' }), 'a.wav');
  await refused(dataService.speechToText(recording), 404);
  const text = new FormData();
  text.append('input', 'Good morning.');
  await refused(dataService.textToSpeech(text), 404);
});

test('no balance is 204', async () => {
  assert.equal(await dataService.getUserBalance(), '');
});

test('no banner is null, for strangers too', async () => {
  const person = stranger();
  assert.equal(await dataService.getBanner(), null);
  assert.equal(person.token, null);
  await newPerson('alice');
  assert.equal(await dataService.getBanner(), null);
});

test('web search of one’s own key is not set up', async () => {
  const answer = await dataService.getVerifyAgentToolAuth({ toolId: 'web_search' });
  assert.equal(answer.authenticated, false);
  assert.deepEqual(answer.authTypes, []);
});

test('subagents of a chat are none', async () => {
  const answer = await dataService.getParentSubagents(CONVERSATION);
  assert.deepEqual(answer.children, []);
  assert.equal(answer.parentConversationId, CONVERSATION);
});

test('the categories of prompts are words the client translates', async () => {
  const categories = await dataService.getCategories();
  assert.deepEqual(categories[0], { label: 'com_ui_idea', value: 'idea' });
  assert.equal(categories.length, 9);
});

test('strangers are asked to sign in first', async () => {
  stranger();
  for (const [, call] of NOTHING) {
    await refused(call(), 401);
  }
});
