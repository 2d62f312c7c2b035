/** Shared links (contract 03 §9): the owner's side, and what readers are shown. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, beforeEach, test } from 'node:test';
import { dataService, library } from './lib/browser.mjs';
import { ask, newChat } from './lib/chat.mjs';
import { newPerson, refused, stranger } from './lib/people.mjs';
import { asConversation, assertIso, assertObjectId } from './lib/shapes.mjs';

const DEMO = newChat('Demo', 'demo-echo');
const NOT_FOUND = { message: 'Shared link not found' };

let alice;
let bob;
let first;
let conversationId;
before(async () => {
  bob = await newPerson('bob');
  alice = await newPerson('alice');
  first = await ask(alice, DEMO, { text: 'High tide?' });
  conversationId = first.conversation.conversationId;
});
beforeEach(() => alice.act());

/** What a reader sees, through the schema and the tree builder of the client. */
function shown({ messages }) {
  for (const message of messages) {
    library.tMessageSchema.parse(message);
    assertIso(message.createdAt);
    assert.equal('user' in message || 'endpoint' in message || 'model' in message, false);
  }
  return library.buildTree({ messages });
}

test('a chat is shared, read, brought up to date and taken back', async () => {
  assert.deepEqual(await dataService.getSharedLink(conversationId), {
    success: false,
    shareId: null,
    conversationId,
  });
  const link = await dataService.createSharedLink(conversationId);
  assertObjectId(link._id);
  assert.equal(link.shareId.length, 21);
  assert.equal((await dataService.getSharedLink(conversationId)).shareId, link.shareId);
  await refused(dataService.createSharedLink(conversationId), 409);
  const { permissionBits } = await dataService.getEffectivePermissions('sharedLink', link._id);
  assert.equal(permissionBits, 15);
  const { conversations } = await dataService.listConversations({});
  assert.equal(conversations[0].isShared, true);

  bob.act();
  const before = await dataService.getSharedMessages(link.shareId);
  assert.equal(shown(before).length, 1);
  assert.equal(before.messages.length, 2);
  assert.notEqual(before.conversationId, conversationId);
  assert.equal((await dataService.getSharedStartupConfig(link.shareId)).appTitle, 'LibreChat');

  alice.act();
  await ask(
    alice,
    { ...DEMO, conversationId },
    { text: 'And low?', parentMessageId: first.responseMessage.messageId },
  );
  const updated = await dataService.updateSharedLink(link.shareId);
  assert.equal(updated.shareId, link.shareId);
  bob.act();
  const after = await dataService.getSharedMessages(link.shareId);
  assert.equal(after.messages.length, 4);
  assert.equal(after.messages[0].messageId, before.messages[0].messageId);

  await refused(dataService.forkSharedConversation(link.shareId, 1, before.updatedAt), 409);
  const fork = await dataService.forkSharedConversation(link.shareId, 1, after.updatedAt);
  asConversation(fork.conversation);
  assert.equal(fork.messages.length, 2);
  assert.equal(fork.conversation.user, bob.user.id);
  await ask(
    bob,
    { ...DEMO, conversationId: fork.conversation.conversationId },
    { text: 'Go on', parentMessageId: fork.messages[1].messageId },
  );

  alice.act();
  const deleted = await dataService.deleteSharedLink(link.shareId);
  assert.equal(deleted.success, true);
  bob.act();
  await refused(dataService.getSharedMessages(link.shareId), 404, NOT_FOUND);
});

test('a link to a message shows what is above it, without files where that is chosen', async () => {
  const target = first.requestMessage.messageId;
  const link = await dataService.createSharedLink(conversationId, target, false);
  assert.equal(link.targetMessageId, target);
  const own = await dataService.getSharedLink(conversationId);
  assert.equal(own.snapshotFiles, false);
  assert.equal((await dataService.getSharedMessages(link.shareId)).messages.length, 1);
  await dataService.deleteSharedLink(link.shareId);
});

test('links are listed in pages', async () => {
  const made = [];
  for (const text of ['One', 'Two', 'Three']) {
    const { conversation } = await ask(alice, DEMO, { text });
    made.unshift((await dataService.createSharedLink(conversation.conversationId)).shareId);
  }
  const params = { pageSize: 2, sortBy: 'createdAt', sortDirection: 'desc' };
  const page = await dataService.listSharedLinks(params);
  const rest = await dataService.listSharedLinks({ ...params, cursor: page.nextCursor });
  assert.deepEqual(
    [...page.links, ...rest.links].map(({ shareId }) => shareId),
    made,
  );
  assert.deepEqual([page.hasNextPage, rest.hasNextPage, rest.nextCursor], [true, false, null]);
  for (const { title, createdAt } of page.links) {
    assert.equal(typeof title, 'string');
    assertIso(createdAt);
  }
  const found = await dataService.listSharedLinks({ ...params, search: 'Three' });
  assert.equal(found.links.length, 1);
});

test('strangers and others get no further than they may', async () => {
  const { conversation } = await ask(alice, DEMO, { text: 'Mine' });
  const { shareId, _id } = await dataService.createSharedLink(conversation.conversationId);
  bob.act();
  await refused(dataService.createSharedLink(conversation.conversationId), 404);
  await refused(dataService.updateSharedLink(shareId), 404);
  await refused(dataService.deleteSharedLink(shareId), 404);
  assert.deepEqual((await dataService.getSharedLink(conversation.conversationId)).shareId, null);
  stranger();
  await refused(dataService.getSharedMessages(shareId), 401);
  await refused(dataService.forkSharedConversation(shareId), 401);

  alice.act();
  await dataService.updateResourcePermissions('sharedLink', _id, {
    updated: [],
    removed: [],
    public: false,
  });
  bob.act();
  await refused(dataService.getSharedMessages(shareId), 403);
});

test('a file of a shared chat is read through the link alone', async () => {
  const body = new FormData();
  const fields = { endpoint: 'openAI', endpointType: '', message_file: 'true', file_id: randomUUID() };
  Object.entries({ ...fields, tool_resource: 'context' }).forEach((field) => body.append(...field));
  body.append('file', new Blob(['Ebb at six.'], { type: 'text/markdown' }), 'tides.md');
  const { file_id, filepath, type } = await dataService.uploadFile(body);
  const { conversation } = await ask(alice, newChat('openAI', 'gpt-4.1'), {
    text: 'When? [[echo]]',
    files: [{ file_id, filepath, type }],
  });
  const { shareId } = await dataService.createSharedLink(conversation.conversationId);

  bob.act();
  await refused(dataService.getFileDownload(alice.user.id, file_id), 404);
  const { messages } = await dataService.getSharedMessages(shareId);
  const [file] = messages[0].files;
  const preview = await dataService.getSharedFilePreview(shareId, file.file_id);
  assert.deepEqual([preview.status, preview.text], ['ready', 'Ebb at six.']);
  const response = await dataService.getSharedFileDownload(shareId, file.file_id);
  assert.equal(await new Response(response.data).text(), 'Ebb at six.');
  stranger();
  await refused(dataService.getSharedFilePreview(shareId, file.file_id), 401);
  await refused(dataService.getSharedFileDownload(shareId, file.file_id), 401);
});
