/**
 * The client's reading of a stream: each frame is classified by its keys in the client's order
 * and applied to the answer on the screen. What the client would drop or misplace fails here.
 */
import assert from 'node:assert/strict';
import { z } from 'zod';
import { library } from './browser.mjs';

const { ContentTypes, StepEvents } = library;

const EVENT_KINDS = new Set([
  'attachment',
  'title',
  'on_context_usage',
  'on_token_usage',
  'on_pending_action',
  'on_steer_applied',
  'on_steer_updated',
  'on_activity_label',
]);

/** The branch the client takes for a `message` frame. */
export function kindOf(data) {
  if (data.final === true && data.reconcile === true) return 'reconcile';
  if (data.final != null) return 'final';
  if (data.created != null) return 'created';
  if (EVENT_KINDS.has(data.event)) return data.event;
  if (data.event != null) return 'step';
  if (data.sync != null) return 'sync';
  if (data.type != null) return 'legacy-content';
  if (data.message != null) return 'legacy-text';
  return 'ignored';
}

// A member that is missing crashes the client's page.
const CONTEXT_BREAKDOWN = z.object(
  Object.fromEntries(
    [
      'maxContextTokens',
      'instructionTokens',
      'systemMessageTokens',
      'dynamicInstructionTokens',
      'toolSchemaTokens',
      'summaryTokens',
      'toolCount',
      'messageCount',
      'messageTokens',
      'availableForMessages',
    ].map((name) => [name, z.number()]),
  ),
);

export class Replay {
  created = null;
  sync = null;
  final = null;
  error = null;
  title = null;
  usage = [];
  contextUsage = null;
  runId = null;
  kinds = [];
  steps = new Map();
  content = [];

  /** Apply a whole stream that has ended; asserts that it ended the way the client needs. */
  static of(stream) {
    const replay = new Replay();
    for (const frame of stream.frames) {
      replay.apply(frame);
    }
    assert.ok(replay.final ?? replay.error, 'a stream ends with final or error');
    assert.equal(stream.outcome, 'closed', 'the server ends the response');
    return replay;
  }

  apply({ name, data }) {
    assert.equal(this.final ?? this.error, null, `a frame after the end: ${JSON.stringify(data)}`);
    if (name === 'error') {
      this.kinds.push('error');
      assert.equal(typeof (data.error ?? data.message), 'string');
      this.error = data;
      return;
    }
    const kind = kindOf(data);
    this.kinds.push(kind);
    assert.ok(this.#handlers[kind], `the client has no use for ${JSON.stringify(data)}`);
    this.#handlers[kind](data);
  }

  /** Text of the answer on the screen. */
  get text() {
    return textOf(this.content);
  }

  get thoughts() {
    return this.content
      .filter((part) => part.type === ContentTypes.THINK)
      .map((part) => part.think)
      .join('');
  }

  #handlers = {
    created: (data) => {
      assert.equal(this.created ?? this.sync, null, 'created comes once, and first');
      assert.equal(this.kinds.length, 1, 'created comes first');
      this.created = data;
    },
    sync: (data) => {
      assert.equal(this.kinds.length, 1, 'sync comes first');
      this.sync = data;
      this.runId = data.resumeState.responseMessageId;
      data.resumeState.runSteps.forEach((step) => this.#addStep(step));
      this.content = structuredClone(data.resumeState.aggregatedContent);
      data.pendingEvents.forEach((event) => this.#handlers.step(event));
    },
    step: ({ event, data }) => {
      assert.ok(this.created ?? this.sync, 'steps come after created or sync');
      assert.ok(this.#steps[event], `no test knows ${event}`);
      this.#steps[event](data);
    },
    title: ({ data }) => {
      assert.ok(data.title);
      this.title = data;
    },
    on_context_usage: ({ data }) => {
      this.#sameRun(data.runId);
      for (const [name, value] of Object.entries(CONTEXT_BREAKDOWN.parse(data.breakdown))) {
        assert.ok(value >= 0, name);
      }
      this.contextUsage = data;
    },
    on_token_usage: ({ data }) => {
      this.#sameRun(data.runId);
      assert.equal(data.seq, this.usage.length + 1, 'usage is numbered from 1');
      this.usage.push(data);
    },
    final: (data) => {
      assert.ok(this.created || this.sync || data.earlyAbort, 'final needs a turn to belong to');
      const question = (this.created?.message ?? this.sync?.resumeState.userMessage)?.messageId;
      assert.equal(data.requestMessage.messageId, question);
      assert.equal(data.responseMessage.parentMessageId, question);
      this.#sameRun(data.responseMessage.messageId);
      this.final = data;
    },
  };

  #sameRun(runId) {
    this.runId ??= runId;
    assert.equal(runId, this.runId, 'everything carries the id of the answer');
  }

  #steps = {
    [StepEvents.ON_RUN_STEP]: (step) => {
      this.#addStep(step);
      for (const call of step.stepDetails.tool_calls ?? []) {
        this.content[step.index] = { type: ContentTypes.TOOL_CALL, tool_call: { ...call } };
      }
    },
    [StepEvents.ON_MESSAGE_DELTA]: (data) => this.#append(data, 'text'),
    [StepEvents.ON_REASONING_DELTA]: (data) => this.#append(data, 'think'),
    [StepEvents.ON_RUN_STEP_DELTA]: (data) => {
      const { index } = this.#stepOf(data);
      for (const { args } of data.delta.tool_calls) {
        this.content[index].tool_call.args += args;
      }
    },
    [StepEvents.ON_RUN_STEP_COMPLETED]: ({ result }) => {
      assert.equal(this.#stepOf(result).index, result.index);
      assert.equal(this.content[result.index].tool_call.args, result.tool_call.args);
      this.content[result.index].tool_call = result.tool_call;
    },
  };

  #addStep(step) {
    this.#sameRun(step.runId);
    assert.equal(this.steps.has(step.id), false, `step ${step.id} came twice`);
    assert.equal(step.index, this.steps.size, 'indices are absolute and without a gap');
    this.steps.set(step.id, step);
  }

  #stepOf({ id }) {
    const step = this.steps.get(id);
    assert.ok(step, `something for the unknown step ${id}`);
    return step;
  }

  // The client appends: to the first part of a slot, whose type the slot keeps.
  #append(data, member) {
    const { index } = this.#stepOf(data);
    for (const part of [data.delta.content].flat()) {
      assert.equal(part.type, member);
      const shown = (this.content[index] ??= { type: member, [member]: '' });
      assert.equal(shown.type, member, 'a slot keeps the type of its first part');
      shown[member] += part[member];
    }
  }
}

export function textOf(content) {
  return content
    .filter((part) => part.type === ContentTypes.TEXT)
    .map((part) => part.text)
    .join('');
}
