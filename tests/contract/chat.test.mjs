/** A chat turn, from the POST to the stored messages (contract 02 §2–4, §6). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import { dataService } from './lib/browser.mjs';
import { NO_PARENT, ask, buildRequest, idle, newChat, post, start, status } from './lib/chat.mjs';
import { newPerson, refused, stranger } from './lib/people.mjs';
import { answersAskedWith } from './lib/provider.mjs';
import { textOf } from './lib/replay.mjs';
import { asConversation, asMessage, asMessages, assertUuid } from './lib/shapes.mjs';
import { follow } from './lib/stream.mjs';

const OPENAI = newChat('openAI', 'gpt-4.1', { temperature: 0.7, promptPrefix: 'Be brief.' });
const DEMO = newChat('Demo', 'demo-echo');

let alice;
before(async () => {
  alice = await newPerson('alice');
});

test('the POST answers at once with the identity of the generation', async () => {
  const started = await start(DEMO, { text: 'hello' });

  assertUuid(started.streamId);
  assert.deepEqual(started, {
    streamId: started.streamId,
    conversationId: started.streamId,
    generationCreatedAt: started.generationCreatedAt,
    status: 'started',
    generationProtocolVersion: 1,
  });
  assert.ok(Math.abs(Date.now() - started.generationCreatedAt) < 60_000, 'epoch in milliseconds');
  await idle();
});

test('an answer arrives frame by frame and ends with the stored messages', async () => {
  const text = '[[say:Old pond and a frog]] Write a haiku';
  const turn = await ask(alice, OPENAI, { text });
  const { replay, started, conversation, requestMessage, responseMessage } = turn;

  const untitled = replay.kinds.filter((kind) => kind !== 'title');
  const order = untitled.filter((kind, index) => kind !== untitled[index - 1]);
  assert.deepEqual(order, ['created', 'on_context_usage', 'step', 'on_token_usage', 'final']);
  assert.deepEqual(replay.created, {
    created: true,
    streamId: started.streamId,
    message: {
      messageId: requestMessage.messageId,
      parentMessageId: NO_PARENT,
      conversationId: started.conversationId,
      sender: 'User',
      text,
      isCreatedByUser: true,
    },
  });
  assert.equal(replay.text, 'Old pond and a frog');
  assert.deepEqual(responseMessage.content, [{ type: 'text', text: 'Old pond and a frog' }]);
  assert.deepEqual(replay.content, responseMessage.content);
  assert.equal(replay.runId, responseMessage.messageId);
  assert.equal(responseMessage.parentMessageId, requestMessage.messageId);
  assert.equal(responseMessage.text, '');
  assert.equal(responseMessage.sender, 'GPT-4.1');
  assert.equal(responseMessage.finish_reason, undefined, 'any other value shows a Continue button');
  assert.equal('content' in requestMessage, false, 'an empty list would hide the text');

  assert.equal(turn.stream.status, 200);
  assert.match(turn.stream.headers['content-type'][0], /^text\/event-stream/);
  assert.equal(turn.stream.headers['x-accel-buffering'][0], 'no');
  assert.match(turn.stream.headers['cache-control'][0], /no-transform/);

  const stored = await dataService.getMessagesByConvoId(conversation.conversationId);
  assert.deepEqual(stored, [requestMessage, responseMessage]);
  stored.forEach(asMessage);
  const parsed = asConversation(conversation);
  assert.equal(parsed.temperature, 0.7);
  assert.equal(parsed.promptPrefix, 'Be brief.');
  assert.equal(conversation.messages.length, 2);
  const read = await dataService.getConversationById(conversation.conversationId);
  assert.deepEqual(
    { ...read, updatedAt: null },
    { ...conversation, title: read.title, updatedAt: null },
  );
});

test('what the person chose reaches the provider', async () => {
  const mark = randomUUID();
  await ask(alice, OPENAI, { text: `[[say:ok]] ${mark}` });

  const [body, ...others] = await answersAskedWith(mark);
  assert.deepEqual(others, []);
  assert.equal(body.model, 'gpt-4.1');
  assert.equal(body.temperature, 0.7);
  assert.equal(body.messages[0].content, 'Be brief.');
});

test('words are on the screen before the answer is complete', async () => {
  const started = await start(OPENAI, { text: '[[chunks:12:0.1]] slowly' });
  const stream = await follow(alice, started).ended();

  const deltas = stream.frames.filter(({ data }) => data.event === 'on_message_delta');
  const spread = deltas.at(-1).at - deltas[0].at;
  assert.ok(deltas.length >= 6, `${deltas.length} frames for 12 words`);
  assert.ok(spread > 500, `all words within ${spread} ms`);
});

test('characters of several bytes survive being cut by the transport', async () => {
  const { responseMessage, replay } = await ask(alice, OPENAI, { text: '[[split-utf8]]' });

  assert.equal(replay.text, 'Grüße 👋 世界');
  assert.equal(textOf(responseMessage.content), 'Grüße 👋 世界');
});

test('thoughts and the answer have a slot each', async () => {
  const { replay, responseMessage } = await ask(alice, newChat('Demo', 'demo-reasoning'), {
    text: 'think',
  });

  assert.deepEqual(
    responseMessage.content.map((part) => part.type),
    ['think', 'text'],
  );
  assert.equal(responseMessage.content[0].think, replay.thoughts);
  assert.equal(responseMessage.content[1].text, replay.text);
  assert.deepEqual(
    [...replay.steps.values()].map((step) => step.index),
    [0, 1],
  );
});

test('a second message continues the conversation', async () => {
  const first = await ask(alice, OPENAI, { text: '[[say:One.]] Count' });
  const mark = randomUUID();
  const second = await ask(alice, first.conversation, {
    text: `[[say:Two.]] Go on ${mark}`,
    parentMessageId: first.responseMessage.messageId,
  });

  assert.equal(second.started.conversationId, first.started.conversationId);
  assert.equal(second.requestMessage.parentMessageId, first.responseMessage.messageId);
  const stored = asMessages(await dataService.getMessagesByConvoId(first.started.conversationId));
  assert.deepEqual(
    stored.map((message) => message.messageId),
    [
      first.requestMessage.messageId,
      first.responseMessage.messageId,
      second.requestMessage.messageId,
      second.responseMessage.messageId,
    ],
  );
  const [body] = await answersAskedWith(mark);
  assert.deepEqual(
    body.messages.map((message) => message.role),
    ['system', 'user', 'assistant', 'user'],
  );
});

test('a new conversation gets a title, on the stream or by asking', async () => {
  const started = await start(OPENAI, { text: '[[say:Lily pads]] Name my pond' });
  const [{ title }, stream] = await Promise.all([
    dataService.genTitle({ conversationId: started.conversationId }),
    follow(alice, started).ended(),
  ]);

  assert.equal(title, 'Lily pads');
  const frame = stream.payloads.find((data) => data.event === 'title');
  if (frame) {
    assert.deepEqual(frame.data, { conversationId: started.conversationId, title });
  }
  const { conversations } = await dataService.listConversations();
  const row = conversations.find((one) => one.conversationId === started.conversationId);
  assert.equal(row.title, 'Lily pads');
});

test('quotes are stored with the message and told in created', async () => {
  const quotes = ['a frog leaps in'];
  const { replay, requestMessage } = await ask(alice, DEMO, { text: 'why?', quotes });

  assert.deepEqual(replay.created.message.quotes, quotes);
  assert.deepEqual(requestMessage.quotes, quotes);
});

test('a temporary chat is answered, has an end and is in no list', async () => {
  const { conversation, requestMessage, responseMessage } = await ask(alice, DEMO, {
    text: 'forget me',
    isTemporary: true,
  });

  for (const kept of [conversation, requestMessage, responseMessage]) {
    assert.equal(kept.isTemporary, true);
    assert.ok(Date.parse(kept.expiredAt) > Date.now());
  }
  const { conversations } = await dataService.listConversations();
  assert.equal(
    conversations.some((one) => one.conversationId === conversation.conversationId),
    false,
  );
  asConversation(await dataService.getConversationById(conversation.conversationId));
  await refused(dataService.genTitle({ conversationId: conversation.conversationId }), 404);
});

test('a repeated POST joins the generation it started', async () => {
  const { server, payload } = buildRequest(OPENAI, { text: '[[chunks:10:0.1]] once' });
  const first = await post(server, payload);
  const second = await post(server, payload);

  assert.deepEqual(second.data, { ...first.data, status: 'resumed' });
  await follow(alice, second.data, { resume: true }).ended();
  const stored = await dataService.getMessagesByConvoId(first.data.conversationId);
  assert.equal(stored.length, 2);
});

test('the address may name the endpoint in any way', async () => {
  const { server, payload } = buildRequest(DEMO, { text: 'routes' });
  const agents = server.slice(0, server.lastIndexOf('/'));

  for (const url of [agents, `${agents}/Demo`, `${agents}/My/Odd%20Gateway`]) {
    const { status: code, data } = await post(url, { ...payload, clientRequestId: randomUUID() });
    assert.equal(code, 200, JSON.stringify(data));
    await follow(alice, data).ended();
  }
});

test('nothing is left behind when the answer is there', async () => {
  const { started } = await ask(alice, DEMO, { text: 'done?' });

  assert.deepEqual(await status(started.conversationId), {
    active: false,
    generationProtocolVersion: 1,
  });
  assert.deepEqual(await dataService.getActiveJobs(), { activeJobIds: [] });
});

test('a generation is its owner’s alone', async () => {
  const started = await start(OPENAI, { text: '[[chunks:20:0.1]] mine' });
  const bob = await newPerson('bob');

  const foreign = await follow(bob, started).ended();
  assert.equal(foreign.status, 403);
  assert.deepEqual(JSON.parse(foreign.failure), { error: 'Unauthorized' });
  await refused(status(started.conversationId), 403);
  await refused(dataService.getMessagesByConvoId(started.conversationId), 404);
  const { server, payload } = buildRequest(
    { ...DEMO, conversationId: started.conversationId },
    { text: 'me too' },
  );
  assert.ok((await post(server, payload)).status >= 400);

  const nobody = await follow({ token: '' }, started).ended();
  assert.equal(nobody.status, 401);
  stranger();
  await refused(dataService.getActiveJobs(), 401);
  alice.act();
  await follow(alice, started, { resume: true }).ended();
});

test('an unknown stream is 404 and a malformed epoch 400', async () => {
  const unknown = await follow(alice, { streamId: randomUUID(), generationCreatedAt: 1 }).ended();
  assert.equal(unknown.status, 404);
  assert.equal(JSON.parse(unknown.failure).error, 'Stream not found');

  const malformed = await follow(alice, {
    streamId: randomUUID(),
    generationCreatedAt: 'x',
  }).ended();
  assert.equal(malformed.status, 400);
  assert.deepEqual(JSON.parse(malformed.failure), { error: 'Invalid generation identity' });
});

test('a POST the server cannot read is refused before anything starts', async () => {
  const { server, payload } = buildRequest(DEMO, { text: 'bad' });

  const noText = await post(server, { ...payload, text: ' ' });
  assert.equal(noText.status, 400);
  const badId = await post(server, { ...payload, clientRequestId: 'a b' });
  assert.equal(badId.status, 400);
  assert.equal(badId.data.code, 'INVALID_CLIENT_REQUEST_ID');
  assert.deepEqual(await dataService.getActiveJobs(), { activeJobIds: [] });
});
