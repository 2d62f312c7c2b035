/** The side bar and what is done to a chat there (contract 03 §2). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, beforeEach, test } from 'node:test';
import { dataService } from './lib/browser.mjs';
import { ask, newChat } from './lib/chat.mjs';
import { newPerson, refused, stranger } from './lib/people.mjs';
import { asConversation, assertIso } from './lib/shapes.mjs';

const DEMO = newChat('Demo', 'demo-echo', { temperature: 0.4 });
const NOT_FOUND = { error: 'Conversation not found' };

let alice;
let bob;
let chat;
before(async () => {
  bob = await newPerson('bob');
  alice = await newPerson('alice');
  chat = await talk('Tide tables');
});
beforeEach(() => alice.act());

async function talk(text) {
  const { conversation } = await ask(alice, DEMO, { text });
  return dataService.getConversationById(conversation.conversationId);
}

function idsOf({ conversations }) {
  return conversations.map((one) => one.conversationId);
}

async function listed(params) {
  return idsOf(await dataService.listConversations(params));
}

test('a list row is a summary and the last page says null', async () => {
  const { conversations, nextCursor } = await dataService.listConversations();

  assert.strictEqual(nextCursor, null, 'without it the side bar loads for ever');
  assert.deepEqual(conversations, [
    {
      _id: chat._id,
      conversationId: chat.conversationId,
      user: alice.user.id,
      title: 'Tide tables',
      endpoint: 'Demo',
      model: 'demo-echo',
      isArchived: false,
      archivedAt: null,
      pinned: false,
      isShared: false,
      chatProjectId: null,
      createdAt: chat.createdAt,
      updatedAt: conversations[0].updatedAt,
    },
  ]);
  asConversation(conversations[0]);
});

test('a chat opened by its id has its settings and its messages', async () => {
  const conversation = asConversation(chat);

  assert.equal(conversation.endpointType, 'custom');
  assert.equal(conversation.temperature, 0.4);
  assert.equal(conversation.isArchived, false);
  assert.deepEqual(conversation.tags, []);
  assert.equal(conversation.messages.length, 2);
});

test('an unknown chat and a stranger’s are the same 404', async () => {
  await refused(dataService.getConversationById(randomUUID()), 404, '');
  bob.act();
  await refused(dataService.getConversationById(chat.conversationId), 404, '');
  assert.deepEqual(await listed(), []);
});

test('renaming trims, and answers the whole chat', async () => {
  const { conversationId } = chat;
  const renamed = await dataService.updateConversation({
    conversationId,
    title: '  Ebb and flow ',
  });

  asConversation(renamed);
  assert.equal(renamed.title, 'Ebb and flow');
  assert.equal(renamed.temperature, 0.4);
  assert.ok(renamed.updatedAt > chat.updatedAt, 'renaming moves the chat up');
  await refused(dataService.updateConversation({ title: 'x' }), 400, {
    error: 'conversationId is required',
  });
  await refused(dataService.updateConversation({ conversationId }), 400, {
    error: 'title is required',
  });
});

test('archiving moves a chat between the lists', async () => {
  const { conversationId } = await talk('Archive me');
  const archived = await dataService.archiveConversation({ conversationId, isArchived: true });

  assert.equal(archived.isArchived, true);
  assert.equal((await listed()).includes(conversationId), false);
  assert.deepEqual(await listed({ isArchived: true, sortBy: 'createdAt', sortDirection: 'desc' }), [
    conversationId,
  ]);
  await dataService.archiveConversation({ conversationId, isArchived: false });
  assert.equal((await listed()).includes(conversationId), true);
});

test('the archived table is sorted by when chats were archived', async () => {
  const ids = [];
  for (const text of ['first', 'second']) {
    const { conversationId } = await talk(text);
    ids.push(conversationId);
  }
  for (const conversationId of ids.toReversed()) {
    const archived = await dataService.archiveConversation({ conversationId, isArchived: true });
    assertIso(archived.archivedAt);
  }
  const query = { isArchived: true, sortBy: 'archivedAt', sortDirection: 'desc' };
  assert.deepEqual(await listed(query), ids);
  for (const conversationId of ids) {
    const back = await dataService.archiveConversation({ conversationId, isArchived: false });
    assert.equal(back.archivedAt, null);
  }
});

test('pinned chats can be listed alone', async () => {
  const { conversationId } = await talk('Pin me alone');
  await dataService.pinConversation({ conversationId, pinned: true });
  const ids = await listed({ pinned: true });
  assert.ok(ids.includes(conversationId));
  assert.ok(ids.length < (await listed()).length);
  await dataService.pinConversation({ conversationId, pinned: false });
  assert.equal((await listed({ pinned: true })).includes(conversationId), false);
});

test('pinning is told in the row', async () => {
  const { conversationId } = await talk('Pin me');
  const pinned = await dataService.pinConversation({ conversationId, pinned: true });

  assert.equal(pinned.pinned, true);
  const { conversations } = await dataService.listConversations();
  assert.equal(conversations.find((one) => one.conversationId === conversationId).pinned, true);
});

test('pages follow each other without a gap or a repetition', async () => {
  const person = await newPerson('carol');
  for (const number of [1, 2, 3, 4, 5]) {
    await ask(person, DEMO, { text: `Chat ${number}` });
  }
  const all = await listed();
  const paged = [];
  let cursor;
  do {
    const page = await dataService.listConversations({ limit: 2, cursor });
    paged.push(...page.conversations.map((one) => one.conversationId));
    cursor = page.nextCursor;
  } while (cursor !== null);

  assert.equal(all.length, 5);
  assert.deepEqual(paged, all);
  const titles = await dataService.listConversations({ sortBy: 'title', sortDirection: 'asc' });
  assert.deepEqual(
    titles.conversations.map((one) => one.title),
    ['Chat 1', 'Chat 2', 'Chat 3', 'Chat 4', 'Chat 5'],
  );
  const found = await dataService.listConversations({ search: 'chat 3' });
  assert.deepEqual(
    found.conversations.map((one) => one.title),
    ['Chat 3'],
  );
});

test('deleting a chat deletes its messages', async () => {
  const { conversationId } = await talk('Delete me');
  const deleted = await dataService.deleteConversation({ conversationId, source: 'button' });

  assert.deepEqual(deleted, {
    acknowledged: true,
    deletedCount: 1,
    messages: { acknowledged: true, deletedCount: 2 },
    conversationIds: [conversationId],
  });
  await refused(dataService.getConversationById(conversationId), 404);
  await refused(dataService.getMessagesByConvoId(conversationId), 404, NOT_FOUND);
});

test('a delete that names no chat deletes none', async () => {
  const before = await listed();

  await refused(dataService.deleteConversation({}), 400, { error: 'no parameters provided' });
  await refused(dataService.deleteConversation({ endpoint: 'Demo' }), 400);
  assert.equal(
    await dataService.deleteConversation({ source: 'button' }),
    'No conversationId provided',
  );
  assert.deepEqual(await listed(), before);
});

test('nobody changes what belongs to somebody else, or does not exist', async () => {
  bob.act();
  for (const conversationId of [chat.conversationId, randomUUID()]) {
    await refused(
      dataService.updateConversation({ conversationId, title: 'mine' }),
      404,
      NOT_FOUND,
    );
    await refused(
      dataService.archiveConversation({ conversationId, isArchived: true }),
      404,
      NOT_FOUND,
    );
    await refused(dataService.pinConversation({ conversationId, pinned: true }), 404, NOT_FOUND);
    await refused(dataService.deleteConversation({ conversationId, source: 'button' }), 404);
  }
  assert.deepEqual(await listed(), []);
  stranger();
  await refused(dataService.listConversations(), 401);
  alice.act();
  assert.notEqual((await dataService.getConversationById(chat.conversationId)).title, 'mine');
});

test('all chats of a person are archived, then deleted, and only theirs', async () => {
  const person = await newPerson('dave');
  await ask(person, DEMO, { text: 'one' });
  await ask(person, DEMO, { text: 'two' });

  assert.deepEqual(await dataService.archiveAllConversations(), { archivedCount: 2 });
  assert.deepEqual(await listed(), []);
  const deleted = await dataService.clearAllConversations();
  assert.equal(deleted.deletedCount, 2);
  assert.equal(deleted.messages.deletedCount, 4);
  assert.deepEqual(await listed({ isArchived: true }), []);
  assert.equal((await dataService.clearAllConversations()).deletedCount, 0);
  alice.act();
  assert.ok((await listed()).includes(chat.conversationId));
});

test('the list is read on from a cursor by either of its two calls', async () => {
  const first = await dataService.listConversations({ limit: 1 });
  await talk('One more');
  const ids = idsOf(await dataService.getConversations());
  const page = await dataService.listConversations({ limit: 1 });
  const rest = await dataService.getConversations(page.nextCursor);
  assert.deepEqual([...idsOf(page), ...idsOf(rest)], ids);
  assert.notDeepEqual(idsOf(page), idsOf(first));
});

test('there are no threads of subagents and no traces to look into', async () => {
  const { conversationId } = chat;
  await refused(dataService.getSubagentThread(conversationId, 'thread'), 404);
  await refused(dataService.controlSubagentTask(conversationId, 'thread', {}), 404);
  assert.deepEqual(await dataService.getConversationTraceAvailability(conversationId), {
    available: false,
  });
  await refused(dataService.getConversationTraceRecords({ conversationId }), 404);
  await refused(dataService.getConversationTraceRecord({ conversationId, recordId: 'x' }), 404);
});
