// What every page test needs: the built page on localhost under a project subpath, and a Chromium.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serve } from '../../site/serve.mjs';

const PATIENCE_MS = 60000; // for what must come; a machine that is busy with other work may take long

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

const flags = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const noGpu = ['--disable-gpu'];
export const softwareWebGpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'];

export const executable = () => {
  const known = [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const found = known.find((file) => file && existsSync(file));
  if (!found) throw new Error('Chromium is not installed: run make setup, or name it in CHROMIUM_PATH');
  return found;
};

export function launch(extra = noGpu) {
  return chromium.launch({ executablePath: executable(), args: [...flags, ...extra], chromiumSandbox: process.getuid?.() !== 0 });
}

// {url, close}: dist/site at http://localhost:<port>/vram-estimator/
export function start() {
  if (!existsSync(path.join(root, 'dist/site/index.html'))) throw new Error('dist/site is missing: npm run build');
  return serve({ base: '/vram-estimator/' });
}

// Resolves when an answer with all its parts is on the screen.
export const answered = (page) => page.waitForSelector('.result:not(.partial) vram-verdict .verdict', { timeout: PATIENCE_MS });

// Resolves when the page has drawn what it was told and has nothing left to do: no time is guessed, so that a slow machine
// only takes longer.
export const settle = (page) =>
  page.evaluate(async () => {
    // A page that the browser does not draw just now has neither frames nor idle time: that is settled too.
    const orSoon = (done) => Promise.race([done, new Promise((resolve) => setTimeout(resolve, 1000))]);
    for (let frame = 0; frame < 2; frame++) await orSoon(new Promise((resolve) => requestAnimationFrame(resolve)));
    await orSoon(Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => {}))));
    await new Promise((resolve) => requestIdleCallback(resolve, { timeout: 1000 }));
  });

// One browser and one server for a test file: `const site = await open(after)`; site.page({...context options}) is a new
// page in a fresh context. Anything the browser complains about (errors, CSP) is collected in page.complaints.
export async function open(after, extra) {
  const browser = await launch(extra);
  const server = await start();
  after(async () => {
    await browser.close();
    await server.close();
  });
  return {
    url: server.url,
    browser,
    async page(options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      page.complaints = [];
      page.on('console', (message) => message.type() === 'error' && page.complaints.push(message.text()));
      page.on('pageerror', (error) => page.complaints.push(error.message));
      return page;
    },
    async visit(hash = '', options) {
      const page = await this.page(options);
      await page.goto(server.url + hash);
      return page;
    },
  };
}

// What "Copy JSON" copies: {request, response}, as it stands at the end of the page.
export async function shownJson(page) {
  if (!(await page.$('#json'))) await page.click('details.json summary');
  return JSON.parse(await page.textContent('#json'));
}

// Waits until the newest request has been answered and `check(request)` holds for the one shown.
export async function shownFor(page, check) {
  if (!(await page.$('#json'))) {
    await page.click('details.json summary').catch(async () => {
      throw new Error(`the page shows no answer, but: ${await seen(page)}`);
    });
  }
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await page.waitForTimeout(30)) {
    const shown = JSON.parse(await page.textContent('#json'));
    if (check(shown.request)) return shown;
  }
  throw new Error(`the page does not show a request for which ${check}, but: ${await seen(page)}`);
}

// For failures: where the page is, what it complains about, and what its form and answer say.
const seen = (page) =>
  page.evaluate(() => {
    const texts = ['.problem', '#inputs [role=status]', '#answer-region'].flatMap((selector) => [...document.querySelectorAll(selector)].map((element) => `${selector}: ${element.innerText.replace(/\s+/g, ' ').slice(0, 300)}`));
    return [location.href, ...texts].join('\n  ');
  });
