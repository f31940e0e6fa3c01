// The offline copy: a link that somebody shared opens on a phone without a network and says the same; a new version is
// offered, and comes when the reader takes it.
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { pages } from '../../site/pages.mjs';
import { serve } from '../../site/serve.mjs';
import { answered, launch, root, shownJson } from './browser.mjs';

const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const LINK = '#v=1&m=qwen3-8b&w=q5_k_m&c=16384&s=2&e=llama.cpp&g=rtx-3090&from=a-newer-page';

// A copy of the built pages that a test may change, served, and a browser that keeps them on localhost too.
async function published(t) {
  const folder = path.join(await mkdtemp(path.join(tmpdir(), 'vram-pwa-')), 'site');
  await cp(path.join(root, 'dist/site'), folder, { recursive: true });
  const server = await serve({ folder, base: '/vram-estimator/' });
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    await server.close();
    await rm(path.dirname(folder), { recursive: true, force: true });
  });
  const context = await browser.newContext(phone);
  context.setDefaultTimeout(60000);
  await context.addInitScript(() => localStorage.setItem('vram-estimator.offline', 'localhost'));
  return { folder, server, browser, context };
}

// Resolves when everything is in the offline copy and the page is served by it.
async function kept(page) {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) await new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }));
  });
}

test('on a phone, without a network, a shared link shows the same numbers, and every page opens', { timeout: 180000 }, async (t) => {
  const { server, browser, context } = await published(t);
  const first = await context.newPage();
  await first.goto(server.url);
  await answered(first);
  await kept(first);

  const online = await (await browser.newContext(phone)).newPage(); // another visitor, who keeps nothing
  await online.goto(server.url + LINK);
  await answered(online);
  const said = await shownJson(online);
  assert.equal(said.request.model.id, 'qwen3-8b');
  const sentence = await online.textContent('vram-verdict .sentence');

  await server.close();
  await context.setOffline(true);
  const page = await context.newPage();
  const failed = [];
  page.on('requestfailed', (request) => failed.push(request.url()));
  await page.goto(server.url + LINK);
  await answered(page);
  assert.deepEqual(await shownJson(page), said);
  assert.equal(await page.textContent('vram-verdict .sentence'), sentence);
  await page.locator('vram-explore').scrollIntoViewIfNeeded();
  await page.waitForSelector('.chart');
  await page.selectOption('#language', 'es');
  await page.waitForSelector('html[lang=es]');
  await page.selectOption('#language', 'en');
  for (const { file } of pages) {
    await page.goto(server.url + file);
    await page.waitForFunction(() => document.documentElement.classList.contains('scripted') && !document.querySelector('#answer-region .waiting'));
    assert.equal(await page.$('.problem[role=alert]'), null, file);
  }
  assert.deepEqual(failed.filter((url) => !url.endsWith('/sw.js')), []);
});

test('a new version is offered, waits, and is there once it is taken', { timeout: 180000 }, async (t) => {
  const { folder, server, context } = await published(t);
  const page = await context.newPage();
  await page.goto(server.url + LINK);
  await answered(page);
  await kept(page);
  assert.equal(await page.isVisible('#update'), false);

  // The next release: another page, under another revision.
  const html = await readFile(path.join(folder, 'index.html'), 'utf8');
  await writeFile(path.join(folder, 'index.html'), html.replace('<body ', '<body data-release="next" '));
  const worker = await readFile(path.join(folder, 'sw.js'), 'utf8');
  const next = worker.replace(/(url:"index\.html",revision:")[0-9a-f]+/, '$10123456789abcdef');
  assert.notEqual(next, worker);
  await writeFile(path.join(folder, 'sw.js'), next);

  await page.reload();
  await page.waitForSelector('#update:not([hidden])');
  assert.equal(await page.getAttribute('body', 'data-release'), null, 'a visit does not mix two versions');
  await page.click('#update button');
  await page.waitForSelector('body[data-release=next]');
  await answered(page);
  assert.match(page.url(), /m=qwen3-8b.*from=a-newer-page/, 'the state is still there');
  assert.equal(await page.isVisible('#update'), false);
});
