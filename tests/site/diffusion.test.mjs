// Images and video: what a person does with the page.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { open } from './browser.mjs';

const site = await open(after);
const link = '#v=1&m=flux.1-dev&e=diffusers&g=rtx-3060-12gb';

async function visited(hash = link, options) {
  const page = await site.visit(`diffusion.html${hash}`, options);
  await page.waitForSelector('vram-verdict .verdict');
  await page.waitForSelector('svg.drawing');
  return page;
}
const done = async (page) => {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
};
const shown = async (page) => {
  if (!(await page.$('#json'))) await page.click('details.json summary');
  return JSON.parse(await page.textContent('#json'));
};
async function shownFor(page, check) {
  await shown(page);
  for (const end = Date.now() + 60000; Date.now() < end; await page.waitForTimeout(40)) {
    const both = JSON.parse(await page.textContent('#json'));
    if (check(both)) return both;
  }
  throw new Error(`never: ${check}`);
}

test('the timeline says what the ledger says, and the mildest way that fits is one click away', async () => {
  const page = await visited();
  const { response } = await shown(page);
  assert.equal(response.verdict, 'does_not_fit');
  const peak = response.ledger.peaks.find(({ device }) => device === 'gpu:0');
  await page.click('.twin summary');
  const totals = await page.locator('.twin tr:has-text("Total") td:last-child').allTextContents();
  assert.ok(totals.includes(`${(peak.bytes.expected / 2 ** 30).toFixed(2)} GiB`), `${totals}`);
  assert.equal(await page.locator('.switches li').count() >= response.savings.length, true);
  await page.click('.mildest button');
  const after = await shownFor(page, ({ response: now }) => now.verdict !== 'does_not_fit');
  assert.equal(after.response.memory.nvidia_smi.expected, response.weakest.nvidia_smi.expected, 'as promised');
  await page.waitForFunction(() => location.hash.includes('t='));
  const again = await visited(`#${page.url().split('#')[1]}`);
  assert.deepEqual((await shown(again)).request, after.request);
  await done(again);
  await done(page);
});

test('a switch does what it said before it was clicked; offloads replace each other; a level becomes its techniques', async () => {
  const page = await visited();
  const { response } = await shown(page);
  const item = response.savings.find(({ technique }) => technique === 'model_cpu_offload');
  await page.click(`.switches label:has-text("${item.name}")`);
  const on = await shownFor(page, ({ request }) => request.techniques?.model_cpu_offload);
  assert.equal(on.response.memory.nvidia_smi.expected, item.nvidia_smi.expected);
  const other = response.savings.find(({ technique }) => technique === 'sequential_cpu_offload');
  await page.click(`.switches label:has-text("${other.name}")`);
  const replaced = await shownFor(page, ({ request }) => request.techniques?.sequential_cpu_offload);
  assert.deepEqual(replaced.request.techniques, { sequential_cpu_offload: true });
  await page.click('.pair button:has-text("BALANCED")');
  const level = await shownFor(page, ({ request }) => request.level === 'balanced');
  assert.equal(level.request.techniques, undefined);
  await page.click('.switches label:has-text("VAE slicing")');
  const changed = await shownFor(page, ({ request }) => request.level === undefined && request.techniques);
  assert.ok(changed.request.techniques.model_cpu_offload || changed.request.techniques.vae_tiling, 'the level’s techniques stay');
  await done(page);
});

test('sizes: presets, what the model cannot have is said at its field, the largest is used by a click', async () => {
  const page = await visited('#v=1&m=sdxl-base-1.0&e=diffusers&g=rtx-4090');
  await page.selectOption('#preset', '512x512');
  await shownFor(page, ({ request }) => request.width === 512 && request.height === 512);
  await page.fill('#width', '1001');
  await page.waitForSelector('#width[aria-invalid=true]');
  assert.match(await page.textContent('#width-error'), /multiple/);
  await page.fill('#width', '1024');
  const { response } = await shownFor(page, ({ response: now }) => now.width === 1024);
  await page.click('.tiles .tile:has-text("Largest square") button');
  const largest = await shownFor(page, ({ request }) => request.width === response.max_resolution.square.width);
  assert.notEqual(largest.response.verdict, 'does_not_fit');
  await done(page);
});

