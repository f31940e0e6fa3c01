// Weights on the web, from a host on this machine with the faults of real ones. No test touches the outside network.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { host } from '../files/host.mjs';
import { gguf, llama } from '../files/make.mjs';
import { bareEnvironment, folder, spawn, tool } from './tool.mjs';

const small = gguf({ ...llama({}), metadata: llama({}).metadata });
// 140 GB of which the header is some kilobytes.
const large = gguf(llama({ layers: 80, hidden: 8192, heads: 64, kv: 8, ffn: 28672, vocab: 128256, types: { '*': 'f16' }, name: 'large' }));
const files = {
  'README.md': Buffer.from('# model'),
  'm-Q8_0.gguf': { head: large.header, bytes: large.bytes },
  'm-Q4_K_M.gguf': { head: small.header, bytes: small.bytes },
};
const server = await host(files);
after(() => server.close());

// Not spawnSync: the host lives in this process.
function run(args, mode = 'ok', env = {}) {
  const child = spawn(tool, args, {
    env: { ...bareEnvironment, HF_ENDPOINT: `${server.url}/${mode}`, XDG_CACHE_HOME: mkdtempSync(join(folder, 'cache-')), ...env },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (part) => (out += part));
  child.stderr.on('data', (part) => (err += part));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}
const inspect = (text, mode, env) => run(['inspect', text, '--json'], mode, env);

test('every form of a file of a repository is read by ranges', async () => {
  const forms = ['org/name:Q4_K_M', 'hf.co/org/name:q4_k_m', 'org/name/m-Q4_K_M.gguf', 'https://huggingface.co/org/name/blob/main/m-Q4_K_M.gguf',
    'https://huggingface.co/org/name?show_file_info=m-Q4_K_M.gguf', 'ollama run hf.co/org/name:Q4_K_M'];
  for (const form of forms) {
    const { code, out, err } = await inspect(form);
    assert.equal(code, 0, `${form}: ${err}`);
    const file = JSON.parse(out);
    assert.equal(file.format, 'gguf');
    assert.equal(file.file_bytes, small.bytes);
  }
});

test('a file of 140 GB is read by its header', async () => {
  server.requests.length = 0;
  const { code, out, err } = await inspect('org/name:Q8_0');
  assert.equal(code, 0, err);
  assert.ok(JSON.parse(out).tensor_bytes > 139e9);
  const asked = server.requests.filter(({ range }) => range).map(({ range }) => range.match(/(\d+)-(\d+)/).slice(1).map(Number));
  assert.ok(asked.length > 0);
  assert.ok(asked.reduce((sum, [from, to]) => sum + to - from + 1, 0) < 20e6);
});

test('any address will do', async () => {
  const { code, out, err } = await inspect(`${server.url}/ok/m-Q4_K_M.gguf`, 'ok', { HF_ENDPOINT: 'http://127.0.0.1:9' });
  assert.equal(code, 0, err);
  assert.equal(JSON.parse(out).tensor_count, 21);
});

test('hosts that redirect, turn pages, are busy at first or know no ranges are read all the same', async () => {
  for (const mode of ['redirect', 'paged', 'busy', 'no-range']) {
    const { code, out, err } = await inspect('org/name:Q4_K_M', mode);
    assert.equal(code, 0, `${mode}: ${err}`);
    assert.equal(JSON.parse(out).tensor_count, 21, mode);
  }
});

test('what hosts refuse is said in words', async () => {
  const cases = { denied: /gated or private.*401/, forbidden: /gated or private.*403/, gone: /nothing at this address/, 'always-busy': /come back later/, broken: /HTTP 500/, circle: /circle/, 'not-json': /not JSON/, truncated: /broke off/, 'wrong-range': /another range/ };
  for (const [mode, words] of Object.entries(cases)) {
    const { code, err } = await inspect('org/name:Q4_K_M', mode);
    assert.equal(code, 2, mode);
    assert.match(err, words, mode);
  }
});

test('several models: the list with their sizes', async () => {
  const { code, err } = await inspect('org/name');
  assert.equal(code, 2);
  assert.match(err, /several models/);
  assert.match(err, /Q4_K_M/);
  assert.match(err, /Q8_0, 13\d\.\d+ GiB/);
});

test('a token goes to its host, and only when there is one', async () => {
  const gated = await host(files, { token: 'hf_secret' });
  after(() => gated.close());
  const env = { HF_ENDPOINT: `${gated.url}/ok` };
  assert.equal((await inspect('org/name:Q4_K_M', 'ok', env)).code, 2);
  assert.equal((await inspect('org/name:Q4_K_M', 'ok', { ...env, HF_TOKEN: 'hf_secret' })).code, 0);
  server.requests.length = 0;
  await inspect(`${server.url}/ok/m-Q4_K_M.gguf`, 'ok', { HF_ENDPOINT: 'http://127.0.0.1:9', HF_TOKEN: 'hf_secret' });
  assert.ok(server.requests.length > 0);
  assert.ok(server.requests.every(({ token }) => token === ''));
});

test('what was read is kept: by its ETag, and without a network', async () => {
  const cache = mkdtempSync(join(folder, 'cache-'));
  const here = await host(files);
  const env = { HF_ENDPOINT: `${here.url}/ok`, XDG_CACHE_HOME: cache };
  const first = await inspect('org/name:Q8_0', 'ok', env);
  const ranges = here.requests.filter(({ range }) => range).length;
  here.requests.length = 0;
  const again = await inspect('org/name:Q8_0', 'ok', env);
  assert.equal(again.out, first.out);
  assert.ok(here.requests.filter(({ range }) => range).length <= Math.min(ranges, 1));
  await here.close();
  const offline = await inspect('org/name:Q8_0', 'ok', env);
  assert.equal(offline.code, 0, offline.err);
  assert.equal(offline.out, first.out);
  assert.equal((await inspect('org/other:Q8_0', 'ok', env)).code, 2);
});

test('what is no model is refused before anything is fetched', async () => {
  server.requests.length = 0;
  for (const text of ['https://huggingface.co/datasets/a/b', 'ftp://host/file.gguf', 'org/name/../../x.gguf']) {
    const { code, err } = await inspect(text);
    assert.equal(code, 2, text);
    assert.match(err, /inspect/);
  }
  assert.equal(server.requests.length, 0);
});

const script = existsSync('/usr/bin/script') && process.platform === 'linux'; // a terminal for programs (util-linux)
test('a slow host: a terminal shows how far the reading is, a pipe does not', { skip: !script }, async () => {
  const place = `${server.url}/slow/m-Q8_0.gguf`;
  const env = { ...bareEnvironment, XDG_CACHE_HOME: mkdtempSync(join(folder, 'cache-')) };
  const shown = await new Promise((resolve, reject) => {
    const child = spawn('/usr/bin/script', ['-qefc', `'${tool}' inspect ${place}`, '/dev/null'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (part) => (text += part));
    child.once('error', reject);
    child.once('close', () => resolve(text));
  });
  assert.match(shown, /\rRead [\d.]+ (KiB|MiB) \.\.\. \(Ctrl-C cancels\)/);
  assert.match(shown, /large/);
  const { code, err } = await inspect(place);
  assert.equal(code, 0);
  assert.equal(err, '');
});
