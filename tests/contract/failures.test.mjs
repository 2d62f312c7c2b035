/** What goes wrong upstream is said on the screen, stored, and survivable (contract 02 §7). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import { dataService } from './lib/browser.mjs';
import { ask, newChat, start } from './lib/chat.mjs';
import { newPerson } from './lib/people.mjs';
import { Replay, textOf } from './lib/replay.mjs';
import { asMessages } from './lib/shapes.mjs';
import { follow } from './lib/stream.mjs';

const OPENAI = newChat('openAI', 'gpt-4.1');

let alice;
before(async () => {
  alice = await newPerson('alice');
});

/** What the client renders of an answer: parts where there are any, else the error bubble. */
function shownError(message) {
  if (message.content?.length) {
    return message.content.filter((part) => part.type === 'error').map((part) => part.error).join('');
  }
  assert.equal(message.error, true);
  return message.text;
}

for (const marker of ['status:401', 'status:429', 'status:500', 'context', 'error-frame', 'cut', 'malformed']) {
  test(`${marker}: the error is shown, stored, and the chat goes on`, async () => {
    const failed = await ask(alice, OPENAI, { text: `[[${marker}]] [[say:Never]]` });
    const { conversation, requestMessage, responseMessage } = failed;

    assert.equal('content' in responseMessage && responseMessage.content.length === 0, false);
    assert.notEqual(shownError(responseMessage), '');
    assert.equal(shownError(responseMessage).includes('sk-test'), false, 'the key stays inside');
    const stored = asMessages(await dataService.getMessagesByConvoId(conversation.conversationId));
    assert.deepEqual(stored.map((message) => message.messageId), [
      requestMessage.messageId, responseMessage.messageId,
    ]);
    assert.equal(shownError(stored[1]), shownError(responseMessage));
    const next = await ask(alice, conversation, {
      text: '[[say:Better.]] Once more',
      parentMessageId: responseMessage.messageId,
    });
    assert.equal(next.replay.text, 'Better.');
  });
}

test('what was said before the break stays, the error follows it', async () => {
  const { replay, responseMessage } = await ask(alice, newChat('Demo', 'demo-breaking'), { text: 'go' });

  assert.ok(replay.text.length > 20);
  assert.deepEqual(responseMessage.content.map((part) => part.type), ['text', 'error']);
  assert.equal(textOf(responseMessage.content), replay.text);
  assert.equal(responseMessage.error, false);
});

test('a model that is not offered is refused in words the client translates', async () => {
  const started = await start(newChat('openAI', 'gpt-9'), { text: 'hello' });
  const replay = Replay.of(await follow(alice, started).ended());

  const text = replay.error ? replay.error.error : shownError(replay.final.responseMessage);
  assert.deepEqual(JSON.parse(text), { type: 'illegal_model_request', info: 'openAI|gpt-9' });
});

test('an endpoint that is not offered ends with an error too', async () => {
  const started = await start(newChat('No Such Gateway', 'x'), { text: 'hello' });
  const replay = Replay.of(await follow(alice, started).ended());

  assert.ok(replay.error ?? shownError(replay.final.responseMessage));
});

test('a message may follow a preliminary answer that was never stored', async () => {
  const first = await ask(alice, OPENAI, { text: '[[say:One.]] Count' });
  const next = await ask(alice, first.conversation, {
    text: '[[say:Two.]] Go on',
    parentMessageId: `${first.requestMessage.messageId}_`,
  });
  const lost = await ask(alice, first.conversation, {
    text: '[[say:Three.]] Go on',
    parentMessageId: `${randomUUID()}_`,
  });

  assert.equal(next.replay.text, 'Two.');
  assert.equal(lost.replay.text, 'Three.');
});
