// The pages from a disk: one file each, no server, no other file, no network.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { pathToFileURL } from 'node:url';
import { unzipSync } from 'fflate';
import { answered, open, root, shownJson } from './browser.mjs';

const site = await open(after);

test('unpacked and opened from file://, the pages compute the same', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'vram-offline-'));
  for (const [name, bytes] of Object.entries(unzipSync(await readFile(path.join(root, 'dist/vram-estimator-offline.zip'))))) {
    await mkdir(path.join(folder, path.dirname(name)), { recursive: true });
    await writeFile(path.join(folder, name), bytes);
  }
  const page = await site.page();
  const asked = [];
  page.on('request', (request) => asked.push(request.url().slice(0, 60)));
  const link = '#v=1&m=qwen3-8b&w=q5_k_m&c=16384&e=llama.cpp&g=rtx-3090';
  await page.goto(pathToFileURL(path.join(folder, 'vram-estimator/index.html')) + link);
  await answered(page);
  const fromDisk = await shownJson(page);
  const served = await site.visit(link);
  await answered(served);
  assert.deepEqual(fromDisk, await shownJson(served));
  await page.fill('#context', '4096');
  await page.waitForFunction(() => location.hash.includes('c=4096'));
  await page.selectOption('#language', 'es');
  await page.waitForSelector('html[lang=es]');
  await page.locator('vram-explore').scrollIntoViewIfNeeded();
  await page.waitForSelector('.chart h3');
  assert.deepEqual(asked.filter((url) => !url.startsWith('file:') && !url.startsWith('data:') && !url.startsWith('blob:')), []);
  assert.equal(new Set(asked.filter((url) => url.startsWith('file:'))).size, 1);
  assert.deepEqual(page.complaints, []);
});
