// Every page of the site: axe in light and dark, no sideways scrolling from 320 pixels to 4K, at 200 % zoom and from right
// to left, forced colours, print, and what the document itself says of it.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import test, { after } from 'node:test';
import { pages } from '../../site/pages.mjs';
import { textsOf } from '../../site/texts.mjs';
import { answered, open, root, settle } from './browser.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const site = await open(after);
const ids = [...(await textsOf('en')).bundle._messages.keys()].filter((id) => id.includes('-'));

// A page with what it computes on it.
async function visited(file, options) {
  const page = await site.visit(file === 'index.html' ? '' : file, options);
  if (file === 'index.html') {
    await answered(page);
    await page.locator('vram-explore').scrollIntoViewIfNeeded();
    await page.waitForSelector('.chart');
    await page.evaluate(() => scrollTo(0, 0));
  } else {
    await page.waitForFunction(() => document.documentElement.classList.contains('scripted'));
    await page.waitForFunction(() => !document.querySelector('#answer-region .waiting'));
  }
  return page;
}

for (const { file, id } of pages) {
  // One visit for all of it: loading is what takes the time.
  test(`${file}: axe finds nothing, light and dark; 320 px to 4K, 200 % zoom, right to left; forced colours and print`, async () => {
    const page = await visited(file, { colorScheme: 'light', reducedMotion: 'reduce' });
    await page.evaluate(axe);
    const run = () => page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    const findings = async () => (await run()).violations.map(({ id: rule, nodes }) => `${rule}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join(' | ')}`);
    assert.deepEqual(await findings(), [], 'light');
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.deepEqual(await findings(), [], 'dark');
    if (file === 'index.html') {
      for (const tab of ['formats', 'gpus', 'compare']) {
        await page.check(`.explore [value=${tab}]`);
        await page.waitForFunction((name) => document.querySelector(`.explore [value=${name}]`).checked && document.querySelector('.chart table'), tab);
        await settle(page);
        assert.deepEqual(await findings(), [], tab);
      }
      await page.click('#embed');
      await page.waitForSelector('dialog textarea');
      assert.deepEqual(await findings(), [], 'embed dialog');
      await page.keyboard.press('Escape');
    }
    assert.deepEqual(page.complaints, []);
    const said = await page.evaluate(() => document.body.innerText.split(/[\s,:;.]+/));
    assert.deepEqual(said.filter((word) => ids.includes(word)), [], 'texts that the page did not load');

    const sideways = () => page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth));
    for (const direction of ['ltr', 'rtl']) {
      await page.evaluate((dir) => (document.documentElement.dir = dir), direction);
      for (const width of [320, 390, 640, 768, 1280, 3840]) {
        await page.setViewportSize({ width, height: width === 3840 ? 2160 : 800 });
        await settle(page);
        assert.equal(await sideways(), 0, `${width} pixels, ${direction}`);
      }
    }

    await page.emulateMedia({ forcedColors: 'active' });
    assert.ok(await page.isVisible('h1'));
    await page.emulateMedia({ media: 'print', forcedColors: 'none' });
    assert.ok(await page.isVisible('#answer-region'));
    assert.equal(await page.isVisible('header nav'), false);
    await page.context().close();
  });

  test(`${file}: nothing jumps while it loads`, async () => {
    for (const viewport of [{ width: 1280, height: 900 }, { width: 390, height: 844 }]) {
      const page = await site.page({ viewport });
      await page.addInitScript(() => {
        window.shift = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shift += entry.hadRecentInput ? 0 : entry.value))).observe({ type: 'layout-shift', buffered: true });
      });
      await page.goto(site.url + (file === 'index.html' ? '' : file));
      await page.waitForFunction(() => document.documentElement.classList.contains('scripted') && !document.querySelector('#answer-region .waiting') && !document.querySelector('.result.partial'));
      await settle(page);
      const shift = await page.evaluate(() => window.shift);
      assert.ok(shift < 0.02, `${viewport.width} pixels: ${shift}`);
      await page.context().close();
    }
  });

  test(`${file}: the document says what it is`, async () => {
    const html = await readFile(path.join(root, 'dist/site', file), 'utf8');
    assert.match(html, /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';/);
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/, 'nothing inline');
    assert.equal(html.match(/<h1/g).length, 1);
    assert.match(html, /<title[^>]*>[^<]{10,}<\/title>/);
    assert.match(html, /id="answer-region" tabindex="-1"/);
    assert.match(html, new RegExp(`data-l10n="nav-${id}">[^<]+<`));
    assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//, 'no other origin');
  });
}
