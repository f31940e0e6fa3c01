// Builds the page into dist/site: bundles with hashed names, all URLs relative, so it works from any folder of any host.
//   VRAM_ENGINE=<folder>  another build of the engine's npm package than build/wasm/dist
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);
const out = path.join(root, 'dist', 'site');
const engine = path.resolve(root, process.env.VRAM_ENGINE ?? 'build/wasm/dist');

if (!existsSync(path.join(engine, 'index.js'))) {
  console.error(`site: ${path.relative(root, engine)}/index.js is missing: build the wasm engine first (make build)`);
  process.exit(1);
}

const common = {
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome111', 'firefox114', 'safari16.4'],
  alias: { 'vram-estimator': path.join(engine, 'index.js') },
  entryNames: '[name]-[hash]',
  outdir: out,
  metafile: true,
  logLevel: 'warning',
};

async function bundle(entry, define = {}) {
  const result = await build({ ...common, entryPoints: [path.join(here, entry)], define });
  for (const [file, { entryPoint }] of Object.entries(result.metafile.outputs)) {
    if (entryPoint) return path.basename(file);
  }
  throw new Error(`no output for ${entry}`);
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

const wasm = await readFile(path.join(engine, 'vram.wasm'));
const wasmFile = `vram-${createHash('sha256').update(wasm).digest('hex').slice(0, 8)}.wasm`;
await writeFile(path.join(out, wasmFile), wasm);
const worker = await bundle('js/core_worker.js');
const main = await bundle('js/main.js', { WORKER_FILE: JSON.stringify(`./${worker}`), WASM_FILE: JSON.stringify(`./${wasmFile}`) });
const style = await bundle('style.css');
await copyFile(path.join(here, 'favicon.svg'), path.join(out, 'favicon.svg'));

let html = await readFile(path.join(here, 'index.html'), 'utf8');
for (const [name, file] of [['main.js', main], ['style.css', style], ['vram.wasm', wasmFile]]) {
  if (!html.includes(`"${name}"`)) throw new Error(`index.html does not use ${name}`);
  html = html.replaceAll(`"${name}"`, `"${file}"`);
}
await writeFile(path.join(out, 'index.html'), html);

// The offline copy is named after what it holds, so that a new build never mixes with an old one.
const files = (await readdir(out)).sort();
const digest = createHash('sha256');
for (const file of files) digest.update(file).update(await readFile(path.join(out, file)));
const sw = await build({
  ...common,
  entryPoints: [path.join(here, 'sw.js')],
  entryNames: '[name]',
  format: 'iife',
  define: {
    CACHE_NAME: JSON.stringify(`vram-estimator-${digest.digest('hex').slice(0, 12)}`),
    CACHE_FILES: JSON.stringify(['./', ...files.filter((file) => file !== 'index.html').map((file) => `./${file}`)]),
  },
});
if (sw.errors.length) process.exit(1);
console.log(`site: ${path.relative(root, out)} (${files.length + 1} files)`);
