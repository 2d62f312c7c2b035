/** Memories (contract 03 §12). */
import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import { dataService } from './lib/browser.mjs';
import { administrator, newPerson, refused } from './lib/people.mjs';
import { assertIso, assertObjectId } from './lib/shapes.mjs';

const NOT_FOUND = { error: 'Memory not found.' };

let alice;
let bob;
before(async () => {
  bob = await newPerson('bob');
  alice = await newPerson('alice');
});
beforeEach(() => alice.act());

test('a memory is made, changed, renamed and deleted', async () => {
  const { created, memory } = await dataService.createMemory({ key: 'port', value: 'Brest' });
  assert.equal(created, true);
  assertObjectId(memory._id);
  assertIso(memory.updated_at);
  const { memories, totalTokens, tokenLimit, usagePercentage } = await dataService.getMemories();
  assert.deepEqual(memories, [memory]);
  assert.equal(totalTokens, memory.tokenCount);
  assert.equal(usagePercentage, Math.round((100 * totalTokens) / tokenLimit));

  const { memory: renamed } = await dataService.updateMemory('harbour', 'Le Havre', 'port');
  assert.deepEqual([renamed._id, renamed.key, renamed.value], [memory._id, 'harbour', 'Le Havre']);
  const { memory: again } = await dataService.updateMemoryById(memory._id, 'Nantes', 'port');
  assert.deepEqual([again.key, again.value], ['port', 'Nantes']);
  await refused(dataService.createMemory({ key: 'port', value: 'x' }), 409);
  const { error } = await refused(dataService.createMemory({ key: 'My Port', value: 'x' }), 400);
  assert.ok(error.includes('lowercase letters and underscores'));

  assert.deepEqual(await dataService.deleteMemoryById(memory._id), { deleted: true });
  await refused(dataService.deleteMemory('port'), 404, NOT_FOUND);
});

test('a memory of an agent is one of its own', async () => {
  await dataService.createMemory({ key: 'boat', value: 'Sloop', agentId: 'agent_a' });
  await refused(dataService.deleteMemory('boat'), 404, NOT_FOUND);
  assert.deepEqual(await dataService.deleteMemory('boat', 'agent_a'), { deleted: true });
});

test('a person switches them off and on', async () => {
  for (const memories of [false, true]) {
    const { preferences } = await dataService.updateMemoryPreferences({ memories });
    assert.deepEqual(preferences, { memories });
    assert.equal((await dataService.getUser()).personalization.memories, memories);
  }
});

test('nobody sees or changes what belongs to somebody else', async () => {
  const { memory } = await dataService.createMemory({ key: 'port', value: 'Brest' });
  bob.act();
  assert.deepEqual((await dataService.getMemories()).memories, []);
  await refused(dataService.updateMemory('port', 'mine'), 404, NOT_FOUND);
  await refused(dataService.updateMemoryById(memory._id, 'mine'), 404, NOT_FOUND);
  await refused(dataService.deleteMemoryById(memory._id), 404, NOT_FOUND);
  await refused(dataService.deleteMemory('port'), 404, NOT_FOUND);
});

test('an administrator says what a role may do with memories', async () => {
  const change = (OPT_OUT) => ({ roleName: 'USER', updates: { OPT_OUT } });
  await refused(dataService.updateMemoryPermissions(change(false)), 403);
  await administrator();
  for (const isAllowed of [false, true]) {
    await dataService.updateMemoryPermissions(change(isAllowed));
    const { permissions } = await dataService.getRole('USER');
    assert.equal(permissions.MEMORIES.OPT_OUT, isAllowed);
  }
});
