/** Balance and cost, on a server where people have credits (contract 01 §5.7, 02 §11). */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { dataService } from './lib/browser.mjs';
import { ask, newChat } from './lib/chat.mjs';
import { newPerson, stranger } from './lib/people.mjs';
import { until } from './lib/waiting.mjs';

const OPENAI = newChat('openAI', 'gpt-4.1');
// What run.py gives to begin with; the answer and the title, at a credit for each token.
const START = 1000;
const EACH = 29;
const USD = 1_000_000;

let alice;
let turn;
before(async () => {
  alice = await newPerson('alice');
});

test('the start says that there are balances and that costs are shown', async () => {
  const config = await dataService.getStartupConfig();
  assert.equal(config.balance.enabled, true);
  assert.equal(config.interface.contextCost, true);
  assert.equal((await dataService.getUserBalance()).tokenCredits, START);
});

test('a chat is billed once: stream, stored answer and balance say the same', async () => {
  turn = await ask(alice, OPENAI, { text: 'When is high tide?' });
  assert.deepEqual(
    turn.replay.usage.map(({ cost }) => cost),
    [EACH / USD],
  );
  // The title joins the answer's figures a moment later.
  const { conversationId } = turn.conversation;
  const stored = await until(
    async () => (await dataService.getMessagesByConvoId(conversationId)).at(-1),
    (message) => message.metadata.usage.cost > EACH / USD,
  );
  assert.equal(stored.metadata.usage.cost, (2 * EACH) / USD);
  const { tokenCredits } = await until(dataService.getUserBalance, (balance) =>
    balance.tokenCredits <= START - 2 * EACH);
  assert.equal(tokenCredits, START - 2 * EACH);
});

test('without enough credits the answer is the error the client has words for', async () => {
  const { conversation, responseMessage } = turn;
  const refused = await ask(
    alice,
    { ...OPENAI, conversationId: conversation.conversationId },
    { text: 'tell me more '.repeat(600), parentMessageId: responseMessage.messageId },
  );
  const { type, balance, tokenCost, promptTokens } = JSON.parse(refused.responseMessage.text);
  assert.equal(refused.responseMessage.error, true);
  assert.deepEqual({ type, balance }, { type: 'token_balance', balance: START - 2 * EACH });
  assert.ok(tokenCost > balance && promptTokens > 0);
  assert.equal((await dataService.getUserBalance()).tokenCredits, START - 2 * EACH);
});

test('a stranger has no balance', async () => {
  stranger();
  await assert.rejects(dataService.getUserBalance(), ({ response }) => response.status === 401);
});
