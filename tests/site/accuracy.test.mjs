// The accuracy page: its filters in the address, the plot by pointer and by keyboard, sources, size and smoothness.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import test, { after } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { open, root, settle } from './browser.mjs';

const site = await open(after);
const data = JSON.parse(await readFile(path.join(root, 'site/data/accuracy.json'), 'utf8'));

async function visit(hash = '', options) {
  const page = await site.page(options);
  await page.addInitScript(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => globalThis.longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask', buffered: true });
  });
  await page.goto(`${site.url}accuracy.html${hash}`);
  await page.waitForSelector('#records section:nth-of-type(4)');
  return page;
}
const rows = (page, selector) => page.$$eval(`${selector} tbody tr`, (all) => all.map((row) => [...row.cells].map((cell) => cell.textContent.trim())));

test('every set has its lines, and records with a source', async () => {
  const page = await visit();
  const shown = new Set((await rows(page, 'table.lines')).map(([set]) => set));
  for (const { title, used } of data.sets) if (used > 0) assert.ok(shown.has(title), title);
  assert.deepEqual(page.complaints, []);
  const links = await page.$$eval('#records a', (all) => all.map((link) => link.href));
  assert.ok(links.length > 5);
  for (const link of links) assert.match(link, /^https:\/\//);
  await page.context().close();
});

test('the address holds the filters: an engine, an architecture, a term', async () => {
  const page = await visit('#engine=vllm&term=kv%20tokens&by=engine');
  for (const [, term, engine] of await rows(page, 'table.lines')) {
    assert.equal(term, 'kv tokens');
    assert.equal(engine, 'vllm');
  }
  await page.selectOption('#records select >> nth=1', '');
  await page.selectOption('#records select >> nth=3', 'gpu compute');
  await page.selectOption('#records select >> nth=4', 'term');
  await page.selectOption('#records select >> nth=4', 'arch');
  assert.match(decodeURIComponent(await page.evaluate(() => location.hash)).replace('+', ' '), /^#term=gpu compute&by=arch$/);
  const lines = await rows(page, 'table.lines');
  assert.ok(lines.length > 20);
  assert.ok(lines.every(([, term]) => term === 'gpu compute'));
  await page.goBack();
  assert.match(await page.evaluate(() => location.hash), /term=gpu/);
  assert.equal(await page.locator('#records select >> nth=4').inputValue(), 'term', 'Back undoes the last choice');
  await page.context().close();
});

test('the plot is drawn, and its records are read by pointer and by keyboard', async () => {
  const page = await visit('#set=vllm');
  await page.locator('.scatter').scrollIntoViewIfNeeded();
  await page.waitForFunction(() => {
    const canvas = document.querySelector('.scatter canvas');
    return canvas?.width && canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value, i) => i % 4 === 3 && value > 0);
  });
  await page.focus('.scatter');
  const seen = new Set();
  for (let i = 0; i < 5; ++i) {
    await page.keyboard.press('ArrowRight');
    seen.add(await page.textContent('#chosen'));
  }
  assert.equal(seen.size, 5);
  assert.match([...seen][0], /measured .*, estimated .*side\)/i);
  await page.keyboard.press('End');
  const last = await page.textContent('#chosen');
  assert.ok(!seen.has(last));
  const box = await page.locator('.scatter').boundingBox();
  for (let y = 0.1; y < 0.9 && (await page.textContent('#chosen')) === last; y += 0.02) await page.mouse.move(box.x + box.width * (1 - y), box.y + box.height * y);
  assert.notEqual(await page.textContent('#chosen'), last);
  await page.context().close();
});

test('more records are shown on demand, and what was left out has its reason', async () => {
  const page = await visit();
  const before = (await rows(page, '#records section:nth-of-type(3) table')).length;
  await page.click('#records section:nth-of-type(3) button');
  assert.equal((await rows(page, '#records section:nth-of-type(3) table')).length, 2 * before);
  await page.click('#records details summary >> nth=0');
  assert.ok((await rows(page, '#records details[open] table'))[0][0].length > 5);
  await page.context().close();
});

test('small to fetch, and nothing holds up the page', async () => {
  const file = (await readdir(path.join(root, 'dist/site'))).filter((name) => /^accuracy-\w+\.js$/.test(name));
  const sizes = await Promise.all(file.map(async (name) => brotliCompressSync(await readFile(path.join(root, 'dist/site', name))).length));
  assert.ok(Math.max(...sizes) < 150e3, `${Math.max(...sizes)} bytes`);
  const page = await visit();
  await page.waitForSelector('#records tbody tr');
  await settle(page);
  const longest = Math.max(0, ...(await page.evaluate(() => globalThis.longTasks)));
  // Against a fixed piece of work, so that a busy machine does not count.
  const yardstick = await page.evaluate(() => {
    const numbers = Array.from({ length: 300000 }, (_, i) => (i * 7919) % 300007);
    const start = performance.now();
    numbers.sort((a, b) => a - b);
    return performance.now() - start;
  });
  assert.ok(longest < Math.max(150, 3 * yardstick), `a task of ${longest} ms, sorting 300,000 numbers takes ${yardstick} ms`);
  console.log(`accuracy page: ${Math.max(...sizes)} bytes of records (brotli), longest task ${longest} ms`);
  await page.context().close();
});
