// How soon the first estimate is on screen after navigation, and the longest task on the main thread while typing.
// The targets are 300 ms and 50 ms. The first is not reached yet (README says what is); the test fails when what has
// been reached is lost, and prints what is still missing.
// Only visits on a quiet machine are judged, and of those the quickest: other work only ever adds. All are printed, and
// written to build/page.json for the benchmark table. A machine that is never quiet says nothing, and the test says so.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { after } from 'node:test';
import { answered, open, root, settle } from './browser.mjs';

const site = await open(after);
const TARGET_MS = 300;
const TARGET_TASK_MS = 50;
const REACHED_MS = 1000; // 380 to 532 ms on two quiet cores, 486 to 760 ms beside other work; room for a slower machine
const REACHED_TASK_MS = 200;
const WANTED = 5;
const TRIES = 10;

// Whether this process gets a whole core now: a spin of 60 ms of CPU time takes hardly longer on the clock.
function quiet() {
  const clock = performance.now();
  const before = process.cpuUsage();
  const spent = () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  while (spent() < 60);
  return (performance.now() - clock) / spent() < 1.2;
}

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
  await page.waitForFunction(() => document.querySelector('.result:not(.partial)') && location.hash.includes('c=163840'));
  await settle(page);
  const seen = await page.evaluate(() => ({ first: window.firstEstimate, longest: Math.max(0, ...window.tasks) }));
  await page.context().close();
  return seen;
}

test('the first estimate is quick, and typing never waits', async (t) => {
  await visit(); // fills the disk's and the browser's own caches of code
  const visits = [];
  for (let tries = 0; tries < TRIES && visits.filter((seen) => seen.quiet).length < WANTED; tries++) {
    const before = quiet();
    visits.push({ ...(await visit()), quiet: before && quiet() });
  }
  const judged = visits.filter((seen) => seen.quiet);
  const times = (list) => list.map(({ first }) => Math.round(first)).sort((a, b) => a - b);
  console.log(`first estimate on screen, ms: ${times(judged).join(', ') || 'never quiet'} (all visits: ${times(visits).join(', ')})`);
  if (!judged.length) return t.skip('other work keeps the processors busy: nothing can be timed');
  const longest = Math.min(...judged.map(({ longest: task }) => task)); // 0: no task over 50 ms
  const sorted = times(judged);
  const result = { first_estimate_ms: { best: sorted[0], median: sorted[sorted.length >> 1], visits: sorted.length }, longest_task_ms: Math.round(longest) };
  await mkdir(path.join(root, 'build'), { recursive: true });
  await writeFile(path.join(root, 'build/page.json'), `${JSON.stringify(result, null, 2)}\n`);
  if (sorted[0] > TARGET_MS) console.log(`TARGET MISSED: the first estimate takes ${sorted[0]} ms, not ${TARGET_MS}`);
  if (longest > TARGET_TASK_MS) console.log(`TARGET MISSED: a task of ${Math.round(longest)} ms, not ${TARGET_TASK_MS}`);
  assert.ok(sorted[0] <= REACHED_MS, `${sorted[0]} ms`);
  assert.ok(longest <= REACHED_TASK_MS, `${longest} ms`);
});
