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

const named = (renderer) => `
  const getParameter = WebGLRenderingContext.prototype.getParameter;
  WebGLRenderingContext.prototype.getParameter = function (name) {
    return name === 0x9246 || name === this.RENDERER ? ${JSON.stringify(renderer)} : getParameter.call(this, name);
  };`;

test('the first visit takes the GPU that the browser names; the choice is remembered and can be forgotten', async () => {
  const page = await site.page();
  await page.addInitScript(named('ANGLE (NVIDIA, NVIDIA GeForce RTX 3090 (0x00002204) Direct3D11 vs_5_0 ps_5_0, D3D11)'));
  await page.goto(site.url);
  await page.waitForFunction(() => /RTX 3090/.test(document.querySelector('vram-verdict')?.textContent));
  assert.match(await page.textContent('.detection'), /names this GPU/);
  assert.equal(new URL(page.url()).hash, '');
  await page.click('.detection li button');
  await page.goto(`${site.url}?again#v=1&m=llama-3.1-8b&w=q4_k_m&c=8192&e=llama.cpp&g=rtx-4090`);
  await page.click('.detection button:has-text("Use my GPU")');
  await page.waitForFunction(() => location.hash.includes('rtx-3090'));
  await page.click('.detection button:has-text("Forget")');
  assert.equal(await page.evaluate(() => localStorage.getItem('vram-estimator.gpu')), null);
  assert.deepEqual(page.complaints, []);
});

test('blocked interfaces are no GPU, not an error', async () => {
  const page = await site.page();
  await page.addInitScript(() => {
    HTMLCanvasElement.prototype.getContext = () => { throw new Error('blocked'); };
    Object.defineProperty(navigator, 'gpu', { value: { requestAdapter: () => Promise.reject(new Error('blocked')) } });
  });
  await page.goto(site.url);
  await answered(page);
  await page.waitForFunction(() => document.querySelector('vram-picker:has(#gpu)')?.input.value.includes('RTX'));
  await page.click('#detect');
  assert.match(await page.textContent('.detection [role=status]'), /shows no GPU/);
  assert.deepEqual(page.complaints, []);
});
