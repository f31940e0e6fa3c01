// Detection in a real browser. Chromium's software adapter stands for "no GPU": the page must see through it.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { answered, open, softwareWebGpu } from './browser.mjs';

const site = await open(after, softwareWebGpu);

test('a software adapter is asked, named, and not taken for a GPU', async () => {
  const page = await site.visit();
  await answered(page);
  const adapter = await page.evaluate(async () => {
    const found = await navigator.gpu?.requestAdapter();
    return found && { vendor: found.info.vendor, architecture: found.info.architecture };
  });
  await page.click('#detect');
  await page.waitForSelector('.detection p');
  const said = await page.textContent('.detection');
  assert.match(said, /software/);
  assert.match(said, /can’t see how much memory/);
  if (adapter) assert.ok(said.includes(adapter.architecture), `${said} names ${adapter.architecture}`);
  console.log(`WebGPU adapter: ${JSON.stringify(adapter)}`);
  assert.equal(await page.$('.detection li'), null);
});

test('a named adapter leads to a choice that is applied', async () => {
  const page = await site.page();
  await page.addInitScript(() => {
    const getParameter = WebGLRenderingContext.prototype.getParameter;
    WebGLRenderingContext.prototype.getParameter = function (name) {
      return name === 0x9246 || name === this.RENDERER ? 'ANGLE (NVIDIA, NVIDIA GeForce RTX 3090 (0x00002204) Direct3D11 vs_5_0 ps_5_0, D3D11)' : getParameter.call(this, name);
    };
  });
  await page.goto(site.url);
  await answered(page);
  await page.waitForFunction(() => document.querySelector('vram-picker:has(#gpu)')?.input.value.includes('RTX'));
  await page.click('#detect');
  await page.waitForSelector('.detection li button');
  assert.match(await page.textContent('.detection li'), /3090.*likely/s);
  await page.click('.detection li button');
  await page.waitForFunction(() => location.hash.includes('rtx-3090'));
});
