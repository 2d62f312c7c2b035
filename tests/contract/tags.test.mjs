/** Bookmarks (contract 03 §5). */
import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import { dataService } from './lib/browser.mjs';
import { ask, newChat } from './lib/chat.mjs';
import { newPerson, refused } from './lib/people.mjs';

const DEMO = newChat('Demo', 'demo-echo');

let alice;
let bob;
let conversationId;
before(async () => {
  bob = await newPerson('bob');
  alice = await newPerson('alice');
  const { conversation } = await ask(alice, DEMO, { text: 'Tide tables' });
  conversationId = conversation.conversationId;
});
beforeEach(() => alice.act());

async function counts() {
  const tags = await dataService.getConversationTags();
  return Object.fromEntries(tags.map(({ tag, count }) => [tag, count]));
}

test('a bookmark is made, set, renamed, moved and deleted', async () => {
  const made = await dataService.createConversationTag({
    tag: 'a/b 100%',
    description: 'Salt',
    addToConversation: true,
    conversationId,
  });
  assert.equal(made.count, 1);
  assert.equal(made.position, 1);
  const payload = { tags: ['a/b 100%', 'work'], tag: 'work' };
  assert.deepEqual(await dataService.addTagToConversation(conversationId, payload), payload.tags);
  assert.deepEqual(await counts(), { work: 1, 'a/b 100%': 1 });

  const { conversations } = await dataService.listConversations({ tags: ['work'] });
  assert.equal(conversations.length, 1);
  await dataService.updateConversationTag('a/b 100%', { tag: 'sea', position: 0 });
  assert.deepEqual((await dataService.getConversationById(conversationId)).tags, ['sea', 'work']);
  const deleted = await dataService.deleteConversationTag('sea');
  assert.equal(deleted.tag, 'sea');
  assert.deepEqual(await counts(), { work: 1 });
});

test('nobody tags what belongs to somebody else', async () => {
  bob.act();
  await refused(dataService.addTagToConversation(conversationId, { tags: ['mine'] }), 404);
  await refused(dataService.deleteConversationTag('work'), 404, { error: 'Tag not found' });
  assert.deepEqual(await counts(), {});
});

test('counts are exact without a call that would rebuild them', async () => {
  await refused(dataService.rebuildConversationTags(), 404);
});
