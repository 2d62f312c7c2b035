/** OpenAI's library for Node against /v1, with a key made in the client's settings (04 §13.1). */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import OpenAI from 'openai';
import { BASE_URL, dataService } from './lib/browser.mjs';
import { administrator, newPerson, refused } from './lib/people.mjs';

const HELLO = 'Hello from the fake provider.';
// Of the first one the answers are passed on, of providers of other dialects they are translated.
const MODELS = ['gpt-4.1', 'claude-sonnet-4-5', 'gemini-3-pro-preview'];
const ask = (content) => [{ role: 'user', content }];

let key;
let client;
before(async () => {
  await administrator();
  const made = await dataService.createAgentApiKey({ name: 'script' });
  assert.match(made.key, /^sk-[0-9a-f]{64}$/);
  assert.equal(made.keyPrefix, made.key.slice(0, 8));
  key = made;
  client = new OpenAI({ apiKey: made.key, baseURL: `${BASE_URL}/v1`, maxRetries: 0 });
});

test('the settings list the key without its secret', async () => {
  const { keys } = await dataService.getAgentApiKeys();
  const { key: secret, ...shown } = key;
  const found = keys.find(({ id }) => id === key.id);
  assert.ok(!JSON.stringify(keys).includes(secret));
  assert.deepEqual({ ...found, lastUsedAt: undefined }, { ...shown, lastUsedAt: undefined });
});

test('models are listed', async () => {
  const ids = [];
  for await (const model of client.models.list()) {
    ids.push(model.id);
  }
  assert.deepEqual([...MODELS, 'demo-echo'].filter((id) => !ids.includes(id)), []);
  assert.equal((await client.models.retrieve('gpt-4.1')).id, 'gpt-4.1');
});

for (const model of MODELS) {
  test(`a chat is answered, in one piece and streamed (${model})`, async () => {
    const whole = await client.chat.completions.create({ model, messages: ask('Hi') });
    assert.equal(whole.choices[0].message.content, HELLO);
    assert.equal(whole.usage.total_tokens, 29);

    const stream = await client.chat.completions.create({
      model,
      messages: ask('Hi'),
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, HELLO);
    assert.equal(usage.completion_tokens, 9);
  });

  for (const stream of [false, true]) {
    test(`tools are run until there is an answer (${model}, streamed: ${stream})`, async () => {
      const called = [];
      const parameters = { type: 'object', properties: { city: { type: 'string' } } };
      const run = ({ city }) => `Sunny in ${city}`;
      const weather = { name: 'get_weather', parameters, parse: JSON.parse, function: run };
      const runner = client.chat.completions.runTools({
        model,
        stream,
        messages: ask('[[tool]] Weather?'),
        tools: [{ type: 'function', function: weather }],
      });
      runner.on('functionToolCall', (call) => called.push([call.name, JSON.parse(call.arguments)]));
      assert.equal(await runner.finalContent(), 'get_weather said: Sunny in Paris');
      assert.deepEqual(called, [['get_weather', { city: 'Paris' }]]);
    });
  }

  test(`responses are answered and streamed (${model})`, async () => {
    const whole = await client.responses.create({ model, input: 'Hi' });
    assert.equal(whole.output_text, HELLO);

    const stream = client.responses.stream({ model, input: 'Hi' });
    let text = '';
    stream.on('response.output_text.delta', ({ delta }) => (text += delta));
    const final = await stream.finalResponse();
    assert.equal(final.status, 'completed');
    assert.equal(text, HELLO);
    assert.equal(final.output_text, HELLO);
  });

  test(`responses hear what tools said (${model})`, async () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } };
    const tools = [{ type: 'function', name: 'get_weather', parameters, strict: false }];
    const input = ask('[[tool]] Weather?');
    const stream = client.responses.stream({ model, input, tools });
    const { output } = await stream.finalResponse();
    const call = output.find(({ type }) => type === 'function_call');
    assert.deepEqual(JSON.parse(call.arguments), { city: 'Paris' });
    const said = { type: 'function_call_output', call_id: call.call_id, output: 'Sunny' };
    const next = [...input, ...output, said];
    const answer = await client.responses.create({ model, input: next, tools });
    assert.equal(answer.output_text, 'get_weather said: Sunny');
  });
}

for (const model of ['gpt-4.1', 'gemini-3-pro-preview']) {
  test(`embeddings arrive as numbers, whatever is sent over the line (${model})`, async () => {
    for (const encoding_format of [undefined, 'float', 'base64']) {
      const { data } = await client.embeddings.create({
        model,
        input: ['a', 'b'],
        dimensions: 2,
        encoding_format,
      });
      assert.equal(data.length, 2);
      if (encoding_format !== 'base64') {
        assert.deepEqual([...data[0].embedding], [0.5, -0.25]);
      }
    }
  });
}

test('embeddings are refused where the provider has none', async () => {
  const refusal = client.embeddings.create({ model: 'claude-sonnet-4-5', input: 'a' });
  await assert.rejects(refusal, (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.code, 'unsupported_operation');
    return true;
  });
});

test('errors are of their classes', async () => {
  const unknown = client.chat.completions.create({ model: 'nothing', messages: ask('Hi') });
  await assert.rejects(unknown, (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, 'model_not_found');
    return true;
  });
  const limited = client.chat.completions.create({
    model: 'gpt-4.1',
    messages: ask('[[status:429]]'),
  });
  await assert.rejects(limited, OpenAI.RateLimitError);
});

test('a deleted key opens nothing', async () => {
  const other = await dataService.createAgentApiKey({ name: 'short-lived' });
  const gone = new OpenAI({ apiKey: other.key, baseURL: `${BASE_URL}/v1`, maxRetries: 0 });
  assert.ok((await gone.models.list()).data.length);
  await dataService.deleteAgentApiKey(other.id);
  await assert.rejects(gone.models.list(), OpenAI.AuthenticationError);
  await refused(dataService.deleteAgentApiKey(other.id), 404, { error: 'API key not found' });
});

test('keys are for those whose role may have them', async () => {
  await newPerson('alice');
  await refused(dataService.getAgentApiKeys(), 403);
  await refused(dataService.createAgentApiKey({ name: 'script' }), 403);
});
