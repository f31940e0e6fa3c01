// What a person does with the page, by mouse.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { after } from 'node:test';
import { answered, open, root, settle, shownFor, shownJson } from './browser.mjs';

const site = await open(after);
const done = async (page) => {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
};

test('the first visit is already computed', async () => {
  const page = await site.visit();
  await answered(page);
  const { request, response } = await shownJson(page);
  assert.deepEqual(request.model, { id: 'llama-3.1-8b' });
  assert.equal(response.verdict, 'fits');
  assert.match(await page.textContent('vram-verdict'), /Fits: needs [\d.]+ GiB of [\d.]+ GiB, [\d.]+ GiB to spare/);
  assert.ok((await page.$$('vram-bar .segment')).length >= 4);
  assert.ok((await page.$$('vram-ledger tr.entry')).length >= response.ledger.entries.length - 1);
  await page.waitForFunction(() => document.querySelector('#live').textContent.startsWith('Fits'));
  await done(page);
});

test('a visit asks for each file once, the engine after what the page shows', async () => {
  const page = await site.page();
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(site.url);
  await answered(page);
  await settle(page);
  const files = asked.filter((file) => !/favicon/.test(file)); // browsers ask for the icon as they like
  assert.deepEqual(files.filter((file, index) => files.indexOf(file) !== index), []);
  assert.ok(files.findIndex((file) => file.endsWith('.wasm')) > files.findIndex((file) => file.endsWith('.css')));
  await done(page);
});

test('every list is searched by typing', async () => {
  const page = await site.visit();
  await answered(page);
  for (const [id, query, value] of [['model', 'qwen3 32b', 'qwen3-32b'], ['gpu', '3090', 'rtx-3090'], ['weights', 'q8', 'q8_0']]) {
    await page.click(`#${id}`);
    await page.fill(`#${id}`, query);
    await page.waitForSelector(`#${id}-list [role=option]`);
    await page.click(`#${id}-list [role=option] >> nth=0`);
    assert.equal(await page.$eval(`vram-picker:has(#${id})`, (picker) => picker.value), value);
  }
  await shownFor(page, ({ model, gpu, weights }) => model.id === 'qwen3-32b' && gpu.id === 'rtx-3090' && weights === 'q8_0');
  await page.fill('#model', 'no such model at all');
  assert.match(await page.textContent('vram-picker:has(#model) .none'), /Nothing/);
  await page.click('h1');
  assert.match(await page.inputValue('#model'), /Qwen3/, 'what was not chosen goes back');
  await done(page);
});

test('the slider is logarithmic and exact typing wins', async () => {
  const page = await site.visit();
  await answered(page);
  await page.fill('input[type=range]', '64');
  await page.waitForFunction(() => document.querySelector('#context').value === '65536');
  await page.fill('#context', '100,000');
  await shownFor(page, ({ context }) => context === 100000);
  assert.equal(await page.inputValue('#context'), '100,000');
  await done(page);
});

test('an error marks its field, keeps what was typed, and dims the last answer', async () => {
  const page = await site.visit();
  await answered(page);
  const before = await page.textContent('vram-verdict');
  await page.fill('#context', 'many');
  await page.waitForSelector('#context[aria-invalid=true]');
  assert.equal(await page.inputValue('#context'), 'many');
  assert.match(await page.textContent('#context-error'), /context/i);
  assert.ok((await page.getAttribute('#context', 'aria-describedby')).includes('context-error'));
  assert.equal(await page.textContent('vram-verdict'), before);
  assert.ok(await page.$('.result.stale'));
  await page.fill('#context', '4096');
  await page.waitForSelector('.result:not(.stale)');
  assert.equal(await page.$('#context[aria-invalid=true]'), null);

  await page.click('details.more summary');
  await page.fill('#option-n_ubatch', '-5');
  await page.waitForSelector('#option-n_ubatch[aria-invalid=true]');
  await done(page);
});

test('the link brings back the same state', async () => {
  const page = await site.visit();
  await answered(page);
  await page.fill('#context', '32768');
  await page.selectOption('#kv-k', 'q8_0');
  await page.selectOption('#engine', 'vllm');
  await page.check('[name=gpuSource][value=size]');
  await page.fill('#memory', '47.5');
  await page.check('#units [value=GB]');
  const { request } = await shownFor(page, ({ gpu, engine }) => gpu.memory_gib === 47.5 && engine.name === 'vllm');
  await page.waitForFunction(() => location.hash.includes('gs=47.5') && location.hash.includes('u=GB'));
  const link = page.url();
  const again = await site.visit(link.slice(link.indexOf('#')));
  await answered(again);
  assert.deepEqual((await shownJson(again)).request, request);
  assert.equal(await again.isChecked('#units [value=GB]'), true);
  assert.match(await again.textContent('vram-verdict'), / GB /);
  await page.evaluate(() => (location.hash = '#v=1&m=llama-3.1-8b&c=1234&w=q8_0&future=x'));
  await shownFor(page, ({ context }) => context === 1234);
  await page.fill('#context', '1235');
  await page.waitForFunction(() => location.hash.includes('c=1235') && location.hash.includes('future=x'));
  await done(again);
  await done(page);
});

