/** Projects: folders for chats (contract 03 §6). */
import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import { dataService } from './lib/browser.mjs';
import { ask, newChat } from './lib/chat.mjs';
import { newPerson, refused } from './lib/people.mjs';
import { assertIso, assertObjectId } from './lib/shapes.mjs';

const DEMO = newChat('Demo', 'demo-echo');
const NOT_FOUND = { error: 'Project not found' };

let alice;
let bob;
let project;
before(async () => {
  bob = await newPerson('bob');
  alice = await newPerson('alice');
  project = await dataService.createProject({ name: ' Sea ', description: 'Salt' });
});
beforeEach(() => alice.act());

test('a new project is empty, and listed', async () => {
  assertObjectId(project._id);
  assert.equal(project.name, 'Sea');
  assert.equal(project.conversationCount, 0);
  const page = await dataService.listProjects({
    sortBy: 'lastConversationAt',
    sortDirection: 'desc',
    limit: 25,
  });
  assert.deepEqual(page, { projects: [project], nextCursor: null });
});

test('a chat begun in a project is in it, and can leave it', async () => {
  const inside = newChat('Demo', 'demo-echo', { chatProjectId: project._id });
  const { conversation } = await ask(alice, inside, { text: 'High tide' });
  const { conversationId } = conversation;
  assert.equal(conversation.chatProjectId, project._id);

  const seen = await dataService.getProjectById(project._id);
  assert.equal(seen.conversationCount, 1);
  assert.equal(seen.lastConversationId, conversationId);
  assertIso(seen.lastConversationAt);
  const { conversations } = await dataService.listConversations({ projectId: project._id });
  assert.deepEqual(
    conversations.map((one) => [one.conversationId, one.chatProjectId]),
    [[conversationId, project._id]],
  );

  const moved = await dataService.assignConversationToProject({ conversationId, projectId: null });
  assert.equal(moved.previousProjectId, project._id);
  assert.equal(moved.conversation.chatProjectId, null);
  const rest = await dataService.listConversations({ projectId: 'unassigned' });
  assert.equal(rest.conversations.length, 1);
});

test('a project is renamed, then deleted, and its chats stay', async () => {
  const { _id } = await dataService.createProject({ name: 'Short' });
  const { conversation } = await ask(alice, DEMO, { text: 'Low tide' });
  const { conversationId } = conversation;
  await dataService.assignConversationToProject({ conversationId, projectId: _id });
  const renamed = await dataService.updateProject({ projectId: _id, name: 'Long' });
  assert.equal(renamed.name, 'Long');
  assert.deepEqual(await dataService.deleteProject(_id), { deletedCount: 1, modifiedCount: 1 });
  assert.equal((await dataService.getConversationById(conversationId)).chatProjectId, null);
});

test('nobody sees or changes what belongs to somebody else', async () => {
  bob.act();
  await refused(dataService.getProjectById(project._id), 404, NOT_FOUND);
  await refused(dataService.updateProject({ projectId: project._id, name: 'x' }), 404, NOT_FOUND);
  await refused(dataService.deleteProject(project._id), 404, NOT_FOUND);
  assert.deepEqual((await dataService.listProjects({})).projects, []);
});