test('parts have a precision of their own; markup in a link stays text', async () => {
  const page = await visited('#v=1&m=sd-1.5&e=diffusers&g=rtx-4090');
  const before = (await shown(page)).response.memory.allocated.expected;
  await page.selectOption('#part-unet', 'fp32');
  const after = await shownFor(page, ({ request }) => request.components?.unet?.dtype === 'fp32');
  assert.ok(after.response.memory.allocated.expected > before);
  await done(page);
  const evil = '"><img src=x onerror="window.pwned=1">';
  const bad = await site.visit(`diffusion.html#${['m', 'w', 'h', 'f', 'b', 't', 'l', 'e', 'g', 'd', 'gd', 'c.vae', 'zz'].map((key) => `${key}=${encodeURIComponent(evil)}`).join('&')}`);
  await bad.waitForSelector('.problem');
  assert.equal(await bad.evaluate(() => window.pwned), undefined);
  assert.equal(await bad.$('main img'), null);
  await done(bad);
});

// The questions most asked: on a card of 12 GiB, with one click.
for (const id of ['qwen-image', 'flux.1-dev', 'sdxl-base-1.0', 'sd-1.5', 'wan2.1-t2v-1.3b']) {
  test(`${id} on 12 GiB: a timeline with the card's line, and what makes it fit`, async () => {
    const page = await visited(`#v=1&m=${id}&e=diffusers&g=rtx-3060-12gb`);
    const { response } = await shown(page);
    assert.ok(response.stages.length >= 3);
    for (const stage of new Set(response.stages.map((run) => run.stage))) assert.ok(response.ledger.entries.some(({ stages }) => stages.includes(stage)), stage);
    assert.equal(response.weakest.fits, true);
    if (response.weakest.techniques.length) {
      await page.click('.mildest button');
      const { response: after } = await shownFor(page, ({ response: now }) => now.verdict !== 'does_not_fit');
      assert.deepEqual(after.memory.nvidia_smi, response.weakest.nvidia_smi, 'as promised');
    }
    await done(page);
  });
}

test('the denoiser in int8: a switch that sets its format', async () => {
  const page = await visited();
  const item = (await shown(page)).response.savings.find(({ technique }) => technique === 'quantize_int8');
  assert.ok(item.saves_bytes > 0);
  await page.click(`.switches label:has-text("${item.name}")`);
  const on = await shownFor(page, ({ request }) => request.components?.transformer?.quantization === 'quanto_int8');
  assert.deepEqual(on.response.memory.nvidia_smi, item.nvidia_smi);
  await page.click(`.switches label:has-text("${item.name}")`);
  await shownFor(page, ({ request }) => !request.components);
  await done(page);
});

test('another engine has options of its own; its switches do what they said', async () => {
  const page = await visited();
  await page.selectOption('#engine', 'comfyui');
  const comfy = await shownFor(page, ({ request }) => request.engine?.name === 'comfyui');
  assert.notEqual(comfy.response.verdict, 'does_not_fit', 'it loads what the card has room for');
  const item = comfy.response.savings.find(({ technique }) => technique === 'comfyui_novram');
  await page.click(`.switches label:has-text("${item.name}")`);
  const novram = await shownFor(page, ({ request }) => request.engine.vram === 'novram');
  assert.deepEqual(novram.response.memory.nvidia_smi, item.nvidia_smi);
  await page.selectOption('#engine', 'diffsynth');
  const synth = await shownFor(page, ({ request }) => request.engine.name === 'diffsynth');
  const dynamic = synth.response.savings.find(({ technique }) => technique === 'diffsynth_dynamic');
  await page.click(`.switches label:has-text("${dynamic.name}")`);
  const limited = await shownFor(page, ({ request }) => request.engine.vram_limit !== undefined);
  assert.deepEqual(limited.response.memory.nvidia_smi, dynamic.nvidia_smi);
  await page.waitForFunction(() => location.hash.includes('vl='));
  const again = await visited(`#${page.url().split('#')[1]}`);
  assert.deepEqual((await shown(again)).request, limited.request);
  await done(again);
  await page.selectOption('#engine', 'stable-diffusion.cpp');
  await page.waitForSelector('.problem');
  assert.match(await page.textContent('.problem'), /not known here/);
  await done(page);
});
