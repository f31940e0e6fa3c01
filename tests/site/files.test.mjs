// The visitor's own weights: files of any size from a disk, and addresses, read by their headers in the page.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { host } from '../files/host.mjs';
import { gguf, llama, safetensors, writeSparse } from '../files/make.mjs';
import { answered, open, shownFor } from './browser.mjs';

const site = await open(after);
const folder = mkdtempSync(path.join(tmpdir(), 'vram-files-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const shape = { layers: 80, hidden: 8192, heads: 64, kv: 8, ffn: 28672, vocab: 128256, name: 'Large' };
const large = gguf(llama({ ...shape, types: { '*': 'f16' } }));
const half = gguf(llama({ ...shape, types: { '*': 'q8_0' } }));
const small = gguf(llama({ ...shape, layers: 16, types: { '*': 'q4_k' } }));
const server = await host({ 'm-F16.gguf': { head: large.header, bytes: large.bytes }, 'm-Q8_0.gguf': { head: half.header, bytes: half.bytes }, 'm-Q4_K_M.gguf': { head: small.header, bytes: small.bytes } });
after(() => server.close());

const toFiles = async (page) => {
  await answered(page);
  await page.click('label:has(input[name=source][value=file])');
  await page.waitForSelector('#place');
};
const readAddress = async (page, address) => {
  await page.fill('#place', address);
  await page.click('.place button');
};
const mirror = async (page, mode = 'ok') => {
  await page.click('details:has(#endpoint) summary');
  await page.fill('#endpoint', `${server.url}/${mode}`);
};

test('140 GB of a GGUF on a disk: the exact ledger, with a few megabytes read', async () => {
  const page = await site.visit();
  await toFiles(page);
  const file = path.join(folder, 'large.gguf');
  writeSparse(file, [[0, large.header]], large.bytes);
  assert.ok(statSync(file).size > 139e9);
  await page.setInputFiles('.pick input[multiple]', file);
  const { request, response } = await shownFor(page, ({ model }) => model.file);
  assert.equal(request.model.file.file_bytes, large.bytes);
  const weights = response.ledger.entries.filter(({ kind }) => kind === 'weights').reduce((sum, { bytes }) => sum + bytes.expected, 0);
  assert.ok(Math.abs(weights - request.model.file.tensor_bytes) < 1e6, `${weights} for ${request.model.file.tensor_bytes}`);
  const read = await page.textContent('.found');
  assert.match(read, /Read\s*[\d.]+ (KiB|MiB) of 13\d/);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('a folder of safetensors', async () => {
  const model = path.join(folder, 'tiny');
  mkdirSync(model);
  const { header, bytes } = safetensors([['model.embed_tokens.weight', 'BF16', [100, 64]], ['model.norm.weight', 'BF16', [64]], ...[0, 1].flatMap((i) => [
    [`model.layers.${i}.self_attn.q_proj.weight`, 'BF16', [64, 64]], [`model.layers.${i}.self_attn.k_proj.weight`, 'BF16', [32, 64]], [`model.layers.${i}.self_attn.v_proj.weight`, 'BF16', [32, 64]], [`model.layers.${i}.self_attn.o_proj.weight`, 'BF16', [64, 64]],
    [`model.layers.${i}.mlp.gate_proj.weight`, 'BF16', [128, 64]], [`model.layers.${i}.mlp.up_proj.weight`, 'BF16', [128, 64]], [`model.layers.${i}.mlp.down_proj.weight`, 'BF16', [64, 128]],
    [`model.layers.${i}.input_layernorm.weight`, 'BF16', [64]], [`model.layers.${i}.post_attention_layernorm.weight`, 'BF16', [64]]])]);
  writeSparse(path.join(model, 'model.safetensors'), [[0, header]], bytes);
  writeFileSync(path.join(model, 'config.json'), JSON.stringify({ model_type: 'llama', hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 100, max_position_embeddings: 2048, tie_word_embeddings: true, torch_dtype: 'bfloat16' }));
  const page = await site.visit('#v=1&e=vllm');
  await toFiles(page);
  await page.setInputFiles('.pick input[webkitdirectory]', model);
  const { request } = await shownFor(page, ({ model: given }) => given.file);
  assert.equal(request.model.file.format, 'safetensors');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('an address is read by ranges; the link asks before it reads again', async () => {
  const page = await site.visit();
  await toFiles(page);
  server.requests.length = 0;
  await readAddress(page, `${server.url}/ok/m-F16.gguf`);
  await shownFor(page, ({ model }) => model.file);
  assert.ok(server.requests.length > 0 && server.requests.every(({ range }) => range));
  await page.waitForFunction(() => location.hash.includes('mf=http')); // "mf=" alone stands there since the choice of “file”
  const link = page.url();
  await page.context().close();
  server.requests.length = 0;
  const again = await site.page();
  await again.goto(link);
  await again.waitForSelector('#place');
  await again.waitForTimeout(300);
  assert.equal(server.requests.length, 0);
  await again.click('.place button');
  await shownFor(again, ({ model }) => model.file);
  assert.deepEqual(again.complaints, []);
  await again.context().close();
});

test('what was read is kept: asked only whether it changed, and there without its host', async () => {
  const passing = await host({ 'm-F16.gguf': { head: large.header, bytes: large.bytes } });
  const address = `${passing.url}/ok/m-F16.gguf`;
  const page = await site.visit();
  await toFiles(page);
  await readAddress(page, address);
  await shownFor(page, ({ model }) => model.file);
  await page.waitForFunction(() => location.hash.includes('mf=http')); // the address follows a moment later
  for (const words of [/not changed/, /cannot be reached/]) {
    await page.reload();
    await page.waitForSelector('#place');
    passing.requests.length = 0;
    await readAddress(page, address);
    await page.waitForFunction((source) => new RegExp(source).test(document.querySelector('.found')?.textContent ?? ''), words.source);
    assert.ok(passing.requests.length <= 1);
    await passing.close();
  }
  await page.context().close();
});

test('a token is sent to its host alone, and stays in memory unless asked otherwise', async () => {
  const gated = await host({ 'm-F16.gguf': { head: small.header, bytes: small.bytes } }, { token: 'hf_secret' });
  const page = await site.visit();
  await toFiles(page);
  await page.click('details:has(#endpoint) summary');
  await page.fill('#endpoint', `${gated.url}/ok`);
  await readAddress(page, 'org/name');
  await page.waitForFunction(() => /needs a token/.test(document.querySelector('#inputs .problem')?.textContent ?? ''));
  await page.fill('#token', 'hf_secret');
  await readAddress(page, 'org/name');
  await shownFor(page, ({ model }) => model.file);
  const stored = () => page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + location.href);
  assert.ok(!(await stored()).includes('hf_secret'));
  server.requests.length = 0;
  await readAddress(page, `${server.url}/ok/m-Q8_0.gguf`);
  await shownFor(page, ({ model }) => model.file?.file_bytes === half.bytes);
  assert.ok(server.requests.every(({ token }) => token === ''));
  await page.check('label:has-text("Remember it") input');
  assert.ok((await stored()).includes('hf_secret'));
  await page.context().close();
  await gated.close();
});

test('a repository of several: a list with sizes and what fits; one is chosen', async () => {
  const page = await site.visit('#v=1&m=llama-3.1-8b&w=q4_k_m&g=rtx-4090');
  await toFiles(page);
  await mirror(page);
  await readAddress(page, 'org/name');
  await page.waitForSelector('.choices .does_not_fit');
  const rows = await page.$$eval('.choices li', (items) => items.map((item) => item.textContent));
  assert.equal(rows.length, 3);
  assert.match(rows[0], /Q4_K_M.*fits/s);
  assert.match(rows[2], /F16.*too large/s);
  await page.click('.choices li:first-child button');
  const { request } = await shownFor(page, ({ model }) => model.file);
  assert.equal(request.model.file.file_bytes, small.bytes);
  await page.context().close();
});

test('what hosts refuse is said, and nothing that was typed is lost', async () => {
  const page = await site.visit();
  await toFiles(page);
  await mirror(page, 'denied');
  for (const [mode, words] of Object.entries({ denied: /needs a token/, gone: /nothing at this address/, truncated: /broke off/, 'wrong-range': /something else/, broken: /HTTP 500/ })) {
    await page.fill('#endpoint', `${server.url}/${mode}`);
    await readAddress(page, 'org/name:Q4_K_M');
    await page.waitForFunction((source) => new RegExp(source).test(document.querySelector('#inputs .problem')?.textContent ?? ''), words.source);
    assert.equal(await page.inputValue('#place'), 'org/name:Q4_K_M');
  }
  await readAddress(page, 'https://huggingface.co/datasets/a/b');
  await page.waitForFunction(() => /not of a model/.test(document.querySelector('#inputs .problem')?.textContent ?? ''));
  await page.context().close();
});

test('reading without an address says so, until one is typed', async () => {
  const page = await site.visit('#v=1&mf=');
  await page.click('.place button');
  await page.waitForFunction(() => /no address/.test(document.querySelector('#inputs .problem')?.textContent ?? ''));
  await page.fill('#place', 'org/name');
  await page.waitForFunction(() => !document.querySelector('#inputs .problem'));
  await page.context().close();
});

test('a slow host: progress, and a way out', async () => {
  const page = await site.visit();
  await toFiles(page);
  await readAddress(page, `${server.url}/slow/m-F16.gguf`);
  await page.waitForFunction(() => /Read .*[1-9].*…/.test(document.querySelector('#inputs [role=status]')?.textContent ?? ''));
  await page.click('.place button'); // "Cancel"
  await page.waitForFunction(() => document.querySelector('.place button').textContent === 'Read');
  assert.equal(await page.$('#inputs .problem'), null);
  await page.context().close();
});

test('no weights at all: said in words', async () => {
  const page = await site.visit();
  await toFiles(page);
  const file = path.join(folder, 'notes.gguf');
  writeFileSync(file, '<script>alert(1)</script>'.repeat(10));
  await page.setInputFiles('.pick input[multiple]', file);
  await page.waitForSelector('#inputs .problem');
  assert.equal(await page.$('#inputs .problem script'), null);
  await page.context().close();
});
