// The widget in other people's pages: another origin, a strict policy, several on one page, no scripts.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import test, { after } from 'node:test';
import { createHash } from 'node:crypto';
import { answered, open, root, settle } from './browser.mjs';

const site = await open(after);

// A host page on an origin of its own, with a policy as strict as the widget bears.
async function host(body, { csp = true } = {}) {
  const from = new URL(site.url).origin;
  const policy = `default-src 'none'; script-src ${from} 'wasm-unsafe-eval'; connect-src ${from}; frame-src ${from}; img-src data:`;
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    if (csp) response.setHeader('content-security-policy', policy);
    response.end(`<!doctype html><html lang="en"><title>host</title><link rel="icon" href="data:,">${body}`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => new Promise((resolve) => (server.closeAllConnections?.(), server.close(resolve))));
  return `http://127.0.0.1:${server.address().port}/`;
}
const script = `<script type="module" src="${site.url}vram-estimator.js"></script>`;
const shown = (page, part) => page.waitForSelector(`vram-estimator >> [part=${part}]`);

test('live in another origin under a strict policy; attributes are the state; the event leaves the shadow tree', async () => {
  const page = await site.page();
  await page.goto(await host(`${script}<div id="around"><vram-estimator model="llama-3.1-8b" gpu="rtx-4090" weights="q4_k_m" context="8192">in words</vram-estimator></div>`));
  assert.match(await (await shown(page, 'verdict')).textContent(), /✓ Fits: needs \d/);
  const after = await page.evaluate(async () => {
    const element = document.querySelector('vram-estimator');
    const told = new Promise((resolve) => document.getElementById('around').addEventListener('vram-change', ({ detail, composed }) => resolve({ ...detail, composed }), { once: true }));
    element.setAttribute('gpu', 'rtx-3050-8gb');
    element.weights = 'f16';
    const { request, response, composed } = await told;
    await element.updateComplete;
    return { gpu: request.gpu.id, weights: request.weights, verdict: response.verdict, composed, attribute: element.getAttribute('weights'), own: element.response.verdict };
  });
  assert.equal(after.weights, 'f16');
  assert.equal(after.attribute, 'f16');
  assert.equal(after.composed, true);
  assert.equal(after.own, after.verdict);
  await page.locator('vram-estimator select').first().focus();
  await page.waitForFunction(() => document.querySelector('vram-estimator').shadowRoot.querySelector('select').options.length > 50);
  await page.locator('vram-estimator select').first().selectOption('qwen3-8b');
  await page.waitForFunction(() => document.querySelector('vram-estimator').getAttribute('model') === 'qwen3-8b' && document.querySelector('vram-estimator').response.model.id === 'qwen3-8b');
  const href = await page.locator('vram-estimator a').getAttribute('href');
  assert.ok(href.startsWith(`${site.url}#v=1&m=qwen3-8b`), href);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('several share one engine, a badge is one line, nothing loads before it is seen', async () => {
  const page = await site.page();
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(await host(`${script}<p id="tall"></p><vram-estimator variant="badge" gpu="rtx-4090"></vram-estimator><vram-estimator readonly memory-gib="12" units="GB"></vram-estimator><vram-estimator model="no such model">still here</vram-estimator>`, { csp: false }));
  await page.evaluate(() => (document.getElementById('tall').style.height = '1px'));
  await shown(page, 'badge');
  await shown(page, 'verdict');
  await shown(page, 'error');
  assert.match(await page.locator('vram-estimator').nth(1).textContent(), /^$/);
  assert.equal(asked.filter((url) => url.endsWith('.wasm')).length, 1);
  assert.equal(await page.locator('vram-estimator').nth(1).locator('select').count(), 0);
  assert.ok(await page.locator('text=still here').isVisible());
  assert.ok((await page.locator('vram-estimator').first().boundingBox()).height < 60);

  const below = await site.page();
  const early = [];
  below.on('request', (request) => early.push(request.url()));
  await below.goto(await host(`${script}${'<p>text</p>'.repeat(300)}<vram-estimator gpu="rtx-4090"></vram-estimator>`, { csp: false }));
  await below.waitForFunction(() => customElements.get('vram-estimator'));
  await settle(below);
  assert.equal(early.filter((url) => url.endsWith('.wasm')).length, 0);
  await below.evaluate(() => document.querySelector('vram-estimator').scrollIntoView());
  await shown(below, 'verdict');
  await page.context().close();
  await below.context().close();
});

test('the frame, and the dialog that writes the snippets with the hash of what is served', async () => {
  const page = await site.visit('#v=1&m=qwen3-8b&w=q5_k_m&c=16384&e=llama.cpp&g=rtx-4090&n=2');
  await answered(page);
  await page.click('#embed');
  const text = await page.inputValue('dialog textarea');
  const [, file, hash] = /src="[^"]*\/([^"/]+)" integrity="([^"]+)"/.exec(text);
  const bytes = await readFile(path.join(root, 'dist/site', file));
  assert.equal(hash, `sha384-${createHash('sha384').update(bytes).digest('base64')}`);
  assert.match(text, /model="qwen3-8b" weights="q5_k_m" context="16384" gpu="rtx-4090" gpus="2"/);
  const pasted = await site.page();
  await pasted.goto(await host(text));
  assert.match(await (await shown(pasted, 'subject')).textContent(), /Q5_K_M, 16,384 tokens/);
  assert.deepEqual(pasted.complaints, []);
  await page.check('dialog [value=iframe]');
  const framed = await site.page();
  await framed.goto(await host(await page.inputValue('dialog textarea')));
  await framed.frameLocator('iframe').locator('[part=verdict]').waitFor();
  assert.deepEqual(framed.complaints, []);
  await page.keyboard.press('Escape');
  assert.equal(await page.$('dialog'), null);
  for (const each of [page, pasted, framed]) await each.context().close();
});

test('what stands inside is shown where the widget can’t run', async () => {
  const page = await site.page();
  await page.addInitScript(() => delete globalThis.WebAssembly);
  await page.goto(await host(`${script}<vram-estimator gpu="rtx-4090">about 6 GiB</vram-estimator>`));
  await shown(page, 'error');
  assert.ok(await page.isVisible('text=about 6 GiB'));
  await page.context().close();
});

test('no bundle evaluates text as code', async () => {
  for (const file of await readdir(path.join(root, 'dist/site'))) {
    if (!file.endsWith('.js')) continue;
    const text = await readFile(path.join(root, 'dist/site', file), 'utf8');
    assert.doesNotMatch(text, /\bnew Function\b|[^.\w]eval\(|[^.\w]Function\(["'`]/, file);
  }
});
