// First estimate on screen within 300 ms of navigation, and no task over 50 ms on the main thread while typing.
// The quickest of several visits is judged: other work on the machine only ever adds. All are printed and written to
// build/page.json for the benchmark table.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { after } from 'node:test';
import { answered, open, root } from './browser.mjs';

const site = await open(after);
const VISITS = 7;

async function visit() {
  const page = await site.page();
  await page.addInitScript(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask', buffered: true });
    const watch = new MutationObserver(() => {
      if (!document.querySelector('vram-verdict .verdict')) return;
      watch.disconnect();
      requestAnimationFrame(() => setTimeout(() => (window.firstEstimate = performance.now())));
    });
    watch.observe(document, { childList: true, subtree: true });
  });
  await page.goto(site.url);
  await answered(page);
  await page.waitForFunction(() => window.firstEstimate);
  await page.waitForFunction(() => document.querySelector('vram-picker')?.value);
  for (const context of ['1', '16', '163', '1638', '16384', '163840']) await page.fill('#context', context);
  await page.waitForTimeout(300);
  const seen = await page.evaluate(() => ({ first: window.firstEstimate, longest: Math.max(0, ...window.tasks) }));
  await page.context().close();
  return seen;
}

test('the first estimate is quick, and typing never waits', async () => {
  const visits = [];
  for (let i = 0; i < VISITS; i++) visits.push(await visit());
  const sorted = visits.map(({ first }) => first).sort((a, b) => a - b);
  const longest = Math.min(...visits.map(({ longest: task }) => task));
  const result = { first_estimate_ms: { best: Math.round(sorted[0]), median: Math.round(sorted[VISITS >> 1]), visits: VISITS }, longest_task_ms: Math.round(longest) };
  console.log(`first estimate on screen: ${sorted.map(Math.round).join(', ')} ms; longest main-thread task: ${longest < 50 ? 'under 50' : Math.round(longest)} ms`);
  await mkdir(path.join(root, 'build'), { recursive: true });
  await writeFile(path.join(root, 'build/page.json'), `${JSON.stringify(result, null, 2)}\n`);
  assert.ok(sorted[0] <= 300, `${sorted[0]} ms`);
  assert.ok(longest <= 50, `${longest} ms`);
});
