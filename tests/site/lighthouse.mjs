// npm run lighthouse [page.html ...]: Lighthouse's mobile run of the built pages, served compressed as a host would. Prints a
// table, writes build/lighthouse.json, and fails where a page has lost what has been reached. Lighthouse is larger than all
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

const chosen = process.argv.slice(2).length ? process.argv.slice(2) : pages.map(({ file: name }) => name);
const table = {};
const missed = [];
for (const name of chosen) {
  await fetch(base + name);
  const chrome = await launch({ chromePath: executable(), chromeFlags: ['--headless=new', '--disable-gpu', '--no-first-run', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])] });
  try {
    const { lhr, artifacts } = await lighthouse(base + (name === 'index.html' ? '' : name), { port: chrome.port, output: 'json', logLevel: 'error' });
    const scores = Object.fromEntries(Object.keys(TARGETS).map((id) => [id, Math.round(100 * lhr.categories[id].score)]));
    const figure = (id) => lhr.audits[id].numericValue;
    table[name] = { ...scores, fcp_ms: Math.round(figure('first-contentful-paint')), lcp_ms: Math.round(figure('largest-contentful-paint')), tbt_ms: Math.round(figure('total-blocking-time')), speed_index_ms: Math.round(figure('speed-index')), shift: Number(figure('cumulative-layout-shift').toFixed(4)) };
    for (const [id, target] of Object.entries(TARGETS)) if (scores[id] < target) missed.push(`${name}: ${id} ${scores[id]} < ${target}`);
    if (table[name].lcp_ms > TARGET_LCP_MS) missed.push(`${name}: LCP ${table[name].lcp_ms} ms > ${TARGET_LCP_MS}`);
    if (table[name].shift > 0) missed.push(`${name}: layout shift ${table[name].shift}`);
    for (const audit of Object.values(lhr.audits)) if (audit.score !== null && audit.score < 1 && audit.scoreDisplayMode !== 'informative') console.log(`  ${name} ${audit.id} ${audit.score} ${audit.displayValue ?? ''}`);
    await mkdir(path.join(root, 'build'), { recursive: true });
    await writeFile(path.join(root, `build/lighthouse-${name}.json`), JSON.stringify(lhr));
  } finally {
    await chrome.kill();
  }
}
server.close();
console.table(table);
await writeFile(path.join(root, 'build/lighthouse.json'), `${JSON.stringify(table, null, 2)}\n`);
for (const line of missed) console.log(`TARGET MISSED: ${line}`);
process.exitCode = missed.length ? 1 : 0;
