// How soon the first estimate is on screen after navigation, and the longest task on the main thread while typing.
// The targets are 300 ms and 50 ms. The first is not reached yet (README says what is); the test fails when what has
// been reached is lost, and prints what is still missing.
// Only visits on a quiet machine are judged, and of those the quickest: other work only ever adds. All are printed, and
// written to build/page.json for the benchmark table. A machine that is never quiet says nothing, and the test says so.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
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

// Beside what the other test measured.
async function keep(measured) {
  const file = path.join(root, 'build/page.json');
  const before = JSON.parse(await readFile(file, 'utf8').catch(() => '{}'));
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify({ ...before, ...measured }, null, 2)}\n`);
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

// From a key pressed to the frame that shows its estimate, on a phone's processor (four times slower than this one): the
// event's own time to the end of the frame after the verdict has changed. Targets: 16 ms in the median, 50 ms at most.
const SLOWER = 4;
const TARGET_INPUT_MS = { median: 16, p99: 50 };
const REACHED_INPUT_MS = { median: 120, p99: 400 }; // 31 to 46 ms in the median, 60 to 72 at most beside other work

async function latencies(viewport) {
  const page = await site.page({ viewport });
  await page.goto(site.url);
  await answered(page);
  await settle(page);
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  const times = await page.evaluate(async () => {
    const field = document.querySelector('#context');
    const shown = () => document.querySelector('vram-verdict .sentence').textContent;
    const seen = [];
    for (let key = 0; key < 30; key++) {
      // Idle, as between two keys; and at no fixed place between two frames.
      await new Promise((resolve) => requestIdleCallback(() => setTimeout(resolve, 120 + (key % 7) * 5)));
      const before = shown();
      const start = performance.now();
      field.value = String(5000 + key * 2311);
      field.dispatchEvent(new Event('input', { bubbles: true }));
      await new Promise((resolve) => {
        const watch = new MutationObserver(() => {
          if (shown() === before) return;
          watch.disconnect();
          requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = resolve;
            port2.postMessage(0); // after the frame
          });
        });
        watch.observe(document.querySelector('#answer'), { subtree: true, characterData: true, childList: true });
      });
      seen.push(performance.now() - start);
    }
    return seen.sort((a, b) => a - b);
  });
  await page.context().close();
  const at = (share) => Math.round(times[Math.min(times.length - 1, Math.floor(share * times.length))]);
  return { median: at(0.5), p99: at(0.99) };
}

test('a key is answered on the screen at once, on a slow processor too', async (t) => {
  const result = {};
  for (const [name, viewport] of Object.entries({ phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } })) {
    for (let tries = 0; tries < 2; tries++) {
      const before = quiet();
      const seen = await latencies(viewport);
      if (before && quiet() && !(result[name]?.median < seen.median)) result[name] = seen;
    }
  }
  console.log(`from a key to its estimate on the screen, ${SLOWER} times slower, ms: ${JSON.stringify(result)}`);
  if (!Object.keys(result).length) return t.skip('other work keeps the processors busy: nothing can be timed');
  await keep({ input_to_paint_ms: result });
  for (const [name, seen] of Object.entries(result)) {
    for (const key of ['median', 'p99']) {
      if (seen[key] > TARGET_INPUT_MS[key]) console.log(`TARGET MISSED: ${name}, ${key}: ${seen[key]} ms, not ${TARGET_INPUT_MS[key]}`);
      assert.ok(seen[key] <= REACHED_INPUT_MS[key], `${name}, ${key}: ${seen[key]} ms`);
    }
  }
});

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
  await keep(result);
  if (sorted[0] > TARGET_MS) console.log(`TARGET MISSED: the first estimate takes ${sorted[0]} ms, not ${TARGET_MS}`);
  if (longest > TARGET_TASK_MS) console.log(`TARGET MISSED: a task of ${Math.round(longest)} ms, not ${TARGET_TASK_MS}`);
  assert.ok(sorted[0] <= REACHED_MS, `${sorted[0]} ms`);
  assert.ok(longest <= REACHED_TASK_MS, `${longest} ms`);
});
