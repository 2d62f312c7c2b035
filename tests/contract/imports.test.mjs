/** Importing chats, as the client's dialog does it (contract 03 §4). */
import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import { dataService } from './lib/browser.mjs';
import { newPerson, refused } from './lib/people.mjs';
import { asConversation } from './lib/shapes.mjs';

const STARTED = 1_700_000_000;

let alice;
let bob;
before(async () => {
  bob = await newPerson('bob');
  alice = await newPerson('alice');
});
beforeEach(() => alice.act());

function upload(content, name = 'Chäts & more.json') {
  const form = new FormData();
  const data = typeof content === 'string' ? content : JSON.stringify(content);
  form.append('file', new Blob([data], { type: 'application/json' }), encodeURIComponent(name));
  return dataService.importConversationsFile(form);
}

function node(id, parent, role, text, seconds) {
  const content = { content_type: 'text', parts: [text] };
  const message = { id, author: { role }, create_time: STARTED + seconds, content, metadata: {} };
  return { id, parent, children: [], message };
}

function chatgpt(title) {
  const nodes = [
    node('q', null, 'user', 'When is high tide?', 1),
    node('a', 'q', 'assistant', 'At noon.', 2),
    node('b', 'q', 'assistant', 'At midnight.', 3),
  ];
  const mapping = Object.fromEntries(nodes.map((each) => [each.id, each]));
  return { id: title, title, create_time: STARTED, mapping };
}

test('chats appear at their old place, with their branches', async () => {
  const { message } = await upload([chatgpt('Tides')]);

  assert.equal(message, 'Conversation(s) imported successfully');
  const { conversations } = await dataService.listConversations();
  assert.equal(conversations[0].title, 'Tides');
  assert.equal(conversations[0].createdAt, '2023-11-14T22:13:20.000Z');
  assert.equal(conversations[0].updatedAt, conversations[0].createdAt);
  const { conversationId } = conversations[0];
  assert.deepEqual([conversations[0].endpoint, conversations[0].model], ['openAI', 'gpt-4.1']);
  asConversation(await dataService.getConversationById(conversationId));
  const messages = await dataService.getMessagesByConvoId(conversationId);
  const texts = Object.fromEntries(messages.map((each) => [each.messageId, each.text]));
  assert.deepEqual(
    messages.map((each) => [each.text, texts[each.parentMessageId] ?? null, each.isCreatedByUser]),
    [
      ['When is high tide?', null, true],
      ['At noon.', 'When is high tide?', false],
      ['At midnight.', 'When is high tide?', false],
    ],
  );
});

test('the same file again adds nothing', async () => {
  await upload([chatgpt('Again')]);
  const before = await dataService.listConversations();
  const answer = await upload([chatgpt('Again')]);
  assert.deepEqual([answer.added, answer.known], [0, 1]);
  assert.deepEqual(await dataService.listConversations(), before);
});

test("what the client's own export wrote is imported", async () => {
  const tree = {
    conversationId: '0b9c3a54-6d1e-4a77-9f3b-2f8f0e1d2c3b',
    endpoint: 'openAI',
    title: 'Exported',
    branches: true,
    recursive: true,
    options: { model: 'gpt-4o-mini', temperature: 0.4 },
    messages: [
      { messageId: '1', text: 'Hi', sender: 'User', isCreatedByUser: true,
        children: [{ messageId: '2', text: '', content: [{ type: 'text', text: 'Hello' }],
                     sender: 'AI', isCreatedByUser: false, children: [] }] },
    ],
  };
  await upload(tree);
  const { conversations } = await dataService.listConversations({ search: 'Exported' });
  assert.equal(conversations.length, 1);
  const messages = await dataService.getMessagesByConvoId(conversations[0].conversationId);
  assert.equal(messages.length, 2);
  assert.equal(messages[1].parentMessageId, messages[0].messageId);
  assert.deepEqual(messages[1].content, [{ type: 'text', text: 'Hello' }]);
});

test('files that are no chats are refused', async () => {
  await refused(upload('{"a": 1}'), 400);
  await refused(upload('[{"mapping": oops}]'), 400);
  await refused(upload(''), 400);
});

test('nobody sees what somebody else imported', async () => {
  bob.act();
  assert.deepEqual((await dataService.listConversations()).conversations, []);
});
