/** Files, as the client's library uploads, lists, sends, fetches and deletes them (contract 04 §1). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, beforeEach, test } from 'node:test';
import { BASE_URL, dataService, library } from './lib/browser.mjs';
import { ask, newChat } from './lib/chat.mjs';
import { newPerson, refused } from './lib/people.mjs';

const CHAT = newChat('openAI', 'gpt-4.1');
// One red pixel.
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
);

let alice;
let bob;
before(async () => {
  bob = await newPerson('bob');
  alice = await newPerson('alice');
});
beforeEach(() => alice.act());

function form(data, name, type, fields = {}) {
  const body = new FormData();
  body.append('endpoint', 'openAI');
  body.append('endpointType', '');
  body.append('file', new Blob([data], { type }), encodeURIComponent(name));
  const all = { file_id: randomUUID(), message_file: 'true', ...fields };
  Object.entries(all).forEach(([field, value]) => body.append(field, value));
  return [body, all.file_id];
}

async function uploadText(text, name = 'Nötes.md') {
  const [body, temporary] = form(text, name, 'text/markdown', { tool_resource: 'context' });
  return [await dataService.uploadFile(body), temporary];
}

test('the limits merge into those the client has built in', async () => {
  const config = library.mergeFileConfig(await dataService.getFileConfig());
  assert.equal(config.endpoints.default.disabled, false);
  assert.equal(config.endpoints.agents.fileSizeLimit, 512 * 1024 * 1024);
  assert.equal(config.endpoints.default.fileLimit, 10);
  assert.ok(config.endpoints.default.supportedMimeTypes.length > 0);
  assert.equal(config.avatarSizeLimit, 2 * 1024 * 1024);
});

test('an upload is recognised by the id the client gave it, and listed', async () => {
  const [file, temporary] = await uploadText('Some notes.');
  assert.equal(file.temp_file_id, temporary);
  assert.notEqual(file.file_id, temporary);
  assert.equal(file.filename, 'Nötes.md');
  assert.equal(file.source, library.FileSources.text);
  assert.equal(file.context, library.FileContext.message_attachment);
  const [listed] = await dataService.getFiles();
  assert.equal(listed.file_id, file.file_id);
  assert.equal(listed.text, undefined);
  assert.deepEqual(await dataService.getFilePreview(file.file_id), {
    file_id: file.file_id,
    status: 'ready',
    text: 'Some notes.',
    textFormat: 'text',
  });
});

test('files are kept with the message, and the model sees them', async () => {
  const [body] = form(PIXEL, 'pixel.png', 'image/png', { width: '1', height: '1' });
  const picture = await dataService.uploadImage(body);
  assert.deepEqual([picture.width, picture.height, picture.type], [1, 1, 'image/png']);
  const [text] = await uploadText('The tide is high.');
  const files = [picture, text].map(({ file_id, filepath, type, width, height }) => {
    return { file_id, filepath, type, width, height };
  });

  const { conversation } = await ask(alice, CHAT, { text: 'What is this? [[echo]]', files });

  const [question] = await dataService.getMessagesByConvoId(conversation.conversationId);
  assert.deepEqual(
    question.files.map(({ file_id, filename }) => [file_id, filename]),
    [
      [picture.file_id, 'pixel.png'],
      [text.file_id, 'Nötes.md'],
    ],
  );
  const [used] = (await dataService.getFiles()).filter((f) => f.file_id === text.file_id);
  assert.deepEqual([used.usage, used.temp_file_id], [1, undefined]);
});

test('a download tells what it is in its header', async () => {
  const [file] = await uploadText('Some notes.');
  const response = await dataService.getFileDownload(alice.user.id, file.file_id);
  assert.equal(await new Response(response.data).text(), 'Some notes.');
  const metadata = JSON.parse(decodeURIComponent(response.headers['x-file-metadata']));
  assert.equal(metadata.filename, 'Nötes.md');
  assert.equal(metadata._id, undefined);
  await refused(dataService.getFileDownloadURL(alice.user.id, file.file_id), 501);
});

test('deleting needs ownership of every file', async () => {
  const [file] = await uploadText('Some notes.');
  assert.deepEqual(await dataService.markFilesUsage({ file_ids: [file.file_id] }), { held: 1 });
  bob.act();
  const { unauthorizedFiles } = await refused(dataService.deleteFiles({ files: [file] }), 403);
  assert.deepEqual(unauthorizedFiles, [file.file_id]);
  assert.deepEqual(await dataService.markFilesUsage({ file_ids: [file.file_id] }), { held: 0 });
  assert.deepEqual(await dataService.getFiles(), []);
  alice.act();
  const { message } = await dataService.deleteFiles({ files: [file] });
  assert.equal(typeof message, 'string');
  const ids = (await dataService.getFiles()).map(({ file_id }) => file_id);
  assert.ok(!ids.includes(file.file_id));
});

test('a refusal says why, where the client looks for it', async () => {
  const [body] = form('MZ', 'setup.exe', 'application/x-msdownload');
  const { message } = await refused(dataService.uploadFile(body), 415);
  assert.equal(message, 'Unsupported file type (application/x-msdownload).');
  const [empty] = form('  ', 'a.txt', 'text/plain', { tool_resource: 'context' });
  const unreadable = await refused(dataService.uploadFile(empty), 400);
  assert.match(unreadable.message, /^Unable to extract text from/);
});

test('an avatar is made of an upload and shown to everybody', async () => {
  const body = new FormData();
  body.append('file', new Blob([PIXEL], { type: 'image/png' }), 'avatar.png');
  body.append('manual', 'true');
  const { url } = await dataService.uploadAvatar(body);
  assert.equal((await dataService.getUser()).avatar, url);
  const seen = await fetch(new URL(url, BASE_URL));
  assert.deepEqual([seen.status, seen.headers.get('content-type')], [200, 'image/png']);
});

test('agents have no files', async () => {
  assert.deepEqual(await dataService.getAgentFiles('agent_x'), []);
});
