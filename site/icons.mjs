// npm run icons: draws the icons and the card that chats show for a link, from favicon.svg, with Chromium.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { launch, root } from '../tests/site/browser.mjs';
import { smaller } from '../tests/site/png.mjs';

const svg = await readFile(path.join(root, 'site/favicon.svg'), 'utf8');
const browser = await launch(['--disable-gpu', '--disable-lcd-text']);
async function draw(name, width, height, html) {
  const page = await browser.newPage({ viewport: { width, height } });
  await page.setContent(`<!doctype html><style>*{margin:0;box-sizing:border-box}body{width:${width}px;height:${height}px;overflow:hidden}svg{display:block}</style>${html}`);
  await writeFile(path.join(root, 'site/icons', name), smaller(await page.screenshot()));
  await page.close();
}
const icon = (size) => `<div style="background:#14202b;width:${size}px;height:${size}px"><svg width="${size}" height="${size}" viewBox="0 0 32 32">${svg.replace(/^<svg[^>]*>|<\/svg>\s*$/g, '')}</svg></div>`;
for (const size of [180, 192, 512]) await draw(`icon-${size}.png`, size, size, icon(size));
const bar = [[5, '#8d98a6'], [4, '#68737f'], [46, '#5b93d6'], [17, '#2fae8f'], [8, '#d98a3d']];
await draw(
  'card.png',
  1200,
  630,
  `<body style="background:#12161b;color:#e6eaef;font:34px system-ui,'DejaVu Sans';padding:90px 80px">
    <div style="font-size:64px;font-weight:700">VRAM estimator</div>
    <div style="margin-top:18px;color:#a3aebb">Does the model fit the GPU, how far can it be pushed, what to change.</div>
    <div style="margin-top:90px;height:110px;border:2px solid #75808d;border-radius:14px;display:flex;overflow:hidden;background:#232a33">${bar.map(([share, colour]) => `<div style="width:${share}%;background:${colour};border-right:3px solid #12161b"></div>`).join('')}</div>
    <div style="margin-top:26px;color:#a3aebb;font-size:28px">Term by term, with formula and source. In your browser; nothing is sent.</div>`,
);
await browser.close();
