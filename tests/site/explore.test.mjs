// Charts and comparing: what they say is what the engine says; each works by keyboard, reads as a table, and can be taken away.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test, { after } from 'node:test';
import { csv, markdown } from '../../site/charts/export.js';
import { answered, open, shownFor, shownJson } from './browser.mjs';

const site = await open(after);
const link = '#v=1&m=qwen3-14b&w=q4_k_m&c=16384&e=llama.cpp&g=rtx-3060-12gb';

async function explored(tab, hash = link, options) {
  const page = await site.visit(hash, options);
  await answered(page);
  await page.locator('vram-explore').scrollIntoViewIfNeeded();
  await page.check(`.explore [value=${tab}]`);
  await page.waitForSelector('.chart h3');
  return page;
}
const done = async (page) => {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
};
async function taken(page, form) {
  await page.click('.menu summary');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(`.menu button:has-text("${form}")`)]);
  return readFile(await download.path());
}

test('memory by context agrees with the estimate, and is taken away in every form', async () => {
  const page = await explored('context');
  const { response } = await shownJson(page);
  const need = Math.max(...response.ledger.peaks.filter(({ device }) => device.startsWith('gpu')).map(({ bytes }) => bytes.expected));
  const rows = JSON.parse(await taken(page, 'JSON'));
  assert.equal(rows.find(({ context }) => context === 16384).f16_bytes, need);
  assert.match(await page.textContent('.reading output'), /16,384 tokens: .*f16 cache/);
  await page.focus('#chart-at');
  await page.keyboard.press('ArrowLeft');
  assert.doesNotMatch(await page.textContent('.reading output'), /16,384/);
  assert.match((await taken(page, 'CSV')).toString(), /^context,f16_bytes,q8_0_bytes/);
  const svg = (await taken(page, 'SVG')).toString();
  assert.match(svg, /^<svg[^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  assert.match(svg, /stroke="rgb\(/);
  assert.equal((await taken(page, 'PNG')).toString('latin1', 1, 4), 'PNG');
  await page.click('.twin summary');
  assert.ok((await page.locator('.twin tbody tr').count()) > 8);
  await done(page);
});

test('a cell of the heat map is used by a click and by keyboard', async () => {
  const page = await explored('formats');
  await page.click('.heat .cell[title^="Use Q8_0 with 4,096"]');
  await shownFor(page, ({ weights, context }) => weights === 'q8_0' && context === 4096);
  await page.waitForSelector('.heat .cell[aria-pressed=true][title^="Use Q8_0 with 4,096"]');
  await page.focus('.heat .cell[title^="Use Q2_K with 2,048"]');
  await page.keyboard.press('Enter');
  const { response } = await shownFor(page, ({ weights }) => weights === 'q2_k');
  assert.equal(response.verdict, 'fits');
  await done(page);
});

test('every GPU: those that hold it first, searched, filtered, chosen', async () => {
  const page = await explored('gpus');
  const verdicts = await page.locator('.explore td.word').allTextContents();
  assert.equal(verdicts[0], 'Fits');
  await page.fill('.filters input[type=text]', 'rtx 3070');
  await page.waitForFunction(() => document.querySelectorAll('.explore td.word').length < 6);
  assert.ok((await page.locator('.explore td.word').allTextContents()).every((text) => text === 'Does not fit'));
  await page.check('.filters input[type=checkbox]');
  await page.fill('.filters input[type=text]', '4090');
  await page.click('.explore tbody button >> nth=0');
  await shownFor(page, ({ gpu }) => /4090/.test(gpu.id));
  await done(page);
});

test('up to four side by side, differences marked, kept in the link', async () => {
  const page = await explored('compare');
  await page.click('.explore .primary');
  await page.selectOption('#kv-k', 'q8_0');
  await page.waitForSelector('.compare tr.differs:has-text("Cache")');
  await page.waitForFunction(() => location.hash.includes('&x=') && location.hash.includes('q8_0'));
  const again = await explored('compare', `#${page.url().split('#')[1]}`);
  await again.waitForSelector('.compare tr.differs:has-text("Cache")');
  assert.match(await again.textContent('.compare tr:has-text("Cache")'), /q8_0\/f16.*f16/s);
  await again.click('.compare button:has-text("Remove")');
  await again.waitForFunction(() => !location.hash.includes('x='));
  await done(again);
  await done(page);
});

test('exports keep a text a text', () => {
  const table = { name: 'x', columns: ['a', 'b'], rows: [['=HYPERLINK("http://x")', -1], ['p|q <b>', 'two\nlines']] };
  assert.equal(csv(table), 'a,b\r\n"\'=HYPERLINK(""http://x"")",-1\r\np|q <b>,"two\nlines"');
  assert.match(markdown(table), /p\\\|q \\<b\\>/);
});
