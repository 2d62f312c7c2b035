/** The library of prompts (contract 03 §13). */
import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import { dataService, library } from './lib/browser.mjs';
import { administrator, newPerson, refused } from './lib/people.mjs';
import { assertIso, assertObjectId } from './lib/shapes.mjs';

const NOT_FOUND = { error: 'Not Found', message: 'promptGroup not found' };

let admin;
let alice;
let bob;
before(async () => {
  admin = await administrator();
  bob = await newPerson('bob');
  alice = await newPerson('alice');
});
beforeEach(() => alice.act());

function make(name, prompt = 'When is {{time}} tide?') {
  return dataService.createPrompt({ prompt: { prompt, type: 'text' }, group: { name } });
}

test('a prompt is made, found, changed and used', async () => {
  const { prompt, group } = await dataService.createPrompt({
    prompt: { prompt: 'When is {{time}} tide?', type: 'text' },
    group: { name: 'Tides', category: 'write', oneliner: 'Asks', command: 'tide' },
  });
  assertObjectId(group._id);
  assertIso(group.createdAt);
  assert.equal(group.author, alice.user.id);
  assert.equal(group.productionId, prompt._id);

  const [listed] = await dataService.getAllPromptGroups();
  assert.deepEqual(listed.productionPrompt, { _id: prompt._id, prompt: prompt.prompt });
  assert.equal(listed.command, 'tide');
  const page = await dataService.getPromptGroups({ limit: 10, category: 'write', name: 'tid' });
  assert.deepEqual(page.promptGroups, [listed]);
  assert.equal((await dataService.getPromptGroups({ limit: 10, name: 'x' })).promptGroups.length, 0);

  const changed = await dataService.updatePromptGroup({
    id: group._id,
    payload: { name: 'Ebb', oneliner: 'Asks again' },
  });
  assert.deepEqual([changed.name, changed.oneliner, changed.command], ['Ebb', 'Asks again', 'tide']);
  const details = await refused(
    dataService.updatePromptGroup({ id: group._id, payload: { command: 'No!' } }),
    400,
  );
  assert.equal(details.error, 'Invalid request body');
  for (const numberOfGenerations of [1, 2]) {
    assert.deepEqual(await dataService.recordPromptGroupUsage(group._id), { numberOfGenerations });
  }
  const { prompts } = await dataService.getRandomPrompts({ limit: 5, skip: 0 });
  assert.equal(prompts[0]._id, group._id);
});

test('versions are added, put in use, labelled and deleted', async () => {
  const { prompt: first, group } = await make('Versions');
  const { prompt: second } = await dataService.addPromptToGroup(group._id, {
    prompt: { prompt: 'Second', type: 'text', groupId: group._id },
  });
  let versions = await dataService.getPrompts({ groupId: group._id });
  assert.deepEqual(
    versions.map(({ _id }) => _id),
    [second._id, first._id],
  );
  assert.equal((await dataService.getPromptGroup(group._id)).productionPrompt._id, first._id);
  await dataService.makePromptProduction(second._id);
  const seen = await dataService.getPromptGroup(group._id);
  assert.equal(seen.productionPrompt.prompt, 'Second');
  await dataService.updatePromptLabels({ id: second._id, payload: { labels: ['calm'] } });
  assert.equal((await dataService.getPrompt(second._id))._id, second._id);

  await dataService.deletePrompt({ _id: second._id, groupId: group._id });
  assert.equal((await dataService.getPromptGroup(group._id)).productionId, first._id);
  const last = await dataService.deletePrompt({ _id: first._id, groupId: group._id });
  assert.equal(last.promptGroup.id, group._id);
  await refused(dataService.getPromptGroup(group._id), 404, NOT_FOUND);
});

test('the list comes in pages', async () => {
  const carol = await newPerson('carol');
  for (let i = 0; i < 5; i += 1) {
    await make(`Page ${i}`);
  }
  const names = [];
  let cursor;
  do {
    const page = await dataService.getPromptGroups({ limit: 2, cursor });
    names.push(...page.promptGroups.map(({ name }) => name));
    assert.equal(page.has_more, page.after !== null);
    cursor = page.after;
  } while (cursor);
  assert.deepEqual(names.sort(), ['Page 0', 'Page 1', 'Page 2', 'Page 3', 'Page 4']);
  assert.equal(carol.name, 'carol');
});

test('a prompt is shared with everybody by those whose role allows it', async () => {
  const { group } = await make('Private');
  const everybody = { updated: [], removed: [], public: true, publicAccessRoleId: 'promptGroup_viewer' };
  await refused(dataService.updateResourcePermissions('promptGroup', group._id, everybody), 403);

  admin.act();
  const { group: shared } = await make('For all');
  await dataService.updateResourcePermissions('promptGroup', shared._id, everybody);
  bob.act();
  const [seen] = await dataService.getAllPromptGroups();
  assert.deepEqual([seen.name, seen.isPublic], ['For all', true]);
  const rights = await dataService.getAllEffectivePermissions('promptGroup');
  assert.deepEqual(rights, { [shared._id]: library.PermissionBits.VIEW });
  await refused(dataService.updatePromptGroup({ id: shared._id, payload: { name: 'x' } }), 403);
  await refused(dataService.deletePromptGroup(shared._id), 403);

  admin.act();
  assert.deepEqual(await dataService.deletePromptGroup(shared._id), {
    message: 'Prompt group deleted successfully',
  });
  bob.act();
  assert.deepEqual(await dataService.getAllPromptGroups(), []);
});

test('nobody sees or changes what belongs to somebody else', async () => {
  const { group, prompt } = await make('Mine');
  const version = { prompt: { prompt: 'x', type: 'text' } };
  bob.act();
  for (const call of [
    () => dataService.getPromptGroup(group._id),
    () => dataService.getPrompts({ groupId: group._id }),
    () => dataService.getPrompt(prompt._id),
    () => dataService.addPromptToGroup(group._id, version),
    () => dataService.updatePromptGroup({ id: group._id, payload: { name: 'x' } }),
    () => dataService.makePromptProduction(prompt._id),
    () => dataService.recordPromptGroupUsage(group._id),
    () => dataService.deletePrompt({ _id: prompt._id, groupId: group._id }),
    () => dataService.deletePromptGroup(group._id),
  ]) {
    await refused(call(), 404, NOT_FOUND);
  }
  assert.deepEqual(await dataService.getAllPromptGroups(), []);
});

test('an administrator says what a role may do with prompts', async () => {
  const change = (SHARE) => ({ roleName: 'USER', updates: { SHARE } });
  await refused(dataService.updatePromptPermissions(change(true)), 403);
  await administrator();
  const before = (await dataService.getRole('USER')).permissions.PROMPTS.SHARE;
  for (const isAllowed of [!before, before]) {
    const { permissions } = await dataService.updatePromptPermissions(change(isAllowed));
    assert.equal(permissions.PROMPTS.SHARE, isAllowed);
  }
});
