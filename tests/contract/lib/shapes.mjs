/** Answers through the schemas the library exports; what they return is what the client sees. */
import assert from 'node:assert/strict';
import { library } from './browser.mjs';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const OBJECT_ID = /^[0-9a-f]{24}$/;

export function assertIso(value) {
  assert.match(value, ISO);
}

export function assertObjectId(value) {
  assert.match(value, OBJECT_ID);
}

export function assertUuid(value) {
  assert.ok(library.isUUID.safeParse(value).success, `${value} is no UUID`);
}

/** A conversation of the list or of its own; endpoints may be custom names. */
export function asConversation(value) {
  const conversation = library.tConvoUpdateSchema.parse(value);
  assertUuid(conversation.conversationId);
  assertObjectId(value._id);
  assertIso(conversation.createdAt);
  assertIso(conversation.updatedAt);
  return conversation;
}

export function asMessage(value) {
  const message = library.tMessageSchema.parse(value);
  assertIso(value.createdAt);
  assertIso(value.updatedAt);
  assert.equal('_id' in value || 'user' in value, false, 'messages carry neither _id nor user');
  return { ...message, content: value.content };
}

export function asMessages(values) {
  assert.ok(Array.isArray(values));
  return values.map(asMessage);
}
