/** Search in messages and titles (contract 03 §8). */
import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import { dataService } from './lib/browser.mjs';
import { ask, newChat } from './lib/chat.mjs';
import { newPerson } from './lib/people.mjs';
import { asMessages } from './lib/shapes.mjs';

const DEMO = newChat('Demo', 'demo-echo');

let alice;
let bob;
before(async () => {
  bob = await newPerson('bob');
  alice = await newPerson('alice');
  await ask(alice, DEMO, { text: 'Spring tide in Brest' });
});
beforeEach(() => alice.act());

test('search is on', async () => {
  assert.equal(await dataService.getSearchEnabled(), true);
});

test('a message is found, with the title of its chat', async () => {
  const { messages, nextCursor } = await dataService.listMessages({ search: 'brest spring' });

  assert.equal(nextCursor, null);
  assert.ok(messages.length >= 1);
  asMessages(messages);
  assert.ok(messages.some(({ text }) => text === 'Spring tide in Brest'));
  assert.equal(messages[0].title, 'Spring tide in Brest');
});

test('a chat is found by its title', async () => {
  const { conversations } = await dataService.listConversations({ search: 'brest' });
  assert.deepEqual(
    conversations.map(({ title }) => title),
    ['Spring tide in Brest'],
  );
});

test('nobody finds what belongs to somebody else', async () => {
  bob.act();
  assert.deepEqual(await dataService.listMessages({ search: 'brest' }), {
    messages: [],
    nextCursor: null,
  });
  assert.deepEqual((await dataService.listConversations({ search: 'brest' })).conversations, []);
});
