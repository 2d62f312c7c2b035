/** People of an old server find everything as it was (docs/moving-in.md). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { BASE_URL, axios, dataService, library } from './lib/browser.mjs';
import { Person, stranger } from './lib/people.mjs';
import { codeOf } from './lib/totp.mjs';

const PASSWORD = 'correct horse';
const SECRET = 'JBSWY3DPEHPK3PXP';
const old = Object.fromEntries(
  ['users', 'conversations', 'messages', 'conversationtags', 'files'].map((name) => {
    const text = readFileSync(`${process.env.CONTRACT_OLD}/export/${name}.json`, 'utf8');
    return [name, JSON.parse(text.replace(/^\ufeff/, ''))];
  }),
);
const [first, second] = old.users;

/** The chats of a person as the old server listed them: the newest first. */
function chatsOf({ _id }) {
  return old.conversations
    .filter(({ user, isArchived }) => user === _id.$oid && !isArchived)
    .sort((a, b) => b.updatedAt.$date.localeCompare(a.updatedAt.$date));
}

function messagesOf({ conversationId }) {
  return old.messages.filter((message) => message.conversationId === conversationId);
}

/** Id → ids of the answers below it, in their order. */
function tree(messages) {
  const below = ({ messageId, children }) => [messageId, (children ?? []).map(below)];
  return library.buildTree({ messages }).map(below);
}

/** As the browser fetches what a page shows. */
function bytesOf(address) {
  return axios.get(`${BASE_URL}${address}`, { responseType: 'arraybuffer' });
}

async function signedIn({ email }) {
  const person = Object.assign(new Person(), { email, password: PASSWORD });
  return person.signIn();
}

let person;
before(async () => {
  person = await signedIn(first);
});

test('the old password and the old second factor open the account', async () => {
  stranger();
  const { twoFAPending, tempToken } = await dataService.login({
    email: second.email,
    password: PASSWORD,
  });
  assert.equal(twoFAPending, true);
  const entered = await dataService.verifyTwoFactorTemp({ tempToken, token: codeOf(SECRET) });
  assert.equal(entered.user.id, second._id.$oid);
  assert.equal(entered.user.name, second.name);
});

test('chats have their titles, their order and their tags', async () => {
  person.act();
  const { conversations } = await dataService.listConversations();
  const expected = chatsOf(first);
  assert.deepEqual(
    conversations.map(({ conversationId, title }) => [conversationId, title]),
    expected.map(({ conversationId, title }) => [conversationId, title]),
  );
  for (const { conversationId, tags, updatedAt } of expected) {
    const chat = await dataService.getConversationById(conversationId);
    assert.deepEqual(chat.tags, tags);
    assert.equal(Date.parse(chat.updatedAt), Date.parse(updatedAt.$date));
  }
  const names = (await dataService.getConversationTags()).map(({ tag }) => tag);
  assert.deepEqual(
    names,
    old.conversationtags.map(({ tag }) => tag),
  );
});

test('answers hang below the same questions, side by side in the same order', async () => {
  person.act();
  for (const chat of chatsOf(first)) {
    const shown = await dataService.getMessagesByConvoId(chat.conversationId);
    const expected = messagesOf(chat);
    assert.deepEqual(tree(shown), tree(expected));
    for (const [index, message] of shown.entries()) {
      assert.equal(message.text, expected[index].text);
      assert.equal(message.content?.at(-1).text, expected[index].content?.at(-1).text);
    }
  }
});

test('files are listed, and pictures are sent under the address messages have', async () => {
  person.act();
  const files = await dataService.getFiles();
  assert.deepEqual(
    files.map(({ file_id }) => file_id).sort(),
    old.files.map(({ file_id }) => file_id).sort(),
  );
  const [{ files: attached }] = await dataService.getMessagesByConvoId(
    messagesOf(old.conversations[0])[0].conversationId,
  );
  const { data, headers } = await bytesOf(attached[0].filepath);
  assert.equal(headers['content-type'], 'image/png');
  assert.equal(data.byteLength, old.files[0].bytes);
  const { avatar } = await dataService.getUser();
  assert.equal((await bytesOf(avatar)).status, 200);
});
