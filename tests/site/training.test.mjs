// The training page: what a person does with it.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { open, settle } from './browser.mjs';

const site = await open(after);
const subject = (page, pattern) => page.waitForFunction(([source]) => new RegExp(source).test(document.querySelector('vram-verdict .subject')?.textContent ?? ''), [pattern]);

test('a link says it all, Back undoes, and what another version wrote is kept', async () => {
  const page = await site.visit('training.html#v=1&method=lora&sequence_length=4096&later=kept');
  await subject(page, 'LoRA.*4,096');
  await page.fill('#sequence_length', '1k');
  await subject(page, '1,024');
  await page.waitForFunction(() => location.hash.includes('sequence_length=1k'));
  await page.check('[name=method][value=qlora]');
  await subject(page, 'QLoRA');
  await page.waitForFunction(() => !location.hash.includes('method='));
  assert.match(page.url(), /later=kept/);
  await page.goBack();
  await subject(page, ', LoRA.*1,024');
  await page.goBack();
  await subject(page, 'LoRA.*4,096');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('one change is taken by a click; an error marks its field', async () => {
  const page = await site.visit('training.html');
  await subject(page, 'QLoRA');
  const before = await page.textContent('vram-verdict .sentence');
  await page.click('.panel table button.link >> nth=0');
  await page.waitForFunction((text) => document.querySelector('vram-verdict .sentence').textContent !== text, before);
  await page.fill('#lora_rank', '-3');
  await page.waitForSelector('#lora_rank[aria-invalid=true]');
  assert.ok(await page.isVisible('.problem[role=alert]'));
  await page.context().close();
});

test('on a phone the verdict stays in sight above the form', async () => {
  const page = await site.visit('training.html', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await page.waitForSelector('.mini.fits');
  await page.locator('#strategy').scrollIntoViewIfNeeded();
  await settle(page);
  const box = await page.locator('.mini').boundingBox();
  assert.ok(box.y >= 0 && box.y < 60, `${box.y}`);
  await page.context().close();
});

for (const file of ['index.html', 'diffusion.html', 'check.html', 'training.html']) {
  test(`${file}: every input has a sentence about it`, async () => {
    const page = await site.visit(file);
    await page.waitForSelector('#inputs .field');
    await page.evaluate(() => document.querySelectorAll('#inputs details.more').forEach((details) => (details.open = true)));
    await settle(page);
    const bare = await page.$$eval('#inputs .field', (fields) => fields.filter((field) => !field.querySelector('.help, .hint')?.textContent.trim()).map((field) => field.querySelector('label').textContent));
    assert.deepEqual(bare, []);
    if (file === 'index.html') {
      await page.check('[name=source][value=manual]');
      await page.waitForSelector('#manual-head_dim');
      assert.deepEqual(await page.$$eval('#inputs .field', (fields) => fields.filter((field) => !field.querySelector('.help, .hint')).length), 0);
    }
    await page.context().close();
  });
}
