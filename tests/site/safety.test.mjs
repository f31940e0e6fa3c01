// What comes from links and files is only ever text; nothing leaves localhost; without script or wasm the page says so.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { defaults, formatHash } from '../../site/js/state.js';
import { answered, open, settle, start } from './browser.mjs';

const site = await open(after);
const evil = '"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>${window.pwned=1}';

test('no request leaves localhost, and the subpath is enough', async () => {
  const page = await site.page();
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(site.url);
  await answered(page);
  await page.click('#detect');
  await page.waitForSelector('.detection p');
  assert.ok(asked.some((url) => url.endsWith('.wasm')));
  assert.deepEqual(asked.filter((url) => !url.startsWith(site.url) && !url.startsWith('data:')), []);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

const hostile = {
  'in every field of a link': async () => {
    const fields = ['m', 'w', 'c', 's', 'kk', 'kv', 'e', 'g', 'n', 'p', 'u', 'cn', 'mc', 'zz', 'o.n_ctx', 'mm.head_dim', 'wo.bits'];
    return fields.map((key) => `${key}=${encodeURIComponent(evil)}`).join('&');
  },
  'as the model': async () => (await formatHash({ ...defaults, model: evil })).hash,
  'as the GPU': async () => (await formatHash({ ...defaults, gpu: evil })).hash,
  'as the engine': async () => (await formatHash({ ...defaults, engine: evil })).hash,
  'as an option': async () => (await formatHash({ ...defaults, options: { n_ubatch: evil } })).hash,
  'in a config and its name': async () =>
    (await formatHash({ ...defaults, source: 'config', configName: evil, config: JSON.stringify({ model_type: evil, architectures: [evil], hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 2, vocab_size: 100, intermediate_size: 128, torch_dtype: evil }) })).hash,
  'in a config that works, as its name': async () =>
    (await formatHash({ ...defaults, source: 'config', configName: evil, config: JSON.stringify({ model_type: 'llama', hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 2, num_key_value_heads: 2, vocab_size: 128, intermediate_size: 128, max_position_embeddings: 32768 }) })).hash,
};

for (const [name, hash] of Object.entries(hostile)) {
  test(`markup ${name} stays text`, async () => {
    const page = await site.visit(`#${await hash()}`);
    await page.waitForSelector('vram-verdict .verdict, .problem');
    await settle(page);
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.equal(await page.$('main img, main script'), null);
    assert.deepEqual(page.complaints, [], 'not even the CSP had to stop it');
    await page.context().close();
  });
}

test('the policy forbids what the page never does', async () => {
  const page = await site.visit();
  await answered(page);
  const blocked = await page.evaluate(async () => {
    const script = document.createElement('script');
    script.textContent = 'window.pwned = 1';
    document.head.append(script);
    const answer = { inline: window.pwned === undefined };
    answer.fetch = await fetch('https://example.com/').then(() => false, () => true);
    return answer;
  });
  assert.deepEqual(blocked, { inline: true, fetch: true });
  await page.context().close();
});

test('without JavaScript the page explains itself', async () => {
  const page = await site.visit('', { javaScriptEnabled: false });
  const box = await (await page.$('noscript .problem')).boundingBox();
  assert.ok(box.height > 20 && box.y < 200, 'the message is on the first screen');
  assert.match(await page.textContent('noscript .problem'), /needs JavaScript/);
  assert.ok(await page.isVisible('text=What is counted'));
  assert.equal(await page.isVisible('#copy-link'), false);
  await page.context().close();
});

test('without WebAssembly the page says so', async () => {
  const page = await site.page();
  await page.addInitScript(() => delete globalThis.WebAssembly);
  await page.goto(site.url);
  await page.waitForSelector('.problem');
  assert.match(await page.textContent('.problem'), /can’t run here.*WebAssembly/s);
  await page.context().close();
});

test('a missing engine file is said, not left blank', async () => {
  const page = await site.page();
  await page.route('**/*.wasm', (route) => route.abort());
  await page.goto(site.url);
  await page.waitForSelector('.problem');
  assert.match(await page.textContent('.problem'), /can’t run here/);
  await page.context().close();
});

test('after one visit the page works without a server', async () => {
  const server = await start();
  const page = await site.page();
  await page.goto(server.url);
  await answered(page);
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('./sw.js'); // the page itself does this on https only
    await navigator.serviceWorker.ready;
    while (!navigator.serviceWorker.controller) await new Promise((resolve) => setTimeout(resolve, 20));
  });
  await server.close();
  await page.goto('about:blank');
  await page.goto(`${server.url}#v=1&m=llama-3.1-8b&w=q4_k_m&c=4096&e=llama.cpp&g=rtx-4090`);
  await answered(page);
  assert.match(await page.textContent('vram-verdict'), /4,096 tokens/);
  await page.context().close();
});
