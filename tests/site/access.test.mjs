// For everyone: keyboard alone, small screens, axe without findings in light and dark.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import test, { after } from 'node:test';
import { answered, open, settle, shownFor } from './browser.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const site = await open(after);

async function findings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join(' | ')}`);
}

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing, ${colorScheme}`, async () => {
    const page = await site.visit('', { colorScheme, reducedMotion: 'reduce' });
    await answered(page);
    await page.waitForFunction(() => document.querySelector('vram-picker')?.input.value.includes('Llama'));
    await settle(page);
    assert.deepEqual(await findings(page), []);
    await page.click('text=Show all formulas');
    await page.click('details.more summary');
    await page.click('details.json summary');
    await page.fill('#context', '10m');
    await page.waitForSelector('vram-verdict .does_not_fit');
    assert.deepEqual(await findings(page), [], 'everything open, does not fit');
    await page.fill('#context', '8k');
    await page.waitForSelector('vram-verdict .fits');
    await page.click('#gpu');
    await page.waitForSelector('#gpu-list [role=option]');
    assert.deepEqual(await findings(page), [], 'a list open');
    await page.keyboard.press('Escape');
    for (const [tab, field] of [['manual', '#manual-head_dim'], ['config', '#config']]) {
      await page.check(`[name=source][value=${tab}]`);
      await page.waitForSelector(field);
      assert.deepEqual(await findings(page), [], tab);
    }
    await page.context().close();
  });
}

test('by keyboard alone: choose a model and a GPU, read why, take the longest context', async () => {
  const page = await site.visit();
  await answered(page);
  const tabTo = async (selector) => {
    for (let presses = 0; presses < 80; presses++) {
      await page.keyboard.press('Tab');
      if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) {
        const outline = await page.evaluate(() => {
          const shown = document.activeElement.matches('[type=radio]') ? document.activeElement.nextElementSibling : document.activeElement;
          const { outlineStyle, outlineWidth } = getComputedStyle(shown);
          return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
        });
        assert.ok(outline, `focus is visible on ${selector}`);
        return;
      }
    }
    assert.fail(`Tab does not reach ${selector}`);
  };
  await tabTo('#model');
  await page.keyboard.type('qwen3 8b');
  await page.keyboard.press('Enter');
  await tabTo('#gpu');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.type('4080');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await tabTo('#context');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('16k');
  await tabTo('input[type=range]');
  await page.keyboard.press('ArrowRight');
  const { request } = await shownFor(page, ({ model, context }) => model.id === 'qwen3-8b' && context > 16384);
  assert.match(request.gpu.id, /4080/);
  await tabTo('vram-limits button');
  await page.keyboard.press('Enter');
  await tabTo('vram-ledger tr.entry button');
  await page.keyboard.press('Space');
  await page.waitForSelector('vram-ledger dl');
  await page.context().close();
});

test('the first Tab leads past the form', async () => {
  const page = await site.visit();
  await answered(page);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.context().close();
});

for (const width of [320, 390, 768]) {
  test(`no sideways scrolling at ${width} pixels`, async () => {
    const page = await site.visit('#v=1&m=qwen3-30b-a3b&w=bf16&c=131072&s=4&e=llama.cpp&g=rtx-4090&n=4', { viewport: { width, height: 800 }, hasTouch: true, isMobile: width < 500 });
    await answered(page);
    await page.click('text=Show all formulas');
    await page.click('details.more summary');
    const sideways = () => page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth));
    assert.equal(await sideways(), 0);
    await page.click('#gpu');
    assert.equal(await sideways(), 0, 'with a list open');
    await page.keyboard.press('Escape');
    await page.check('[name=source][value=manual]');
    assert.equal(await sideways(), 0, 'manual numbers');
    await page.context().close();
  });
}
