/** Following, leaving, joining and stopping a generation (contract 02 §3.3, §3.7, §5). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataService } from './lib/browser.mjs';
import { abort, ask, buildRequest, idle, newChat, post, start, status } from './lib/chat.mjs';
import { newPerson } from './lib/people.mjs';
import { apiPath } from './lib/paths.mjs';
import { Replay, textOf } from './lib/replay.mjs';
import { asMessages } from './lib/shapes.mjs';
import { follow } from './lib/stream.mjs';

const OPENAI = newChat('openAI', 'gpt-4.1');
const SLOW = '[[chunks:30:0.1]]';
const WORDS = Array.from({ length: 30 }, (_, number) => `word${number} `).join('');

const isDelta = (data) => data.event === 'on_message_delta';

let alice;
before(async () => {
  alice = await newPerson('alice');
});

test('a reader who comes late gets everything from the beginning', async () => {
  const started = await start(OPENAI, { text: '[[chunks:10:0.1]] late' });
  await sleep(500);
  const replay = Replay.of(await follow(alice, started).ended());

  assert.equal(replay.kinds[0], 'created');
  assert.equal(replay.text, 'word0 word1 word2 word3 word4 word5 word6 word7 word8 word9 ');
});

test('a lost connection is resumed without a gap and without a repetition', async () => {
  const started = await start(OPENAI, { text: `${SLOW} resume` });
  const first = follow(alice, started);
  await first.until(isDelta);
  await sleep(400);
  first.close();
  await sleep(300);
  const second = await follow(alice, started, { resume: true }).ended();
  const replay = Replay.of(second);

  assert.equal(first.outcome, 'aborted');
  const { resumeState } = replay.sync;
  assert.ok(textOf(resumeState.aggregatedContent).startsWith('word0 word1 '));
  assert.ok(textOf(resumeState.aggregatedContent).length < WORDS.length);
  assert.equal(replay.text, WORDS);
  assert.equal(textOf(replay.final.responseMessage.content), WORDS);
  assert.deepEqual(resumeState.userMessage, {
    messageId: first.payloads[0].message.messageId,
    parentMessageId: first.payloads[0].message.parentMessageId,
    conversationId: started.conversationId,
    text: `${SLOW} resume`,
  });
  assert.equal(resumeState.responseMessageId, replay.final.responseMessage.messageId);
  assert.equal(resumeState.runSteps.length, 1);
  assert.equal(resumeState.sender, 'GPT-4.1');
  assert.equal(resumeState.model, 'gpt-4.1');
  assert.deepEqual(resumeState.pendingSteers, []);
});

test('several tabs follow one generation, each to the end', async () => {
  const started = await start(OPENAI, { text: `${SLOW} tabs` });
  const tabs = [follow(alice, started)];
  await tabs[0].until(isDelta);
  tabs.push(follow(alice, started, { resume: true }), follow(alice, started, { resume: true }));
  const replays = (await Promise.all(tabs.map((tab) => tab.ended()))).map((tab) => Replay.of(tab));

  assert.deepEqual(
    replays.map((replay) => replay.text),
    [WORDS, WORDS, WORDS],
  );
  assert.deepEqual(replays[1].final, replays[0].final);
});

test('a generation goes on when nobody listens', async () => {
  const started = await start(OPENAI, { text: '[[chunks:10:0.1]] alone' });
  const stream = follow(alice, started);
  await stream.until(isDelta);
  stream.close();
  await idle();

  const stored = asMessages(await dataService.getMessagesByConvoId(started.conversationId));
  assert.equal(textOf(stored[1].content).split(' ').length, 11);
  assert.equal(stored[1].unfinished, false);
});

test('status and the list of active generations say what is going on', async () => {
  const started = await start(OPENAI, { text: `${SLOW} status` });
  const stream = follow(alice, started);
  await stream.until(isDelta);
  const live = await status(started.conversationId);

  assert.equal(live.active, true);
  assert.equal(live.status, 'running');
  assert.equal(live.streamId, started.streamId);
  assert.equal(live.createdAt, started.generationCreatedAt);
  assert.equal(live.generationProtocolVersion, 1);
  assert.ok(textOf(live.aggregatedContent).startsWith('word0'));
  assert.deepEqual(live.resumeState.aggregatedContent, live.aggregatedContent);
  assert.deepEqual(await dataService.getActiveJobs(), { activeJobIds: [started.conversationId] });
  // A reload in mid-answer needs the conversation and the question.
  const conversation = await dataService.getConversationById(started.conversationId);
  assert.equal(conversation.conversationId, started.conversationId);
  const [question] = await dataService.getMessagesByConvoId(started.conversationId);
  assert.equal(question.messageId, live.resumeState.userMessage.messageId);

  const joined = Replay.of(await follow(alice, live, { resume: true }).ended());
  assert.equal(joined.text, WORDS);
  assert.deepEqual(await dataService.getActiveJobs(), { activeJobIds: [] });
});

test('Stop stores what was said, sends it, and only then answers', async () => {
  const started = await start(OPENAI, { text: `${SLOW} stop` });
  const stream = follow(alice, started);
  await stream.until(isDelta);
  const stopped = await abort(started);
  const answeredAt = performance.now();
  const { final, text } = Replay.of(await stream.ended());

  assert.equal(stopped.status, 200);
  assert.deepEqual(stopped.data, {
    success: true,
    aborted: started.streamId,
    generationProtocolVersion: 1,
  });
  assert.ok(stream.frames.at(-1).at <= answeredAt, 'the final frame is not behind the answer');
  assert.equal(final.aborted, true);
  assert.equal(final.earlyAbort, false);
  assert.equal(final.responseMessage.unfinished, true);
  assert.equal(final.responseMessage.error, false);
  assert.ok(text.length < WORDS.length && WORDS.startsWith(text));
  assert.equal(textOf(final.responseMessage.content), text);
  const stored = asMessages(await dataService.getMessagesByConvoId(started.conversationId));
  assert.deepEqual(
    stored.map((message) => message.messageId),
    [final.requestMessage.messageId, final.responseMessage.messageId],
  );
  assert.equal(stored[1].unfinished, true);
  assert.deepEqual(await dataService.getActiveJobs(), { activeJobIds: [] });
});

test('Stop before the first word ends the stream too, and the chat goes on', async () => {
  const started = await start(OPENAI, { text: '[[slow-first:5]] [[say:late]]' });
  const stream = follow(alice, started);
  await stream.until((data) => data.created);
  const stopped = await abort(started, { conversationId: 'new' });
  const { final } = Replay.of(await stream.ended());

  assert.equal(stopped.status, 200);
  assert.equal(final.aborted, true);
  const { conversation } = final;
  const next = await ask(
    alice,
    { ...OPENAI, ...conversation },
    {
      text: '[[say:Here I am.]] Again',
      parentMessageId: final.responseMessage.messageId,
    },
  );
  assert.equal(next.started.conversationId, started.conversationId);
  assert.equal(next.replay.text, 'Here I am.');
});

test('stopping what does not run, or another generation, is refused', async () => {
  const { started } = await ask(alice, OPENAI, { text: '[[say:over]]' });

  const over = await abort(started);
  assert.equal(over.status, 404);
  assert.equal(over.data.error, 'Job not found');
  assert.equal(
    (await abort(started, { conversationId: undefined })).data.code,
    'INVALID_ABORT_TARGET',
  );
  const running = await start(OPENAI, { text: `${SLOW} epoch` });
  const stale = await abort(running, { generationCreatedAt: running.generationCreatedAt - 1 });
  assert.equal(stale.status, 409);
  assert.equal(stale.data.code, 'RUN_REPLACED');
  await newPerson('bob');
  assert.equal((await abort(running)).status, 403);
  alice.act();
  assert.equal((await abort(running)).status, 200);
});

test('a new message replaces the answer that is still running', async () => {
  const first = await start(OPENAI, { text: `${SLOW} replaced` });
  const old = follow(alice, first);
  await old.until(isDelta);
  const [{ messageId }] = await dataService.getMessagesByConvoId(first.conversationId);
  const chat = { ...OPENAI, conversationId: first.conversationId };
  const second = await ask(alice, chat, {
    text: '[[say:Instead.]] This',
    parentMessageId: messageId,
  });

  assert.equal(second.started.streamId, first.streamId);
  assert.notEqual(second.started.generationCreatedAt, first.generationCreatedAt);
  assert.equal(second.replay.text, 'Instead.');
  Replay.of(await old.ended());
});

test('steering is answered so that the client queues the text itself', async () => {
  const url = apiPath('/api/agents/chat/steer');
  const started = await start(OPENAI, { text: `${SLOW} steer` });
  const steer = {
    conversationId: started.conversationId,
    generationCreatedAt: started.generationCreatedAt,
    clientSteerId: randomUUID(),
    text: 'shorter',
  };

  const running = await post(url, steer);
  assert.equal(running.status, 501);
  assert.equal(running.data.code, 'STEER_UNSUPPORTED');
  await abort(started);
  const over = await post(url, steer);
  assert.equal(over.status, 404);
  assert.equal(over.data.code, 'NO_ACTIVE_RUN');
  assert.deepEqual((await post(`${url}/cancel`, steer)).data.removed, false);
  assert.deepEqual((await post(`${url}/arm`, steer)).data.armed, false);
  const queued = await dataService.listAgentQueuedTurns(started.conversationId);
  assert.equal(queued.capability.supported, false);
});

test('the queue’s next message may name the generation it follows', async () => {
  const first = await ask(alice, OPENAI, { text: '[[say:One.]] queue' });
  const { server, payload } = buildRequest(first.conversation, {
    text: '[[say:Two.]] next',
    parentMessageId: first.responseMessage.messageId,
  });
  const next = await post(server, {
    ...payload,
    expectedPredecessorCreatedAt: first.started.generationCreatedAt,
  });

  assert.equal(next.status, 200);
  assert.equal(Replay.of(await follow(alice, next.data).ended()).text, 'Two.');
});
