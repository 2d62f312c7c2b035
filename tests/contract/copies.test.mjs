/** Fork and duplicate (contract 03 §3). */
import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import { dataService } from './lib/browser.mjs';
import { ask, newChat } from './lib/chat.mjs';
import { newPerson, refused } from './lib/people.mjs';
import { asConversation } from './lib/shapes.mjs';

const DEMO = newChat('Demo', 'demo-echo', { temperature: 0.4 });

let alice;
let bob;
let chat;
let messages;
before(async () => {
  bob = await newPerson('bob');
  alice = await newPerson('alice');
  const { conversation } = await ask(alice, DEMO, { text: 'Tide tables' });
  chat = await dataService.getConversationById(conversation.conversationId);
  messages = await dataService.getMessagesByConvoId(chat.conversationId);
});
beforeEach(() => alice.act());

test('a fork of the question alone has one message, and settings', async () => {
  const copy = await dataService.forkConversation({
    conversationId: chat.conversationId,
    messageId: messages[0].messageId,
    option: 'directPath',
    splitAtTarget: false,
    latestMessageId: messages[1].messageId,
  });

  const conversation = asConversation(copy.conversation);
  assert.notEqual(conversation.conversationId, chat.conversationId);
  assert.equal(conversation.temperature, 0.4);
  assert.deepEqual(
    copy.messages.map(({ text }) => text),
    ['Tide tables'],
  );
  assert.deepEqual(conversation.messages, [copy.messages[0]._id]);
});

test('a duplicate has both messages, the answer below the question', async () => {
  const { conversationId } = chat;
  const copy = await dataService.duplicateConversation({ conversationId });

  assert.equal(copy.conversation.title, chat.title);
  assert.equal(copy.messages.length, 2);
  assert.equal(copy.messages[1].parentMessageId, copy.messages[0].messageId);
  const { conversations } = await dataService.listConversations();
  assert.equal(conversations[0].conversationId, copy.conversation.conversationId);
});

test('nobody copies what belongs to somebody else', async () => {
  bob.act();
  const { conversationId } = chat;
  await refused(dataService.duplicateConversation({ conversationId }), 404);
  await refused(
    dataService.forkConversation({ conversationId, messageId: messages[0].messageId }),
    404,
  );
});
