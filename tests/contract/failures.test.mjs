/** What goes wrong upstream is said on the screen, stored, and survivable (contract 02 §7). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import { dataService } from './lib/browser.mjs';
import { ask, buildRequest, newChat, post } from './lib/chat.mjs';
import { newPerson } from './lib/people.mjs';
import { textOf } from './lib/replay.mjs';
import { asMessages } from './lib/shapes.mjs';

const OPENAI = newChat('openAI', 'gpt-4.1');

let alice;
before(async () => {
  alice = await newPerson('alice');
});

/** What the client renders of an answer: parts where there are any, else the error bubble. */
function shownError(message) {
  if (message.content?.length) {
    return message.content
      .filter((part) => part.type === 'error')
      .map((part) => part.error)
      .join('');
  }
  assert.equal(message.error, true);
  return message.text;
}

for (const marker of [
  'status:401',
  'status:429',
  'status:500',
  'context',
  'error-frame',
  'cut',
  'malformed',
]) {
  test(`${marker}: the error is shown, stored, and the chat goes on`, async () => {
    const failed = await ask(alice, OPENAI, { text: `[[${marker}]] [[say:Never]]` });
    const { conversation, requestMessage, responseMessage } = failed;

    assert.equal('content' in responseMessage && responseMessage.content.length === 0, false);
    assert.notEqual(shownError(responseMessage), '');
    assert.equal(shownError(responseMessage).includes('sk-test'), false, 'the key stays inside');
    const stored = asMessages(await dataService.getMessagesByConvoId(conversation.conversationId));
    assert.deepEqual(
      stored.map((message) => message.messageId),
      [requestMessage.messageId, responseMessage.messageId],
    );
    assert.equal(shownError(stored[1]), shownError(responseMessage));
    const next = await ask(alice, conversation, {
      text: '[[say:Better.]] Once more',
      parentMessageId: responseMessage.messageId,
    });
    assert.equal(next.replay.text, 'Better.');
  });
}

for (const marker of ['no-end', 'cut']) {
  test(`${marker}: what was said before the break stays`, async () => {
    const { replay, responseMessage } = await ask(alice, OPENAI, {
      text: `[[${marker}]] [[say:Half a]]`,
    });

    assert.equal(replay.text.trim(), 'Half a');
    assert.deepEqual(
      responseMessage.content.map((part) => part.type),
      ['text', 'error'],
    );
  });
}

test('a tool the model invents is answered for, and the chat goes on', async () => {
  const { replay, responseMessage } = await ask(alice, OPENAI, { text: '[[tool]] [[say:Sunny.]]' });

  const [call, text] = responseMessage.content;
  assert.equal(call.tool_call.name, 'get_weather');
  assert.equal(call.tool_call.progress, 1);
  assert.notEqual(call.tool_call.output, '', 'without an output the client shows it as cancelled');
  assert.equal(text.text, 'Sunny.');
  assert.deepEqual(replay.content, responseMessage.content);
});

test('a refusal is text, and a provider that does not stream is an answer too', async () => {
  const refusal = await ask(alice, OPENAI, { text: '[[refusal]]' });
  assert.equal(refusal.replay.text, 'I cannot help with that.');

  const whole = await ask(alice, OPENAI, { text: '[[ignore-stream]] [[say:All at once.]]' });
  assert.equal(whole.replay.text, 'All at once.');
});

test('what was said before the break stays, the error follows it', async () => {
  const { replay, responseMessage } = await ask(alice, newChat('Demo', 'demo-breaking'), {
    text: 'go',
  });

  assert.ok(replay.text.length > 20);
  assert.deepEqual(
    responseMessage.content.map((part) => part.type),
    ['text', 'error'],
  );
  assert.equal(textOf(responseMessage.content), replay.text);
  assert.equal(responseMessage.error, false);
});

for (const [endpoint, model] of [
  ['openAI', 'gpt-9'],
  ['No Such Gateway', 'x'],
]) {
  test(`${model} of ${endpoint} is not offered and refused in words the client translates`, async () => {
    const { server, payload } = buildRequest(newChat(endpoint, model), { text: 'hello' });
    const refusal = await post(server, payload);

    assert.equal(refusal.status, 400);
    assert.equal(refusal.data.type, 'illegal_model_request');
    assert.equal(refusal.data.info, `${endpoint}|${model}`);
    const { conversations } = await dataService.listConversations();
    assert.equal(
      conversations.some((one) => one.model === model),
      false,
      'nothing is left behind',
    );
  });
}

test('a message may follow the placeholder of a stored answer', async () => {
  const first = await ask(alice, OPENAI, { text: '[[say:One.]] Count' });
  const next = await ask(alice, first.conversation, {
    text: '[[say:Two.]] Go on',
    parentMessageId: `${first.requestMessage.messageId}_`,
  });
  assert.equal(next.replay.text, 'Two.');
  assert.equal(next.requestMessage.parentMessageId, first.responseMessage.messageId);
});

test('a preliminary answer nobody knows is refused, and nothing is stored', async () => {
  const first = await ask(alice, OPENAI, { text: '[[say:One.]] Count' });
  const { server, payload } = buildRequest(first.conversation, {
    text: 'Go on',
    parentMessageId: `${randomUUID()}_`,
  });
  const refusal = await post(server, payload);

  assert.equal(refusal.status, 409);
  assert.equal(typeof refusal.data.error, 'string');
  const stored = await dataService.getMessagesByConvoId(first.started.conversationId);
  assert.equal(stored.length, 2);
});
