/** What is done to single messages (contract 03 §7). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, beforeEach, test } from 'node:test';
import { dataService, library } from './lib/browser.mjs';
import { ask, newChat } from './lib/chat.mjs';
import { apiPath } from './lib/paths.mjs';
import { newPerson, refused, stranger } from './lib/people.mjs';
import { asMessages } from './lib/shapes.mjs';

const NOT_FOUND = { error: 'Conversation not found' };

let alice;
let bob;
let conversationId;
let question;
let answer;
before(async () => {
  bob = await newPerson('bob');
  alice = await newPerson('alice');
});
beforeEach(async () => {
  alice.act();
  const turn = await ask(alice, newChat('Demo', 'demo-echo'), { text: 'Hello pond' });
  conversationId = turn.started.conversationId;
  [question, answer] = [turn.requestMessage, turn.responseMessage];
});

async function stored() {
  return asMessages(await dataService.getMessagesByConvoId(conversationId));
}

test('an edited question has a new text and an own answer', async () => {
  const edited = await dataService.updateMessage({
    conversationId,
    messageId: question.messageId,
    text: 'Hello lake',
    model: 'demo-echo',
  });

  assert.deepEqual(edited, {
    messageId: question.messageId,
    conversationId,
    parentMessageId: library.Constants.NO_PARENT,
    sender: 'User',
    text: 'Hello lake',
    isCreatedByUser: true,
    tokenCount: edited.tokenCount,
    endpoint: 'Demo',
  });
  const [first] = await stored();
  assert.equal(first.text, 'Hello lake');
  assert.equal(first.createdAt, question.createdAt);
});

test('a part of an answer is edited in place', async () => {
  const { messageId } = answer;
  await dataService.updateMessageContent({ conversationId, messageId, index: 0, text: 'Better.' });

  const [, second] = await stored();
  assert.deepEqual(second.content, [{ type: 'text', text: 'Better.' }]);
  const beyond = dataService.updateMessageContent({
    conversationId,
    messageId,
    index: 7,
    text: 'x',
  });
  await refused(beyond, 400, { error: 'Content part not found' });
});

test('thumbs are kept, changed and taken back', async () => {
  const { messageId } = answer;
  const feedback = { rating: 'thumbsDown', tag: 'inaccurate', text: 'There is no pond.' };
  const rated = await dataService.updateFeedback(conversationId, messageId, { feedback });

  assert.deepEqual(rated, { messageId, conversationId, feedback });
  assert.deepEqual((await stored())[1].feedback, feedback);
  library.feedbackSchema.parse(rated.feedback);
  const cleared = await dataService.updateFeedback(conversationId, messageId, {
    feedback: undefined,
  });
  assert.equal(cleared.feedback ?? null, null);
  assert.equal('feedback' in (await dataService.getMessagesByConvoId(conversationId))[1], false);
});

test('every tag the client offers is accepted, a tag of the other thumb is not', async () => {
  const { messageId } = answer;
  for (const { key, direction } of library.FEEDBACK_TAGS) {
    const feedback = { rating: direction, tag: key };
    const rated = await dataService.updateFeedback(conversationId, messageId, { feedback });
    assert.deepEqual(rated.feedback, feedback);
  }
  const wrong = { feedback: { rating: 'thumbsUp', tag: 'inaccurate' } };
  await refused(dataService.updateFeedback(conversationId, messageId, wrong), 400, {
    error: 'Invalid feedback',
  });
});

test('one message is read as a list, and deleted alone', async () => {
  const { messageId } = answer;
  assert.deepEqual(await dataService.getMessageById(conversationId, messageId), [answer]);
  assert.deepEqual(await dataService.getMessageById(conversationId, randomUUID()), []);

  await library.request.delete(apiPath(`/api/messages/${conversationId}/${messageId}`));
  assert.deepEqual(
    (await stored()).map((message) => message.messageId),
    [question.messageId],
  );
});

test('an artifact is edited inside its message', async () => {
  const body = ':::artifact{identifier="a" type="text/markdown" title="A"}\nold line\n:::';
  const turn = await ask(alice, newChat('openAI', 'gpt-4.1'), { text: `[[echo]] ${body}` });
  const { messageId } = turn.responseMessage;
  const edited = await dataService.editArtifact({
    messageId,
    index: 0,
    original: 'old line',
    updated: 'new line',
  });

  assert.equal(edited.conversationId, turn.started.conversationId);
  assert.match(edited.content[0].text, /new line/);
  await refused(
    dataService.editArtifact({ messageId, index: 3, original: 'a', updated: 'b' }),
    400,
    {
      error: 'Artifact index out of bounds',
    },
  );
});

test('an answer of one model cannot be split into columns', async () => {
  const split = dataService.branchMessage({ messageId: answer.messageId, agentId: 'x' });
  assert.equal(typeof (await refused(split, 400)).error, 'string');
});

test('strangers and other people reach no message', async () => {
  const calls = [
    () => dataService.getMessagesByConvoId(conversationId),
    () => dataService.getMessageById(conversationId, answer.messageId),
    () => dataService.updateMessage({ conversationId, messageId: question.messageId, text: 'x' }),
    () => dataService.updateFeedback(conversationId, answer.messageId, { feedback: null }),
  ];
  bob.act();
  for (const call of calls) {
    await refused(call(), 404, NOT_FOUND);
  }
  const artifact = { messageId: answer.messageId, index: 0, original: 'a', updated: 'b' };
  await refused(dataService.editArtifact(artifact), 404);
  stranger();
  for (const call of calls) {
    await refused(call(), 401);
  }
  alice.act();
  assert.deepEqual(
    (await stored()).map((message) => message.text),
    ['Hello pond', ''],
  );
});

test('a message cannot be moved to another chat by the body', async () => {
  const other = randomUUID();
  const put = library.request.put(
    apiPath(`/api/messages/${conversationId}/${question.messageId}`),
    {
      conversationId: other,
      text: 'x',
    },
  );
  await refused(put, 400, { error: 'Conversation ID mismatch' });
});
