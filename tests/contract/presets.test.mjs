/** Presets people save for themselves (contract 03 §10). */
import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import { dataService, library } from './lib/browser.mjs';
import { newPerson, refused } from './lib/people.mjs';

let alice;
let bob;
before(async () => {
  bob = await newPerson('bob');
  alice = await newPerson('alice');
});
beforeEach(() => alice.act());

function make(title) {
  const body = { presetId: null, title, endpoint: 'openAI', model: 'gpt-4.1', temperature: 0.3 };
  return dataService.createPreset(body);
}

test('a preset is saved, changed and deleted', async () => {
  const made = await make('Calm');
  library.tPresetSchema.parse(made);
  assert.deepEqual([made.title, made.temperature], ['Calm', 0.3]);
  const changed = await dataService.updatePreset({ ...made, title: 'Calmer' });
  assert.deepEqual([changed.presetId, changed.title], [made.presetId, 'Calmer']);
  assert.deepEqual(
    (await dataService.getPresets()).map(({ title }) => title),
    ['Calmer'],
  );
  assert.equal((await dataService.deletePreset({ presetId: made.presetId })).deletedCount, 1);
  assert.deepEqual(await dataService.getPresets(), []);
});

test('nobody sees or changes what belongs to somebody else', async () => {
  const made = await make('Mine');
  bob.act();
  assert.deepEqual(await dataService.getPresets(), []);
  await refused(dataService.updatePreset({ ...made, title: 'Yours' }), 409);
  assert.equal((await dataService.deletePreset({ presetId: made.presetId })).deletedCount, 0);
  alice.act();
  assert.equal((await dataService.getPresets())[0].title, 'Mine');
});
