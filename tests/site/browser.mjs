// What every page test needs: the built page on localhost under a project subpath, and a Chromium.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serve } from '../../site/serve.mjs';

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

const flags = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const noGpu = ['--disable-gpu'];
export const softwareWebGpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'];

const executable = () => {
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

// Resolves when an answer to what the form holds now is on the screen.
export const answered = (page) => page.waitForSelector('vram-verdict .verdict', { timeout: 15000 });
