/** Answering again: regenerate, edit and rerun, edit an answer and continue (contract 02 §10). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import { dataService } from './lib/browser.mjs';
import { NO_PARENT, ask, newChat } from './lib/chat.mjs';
import { newPerson } from './lib/people.mjs';
import { answersAskedWith } from './lib/provider.mjs';
import { textOf } from './lib/replay.mjs';
import { asMessages } from './lib/shapes.mjs';

const OPENAI = newChat('openAI', 'gpt-4.1');

let alice;
before(async () => {
  alice = await newPerson('alice');
});

function regenerate({ requestMessage, responseMessage }) {
  return {
    text: requestMessage.text,
    parentMessageId: requestMessage.parentMessageId,
    messageId: requestMessage.messageId,
    responseMessageId: `${responseMessage.messageId}_`,
    isRegenerate: true,
  };
}

test('regenerating adds a sibling answer and keeps the question', async () => {
  const first = await ask(alice, OPENAI, { text: '[[say:Heads.]] Toss a coin' });
  const again = await ask(alice, first.conversation, regenerate(first));

  assert.equal(again.replay.created.message.messageId, first.requestMessage.messageId);
  assert.equal(again.requestMessage.messageId, first.requestMessage.messageId);
  assert.notEqual(again.responseMessage.messageId, first.responseMessage.messageId);
  assert.equal(again.responseMessage.parentMessageId, first.requestMessage.messageId);
  const stored = asMessages(
    await dataService.getMessagesByConvoId(first.conversation.conversationId),
  );
  assert.deepEqual(
    stored.map((message) => message.messageId),
    [
      first.requestMessage.messageId,
      first.responseMessage.messageId,
      again.responseMessage.messageId,
    ],
  );
});

test('regenerating leaves the replaced answer out of what the provider reads', async () => {
  const mark = randomUUID();
  const first = await ask(alice, OPENAI, { text: `[[say:Tails.]] Toss ${mark}` });
  await ask(alice, first.conversation, regenerate(first));

  const asked = await answersAskedWith(mark);
  const roles = asked.map((body) => body.messages.map((message) => message.role));
  assert.deepEqual(roles, [['user'], ['user']]);
});

test('an edited question becomes a sibling question', async () => {
  const first = await ask(alice, OPENAI, { text: '[[say:Four.]] Two and two' });
  const edited = await ask(alice, first.conversation, {
    text: '[[say:Six.]] Three and three',
    parentMessageId: NO_PARENT,
  });

  assert.equal(edited.started.conversationId, first.started.conversationId);
  assert.equal(edited.requestMessage.parentMessageId, NO_PARENT);
  assert.notEqual(edited.requestMessage.messageId, first.requestMessage.messageId);
  const stored = await dataService.getMessagesByConvoId(first.conversation.conversationId);
  assert.deepEqual(
    stored.map((message) => message.parentMessageId),
    [NO_PARENT, first.requestMessage.messageId, NO_PARENT, edited.requestMessage.messageId],
  );
});

test('an edited answer is continued in a new one, indices counted anew', async () => {
  const first = await ask(alice, OPENAI, { text: '[[say:Once upon a time]] Tell a story' });
  const continued = await ask(alice, first.conversation, {
    ...regenerate(first),
    responseMessageId: first.responseMessage.messageId,
    editedContent: { index: 0, type: 'text', text: 'Long ago ' },
  });

  assert.equal(continued.replay.text, 'Once upon a time', 'only what is new is streamed');
  assert.deepEqual(
    [...continued.replay.steps.values()].map((step) => step.index),
    [0],
  );
  assert.deepEqual(continued.responseMessage.content, [
    { type: 'text', text: 'Long ago Once upon a time' },
  ]);
  assert.notEqual(continued.responseMessage.messageId, first.responseMessage.messageId);
  assert.equal(continued.responseMessage.parentMessageId, first.requestMessage.messageId);
  const stored = await dataService.getMessagesByConvoId(first.conversation.conversationId);
  assert.equal(textOf(stored[1].content), 'Once upon a time', 'the edited answer itself stays');
  assert.equal(stored.length, 3);
});

test('edited thoughts stay before the new answer', async () => {
  const first = await ask(alice, newChat('Demo', 'demo-reasoning'), { text: 'think' });
  const continued = await ask(alice, first.conversation, {
    ...regenerate(first),
    responseMessageId: first.responseMessage.messageId,
    editedContent: { index: 0, type: 'think', think: 'On second thought.' },
  });

  const [thought, ...rest] = continued.responseMessage.content;
  assert.equal(thought.type, 'think');
  assert.ok(thought.think.startsWith('On second thought.'));
  assert.equal(textOf(rest).endsWith(continued.replay.text), true);
});

test('an answer cut off by its length can be continued', async () => {
  const first = await ask(alice, OPENAI, { text: '[[length]] [[say:To be]] Quote' });
  assert.equal(first.responseMessage.finish_reason, 'length', 'the client shows Continue');
  const continued = await ask(alice, first.conversation, {
    ...regenerate(first),
    isContinued: true,
  });

  assert.equal(continued.requestMessage.messageId, first.requestMessage.messageId);
  assert.equal(continued.responseMessage.parentMessageId, first.requestMessage.messageId);
  assert.equal(textOf(continued.responseMessage.content), 'To beTo be');
});
