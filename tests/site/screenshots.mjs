// npm run screenshots: the pictures of the page in docs/images/, each below 150 KB.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { answered, launch, root, settle, start } from './browser.mjs';
import { smaller } from './png.mjs';

const LIMIT = 150 * 1024;
const pictures = {
  'page.png': { width: 1200, height: 800, colorScheme: 'light', hash: '' },
  'page-dark.png': { width: 1200, height: 800, colorScheme: 'dark', hash: '#v=1&m=qwen3-32b&w=q4_k_m&c=32768&e=llama.cpp&g=rtx-4090&kk=q8_0&kv=q8_0' },
  'page-phone.png': { width: 390, height: 844, colorScheme: 'light', hash: '' },
  'gpus.png': { width: 1200, height: 800, colorScheme: 'light', hash: '#v=1&m=qwen3-32b&w=q4_k_m&c=16384&e=llama.cpp&g=rtx-4090', tab: 'gpus' },
  'formats-dark.png': { width: 1200, height: 800, colorScheme: 'dark', hash: '#v=1&m=qwen3-32b&w=q4_k_m&c=16384&e=llama.cpp&g=rtx-4090', tab: 'formats' },
  'diffusion.png': { file: 'diffusion.html', width: 1200, height: 800, colorScheme: 'light' },
  'training.png': { file: 'training.html', width: 1200, height: 800, colorScheme: 'light' },
  'training-phone.png': { file: 'training.html', width: 390, height: 844, colorScheme: 'dark' },
  'check.png': { file: 'check.html', width: 1200, height: 800, colorScheme: 'light', click: 'button:has-text("Show an example")' },
  'learn.png': { file: 'learn.html', width: 1200, height: 800, colorScheme: 'light' },
};

const folder = path.join(root, 'docs/images');
await mkdir(folder, { recursive: true });
const browser = await launch(['--disable-gpu', '--disable-lcd-text']); // grey antialiasing: smaller files
const server = await start();
for (const [name, { file: view = '', width, height, colorScheme, hash = '', tab, click }] of Object.entries(pictures)) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce', isMobile: width < 500 });
  await page.goto(server.url + view + hash);
  if (view) {
    await page.waitForFunction(() => document.documentElement.classList.contains('scripted') && !document.querySelector('#answer-region .waiting'));
    if (click) await page.click(click);
  } else {
    await answered(page);
    await page.waitForFunction(() => document.querySelector('vram-picker:has(#model)')?.input.value !== document.querySelector('vram-picker:has(#model)')?.value);
  }
  if (tab) {
    await page.locator('vram-explore').scrollIntoViewIfNeeded();
    await page.check(`.explore [value=${tab}]`);
    await page.waitForSelector('.chart table');
    await page.locator('vram-explore').evaluate((explore) => explore.scrollIntoView());
  }
  await settle(page);
  const file = path.join(folder, name);
  const picture = smaller(await page.screenshot());
  await writeFile(file, picture);
  const size = picture.length;
  console.log(`${path.relative(root, file)}: ${Math.round(size / 1024)} KB`);
  if (size > LIMIT) process.exitCode = 1;
  await page.close();
}
await browser.close();
await server.close();