test('copying gives the link and the JSON', async () => {
  const page = await site.visit('', { permissions: ['clipboard-read', 'clipboard-write'] });
  await answered(page);
  await page.click('#copy-json');
  await page.waitForFunction(() => document.querySelector('#said').textContent.includes('copied'));
  assert.deepEqual(JSON.parse(await page.evaluate(() => navigator.clipboard.readText())), await shownJson(page));
  await page.click('#copy-link');
  await page.waitForFunction(() => document.querySelector('#said').textContent === 'Link copied.');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());
  await done(page);
});

test('a config.json is pasted, dropped or opened; broken JSON says where', async () => {
  const text = await readFile(path.join(root, 'tests/site/config.example.json'), 'utf8');
  const page = await site.visit();
  await answered(page);
  await page.check('[name=source][value=config]');
  assert.match(await page.textContent('#config-error'), /Paste a config\.json/);
  await page.fill('#config', '{"model_type": "llama", "hidden_size": }');
  await page.waitForFunction(() => /not valid JSON/.test(document.querySelector('#config-error')?.textContent));
  assert.equal(await page.inputValue('#config'), '{"model_type": "llama", "hidden_size": }');
  await page.fill('#config', text.replace('"num_key_value_heads": 8', '"num_key_value_heads": "eight"'));
  await page.waitForFunction(() => /num_key_value_heads/.test(document.querySelector('#config-error')?.textContent));
  await page.fill('#config', text);
  await shownFor(page, ({ model }) => model.config?.hidden_size === 2048);

  await page.setInputFiles('.file input', { name: 'config.json', mimeType: 'application/json', buffer: Buffer.from(text.replace('2048', '3072')) });
  await shownFor(page, ({ model }) => model.config?.hidden_size === 3072);
  await page.evaluate((dropped) => {
    const data = new DataTransfer();
    data.items.add(new File([dropped], 'config.json', { type: 'application/json' }));
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
  }, text.replace('2048', '4096'));
  await shownFor(page, ({ model }) => model.config?.hidden_size === 4096);
  await done(page);
});

test('limits and advice are applied by a click', async () => {
  const page = await site.visit('#v=1&m=llama-3.1-8b&w=q4_k_m&c=8192&e=llama.cpp&g=rtx-3060-12gb');
  await answered(page);
  const { response } = await shownJson(page);
  await page.click('vram-limits button >> nth=0');
  await shownFor(page, ({ context }) => context === response.max_context.within_model);
  assert.notEqual((await shownJson(page)).response.verdict, 'does_not_fit');
  const { advice } = (await shownJson(page)).response;
  const wanted = advice.findIndex(({ gpu }) => gpu.id !== 'rtx-3060-12gb');
  await page.click(`vram-advice button >> nth=${wanted}`);
  const after = await shownFor(page, ({ gpu }) => gpu.id !== 'rtx-3060-12gb');
  assert.deepEqual(after.request.gpu, { id: advice[wanted].gpu.id, count: advice[wanted].gpu.count });
  assert.equal(after.response.verdict, advice[wanted].verdict, 'the machine holds what was promised');
  await done(page);
});

test('the formula, its numbers and its source are there on demand', async () => {
  const page = await site.visit();
  await answered(page);
  assert.equal(await page.$('vram-ledger dl'), null);
  await page.click('vram-ledger tr.entry:has-text("KV") button >> nth=0');
  const why = await page.textContent('vram-ledger dl');
  for (const word of ['Formula', 'Put in', '8,192', 'Bytes', 'Source']) assert.ok(why.includes(word), `${word} in ${why}`);
  await page.click('text=Show all formulas');
  assert.equal((await page.$$('vram-ledger dl')).length, (await page.$$('vram-ledger tr.entry')).length);
  await done(page);
});

test('Back undoes, one field at a time', async () => {
  const page = await site.visit('#v=1&m=llama-3.1-8b&w=q4_k_m&c=8192&e=llama.cpp&g=rtx-4090');
  await answered(page);
  for (const typed of ['1', '16', '163', '1638', '16384']) await page.fill('#context', typed);
  await page.waitForFunction(() => location.hash.includes('c=16384'));
  await page.fill('#sequences', '4');
  await page.waitForFunction(() => location.hash.includes('s=4'));
  await page.goBack();
  await shownFor(page, ({ context, sequences }) => context === 16384 && sequences === 1);
  await page.goBack();
  await shownFor(page, ({ context }) => context === 8192);
  assert.equal(await page.inputValue('#context'), '8192');
  await page.goForward();
  await shownFor(page, ({ context }) => context === 16384);
  await done(page);
});

test('the language is the reader’s, can be chosen, and is remembered', async () => {
  const page = await site.visit('', { locale: 'es-MX' });
  await answered(page);
  assert.equal(await page.getAttribute('html', 'lang'), 'es');
  assert.match(await page.textContent('vram-verdict'), /Cabe: necesita \d+,\d\d GiB/);
  await page.selectOption('#language', 'zh');
  await page.waitForSelector('html[lang=zh]');
  assert.match(await page.textContent('vram-verdict'), /装得下/);
  assert.match(await page.title(), /显存/);
  await page.reload();
  await answered(page);
  assert.equal(await page.getAttribute('html', 'lang'), 'zh');
  await page.selectOption('#language', 'en');
  await page.waitForFunction(() => /Fits/.test(document.querySelector('vram-verdict').textContent));
  await done(page);
});
