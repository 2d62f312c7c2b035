/** Sending as the client sends: the library builds the payload, its fetch posts it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { apiPath } from './paths.mjs';
import { dataService, library, request } from './browser.mjs';
import { Replay } from './replay.mjs';
import { PROTOCOL_HEADERS, follow } from './stream.mjs';

const { Constants, createPayload, parseCompactConvo, removeNullishValues } = library;
const PROTOCOL_VERSION = 2;

export const NO_PARENT = Constants.NO_PARENT;

/** The client's conversation object for a new chat. */
export function newChat(endpoint, model, settings = {}) {
  const endpointType = library.eModelEndpointSchema.safeParse(endpoint).success
    ? undefined
    : 'custom';
  return {
    conversationId: null,
    title: Constants.NEW_CHAT,
    endpoint,
    endpointType,
    model,
    ...settings,
  };
}

/**
 * `{ server, payload }` of one message.
 *
 * `turn`: text, parentMessageId and what an action sets: isRegenerate, messageId (of the message
 * to answer again), isContinued, responseMessageId, editedContent, isTemporary, quotes, files.
 */
export function buildRequest(conversation, turn) {
  const { endpoint, endpointType } = conversation;
  const convo = parseCompactConvo({ endpoint, endpointType, conversation });
  const { server, payload } = createPayload({
    conversation,
    endpointOption: { endpoint, endpointType, ...convo, key: 'never', modelDisplayLabel: endpoint },
    userMessage: {
      text: turn.text,
      sender: 'User',
      clientTimestamp: '2026-01-01T01:00:00',
      isCreatedByUser: true,
      parentMessageId: turn.parentMessageId ?? NO_PARENT,
      conversationId: conversation.conversationId,
      messageId: turn.isContinued ? turn.messageId : randomUUID(),
      error: false,
      quotes: turn.quotes,
      files: turn.files,
      responseMessageId: turn.responseMessageId ?? null,
      overrideParentMessageId: turn.isRegenerate ? turn.messageId : null,
    },
    isRegenerate: turn.isRegenerate ?? false,
    isEdited: turn.editedContent != null || turn.isContinued === true,
    isContinued: turn.isContinued ?? false,
    isTemporary: turn.isTemporary ?? false,
    editedContent: turn.editedContent,
    addedConvo: turn.addedConvo,
    ephemeralAgent: {
      mcp: [],
      web_search: false,
      file_search: false,
      execute_code: false,
      artifacts: '',
    },
    clientRequestId: turn.clientRequestId ?? randomUUID(),
  });
  return { server, payload: removeNullishValues(payload) };
}

/** POST about a generation, as the client does: `{ status, headers, data }`. */
export async function post(url, body) {
  const response = await request.authenticatedFetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...PROTOCOL_HEADERS },
    body: JSON.stringify({ ...body, generationProtocolVersion: PROTOCOL_VERSION }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    data: text ? JSON.parse(text) : null,
  };
}

/** Start a generation that must start. */
export async function start(conversation, turn) {
  const { server, payload } = buildRequest(conversation, turn);
  const { status, headers, data } = await post(server, payload);
  assert.equal(status, 200, JSON.stringify(data));
  assert.equal(headers.get('x-librechat-generation-protocol'), '1');
  return data;
}

/** One whole turn: `{ started, stream, replay, conversation, requestMessage, responseMessage }`. */
export async function ask(person, conversation, turn) {
  const started = await start(conversation, turn);
  const stream = await follow(person, started).ended();
  const replay = Replay.of(stream);
  assert.equal(replay.error, null, JSON.stringify(replay.error));
  return { started, stream, replay, ...replay.final };
}

export function abort(started, body = {}) {
  return post(apiPath('/api/agents/chat/abort'), {
    conversationId: started.conversationId,
    generationCreatedAt: started.generationCreatedAt,
    ...body,
  });
}

export function status(conversationId) {
  return request.get(
    apiPath(`/api/agents/chat/status/${conversationId}?generationProtocolVersion=2`),
  );
}

/** Wait until no generation of the acting person is left. */
export async function idle() {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { activeJobIds } = await dataService.getActiveJobs();
    if (activeJobIds.length === 0) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('generations are still active after 5 s');
}
