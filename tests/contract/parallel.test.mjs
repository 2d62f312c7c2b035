/** Two models in one answer, as the client asks for them and reads them (contract 02 §10.6). */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { dataService, library } from './lib/browser.mjs';
import { ask, newChat } from './lib/chat.mjs';
import { newPerson } from './lib/people.mjs';

const FIRST = newChat('openAI', 'gpt-4.1');
const ADDED = newChat('openAI', 'gpt-4.1-mini', { modelLabel: 'Mini: fast' });

let alice;
before(async () => {
  alice = await newPerson('alice');
});

test('both columns carry the ids the client makes up for them', async () => {
  const { responseMessage } = await ask(alice, FIRST, {
    text: '[[say:Old pond]]',
    addedConvo: ADDED,
  });
  const agents = [
    library.encodeEphemeralAgentId({ endpoint: 'openAI', model: 'gpt-4.1', sender: '' }),
    library.encodeEphemeralAgentId({
      endpoint: 'openAI',
      model: 'gpt-4.1-mini',
      sender: 'Mini: fast',
      index: 1,
    }),
  ];
  const said = Object.fromEntries(
    responseMessage.content.map((part) => [part.agentId, [part.type, part.text, part.groupId]]),
  );
  assert.deepEqual(said, {
    [agents[0]]: ['text', 'Old pond', 1],
    [agents[1]]: ['text', 'Old pond', 1],
  });
  assert.equal(responseMessage.addedConvo, true);
  const stored = await dataService.getMessagesByConvoId(responseMessage.conversationId);
  assert.deepEqual(stored.at(-1).content, responseMessage.content);
});

test('one column can be kept as an answer of its own', async () => {
  const { responseMessage } = await ask(alice, FIRST, {
    text: '[[say:Frog]]',
    addedConvo: ADDED,
  });
  const kept = await dataService.branchMessage({
    messageId: responseMessage.messageId,
    agentId: responseMessage.content[1].agentId,
  });
  assert.deepEqual(kept.content, [{ type: 'text', text: 'Frog' }]);
  assert.equal(kept.parentMessageId, responseMessage.parentMessageId);
});
