/** No call of the client's library about accounts, chats, files, and what belongs to them, goes
 * untried here. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { axios, dataService } from './lib/browser.mjs';

/** Where the requests of each area go. What a path is told apart by, not what a function is called. */
const AREAS = {
  accounts: /^\/api\/(auth|user)\b/,
  roles: /^\/api\/(admin\/)?roles\b/,
  permissions: /^\/api\/permissions\b/,
  keys: /^\/api\/(keys|api-keys)\b/,
  start: /^\/api\/(config|endpoints|models|banner|balance)\b/,
  files: /^\/api\/files\b/,
  conversations: /^\/api\/convos\b/,
  messages: /^\/api\/messages\b/,
  search: /^\/api\/search\b/,
  tags: /^\/api\/tags\b/,
  shares: /^\/api\/share\b/,
  projects: /^\/api\/projects\b/,
  prompts: /^\/api\/(prompts|categories|roles\/\w+\/prompts)\b/,
  memories: /^\/api\/(memories|roles\/\w+\/memories)\b/,
  presets: /^\/api\/presets\b/,
  traces: /^\/api\/traces\b/,
};
/** As many as 0.8.524 has: fewer means that this test has stopped seeing them. */
const COUNTS = {
  accounts: 30,
  roles: 10,
  permissions: 6,
  keys: 6,
  start: 6,
  files: 17,
  conversations: 16,
  messages: 8,
  search: 1,
  tags: 6,
  shares: 10,
  projects: 6,
  prompts: 16,
  memories: 8,
  presets: 4,
  traces: 3,
};

const sources = ['./', './lib/']
  .flatMap((place) => readdirSync(new URL(place, import.meta.url)).map((name) => place + name))
  .filter((name) => name.endsWith('.mjs') && !name.endsWith('calls.test.mjs'))
  .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'))
  .join('\n');

/** The path that `call` asks for, whatever it is given; empty when it asks for nothing. */
async function pathOf(call) {
  let path = '';
  axios.defaults.adapter = (config) => {
    path = new URL(config.url).pathname;
    throw new Error('recorded');
  };
  const ids = { conversationId: 'x', messageId: 'x', roleName: 'x' };
  for (const values of [Array(4).fill('x'), [ids]]) {
    if (!path) {
      await Promise.resolve()
        .then(() => call(...values))
        .catch(() => {});
    }
  }
  return path;
}

const paths = new Map();
for (const [name, call] of Object.entries(dataService)) {
  paths.set(name, await pathOf(call));
}

for (const [area, address] of Object.entries(AREAS)) {
  test(`every call about ${area} is tried`, () => {
    const names = [...paths].filter(([, path]) => address.test(path)).map(([name]) => name);
    const untried = names.filter((name) => !sources.includes(`dataService.${name}(`));
    assert.deepEqual(untried, []);
    assert.equal(names.length, COUNTS[area], names.join(', '));
  });
}
