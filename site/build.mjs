// Builds the pages into dist/site: one HTML file a page from frame.html and pages/, bundles with hashed names that share
// their chunks, all URLs relative, so it works from any folder of any host.
//   SITE_URL=<address>    where it will be published: for the card that chats show for a link, which needs a whole address
//   VRAM_ENGINE=<folder>  another build of the engine's npm package than build/wasm/dist
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { FluentResource } from '@fluent/bundle';
import { zipSync } from 'fflate';
import { pages } from './pages.mjs';
import { englishTexts, fillTexts } from './texts.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);
const out = path.join(root, 'dist', 'site');
const engine = path.resolve(root, process.env.VRAM_ENGINE ?? 'build/wasm/dist');

if (!existsSync(path.join(engine, 'index.js'))) {
  console.error(`site: ${path.relative(root, engine)}/index.js is missing: build the wasm engine first (make build)`);
  process.exit(1);
}

// Texts are parsed here: {id: pattern} in the bundles, and no parser.
const parsedTexts = {
  name: 'parsed-texts',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]site[\\/]i18n[\\/]\w+[\\/]\w+\.js$/ }, async ({ path: file }) => {
      const { default: source } = await import(pathToFileURL(file));
      return { contents: `export default ${JSON.stringify(Object.fromEntries(new FluentResource(source).body.map(({ id, value }) => [id, value])))}`, loader: 'js' };
    });
    onLoad({ filter: /[\\/]fluent_source\.js$/ }, () => ({ contents: 'export const resourceOf = (texts) => ({ body: Object.entries(texts).map(([id, value]) => ({ id, value })) });', loader: 'js' }));
  },
};

const common = {
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome111', 'firefox114', 'safari16.4'],
  alias: { 'vram-estimator': path.join(engine, 'index.js'), 'vram-estimator/language': path.join(engine, 'language.js') },
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  outdir: out,
  metafile: true,
  logLevel: 'warning',
  plugins: [parsedTexts],
};
const online = { OFFLINE: 'false' };

// {entry: {file, needs}}: the bundle of each entry, and the chunks it imports before it can run.
async function bundle(entries, options = {}) {
  const { metafile } = await build({ ...common, entryPoints: entries.map((entry) => path.join(here, entry)), ...options });
  const result = {};
  const needs = (file, found = new Set()) => {
    for (const { path: chunk, kind } of metafile.outputs[file].imports) {
      if (kind !== 'import-statement' || found.has(chunk)) continue;
      found.add(chunk);
      needs(chunk, found);
    }
    return found;
  };
  for (const [file, { entryPoint }] of Object.entries(metafile.outputs)) {
    const entry = entryPoint && entries.find((name) => path.resolve(entryPoint) === path.join(here, name));
    if (entry) result[entry] = { file: path.basename(file), needs: [...needs(file)].map((chunk) => path.basename(chunk)) };
  }
  return result;
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

// The two parts of the engine: the one for language models, and everything.
const wasm = {};
const wasmFile = {};
for (const [part, name] of Object.entries({ language: 'vram-language', whole: 'vram' })) {
  wasm[part] = await readFile(path.join(engine, `${name}.wasm`));
  wasmFile[part] = `./${name}-${createHash('sha256').update(wasm[part]).digest('hex').slice(0, 8)}.wasm`;
  await writeFile(path.join(out, wasmFile[part]), wasm[part]);
}
const worker = (await bundle(['js/core_worker.js'], { splitting: true, define: { WHOLE_FILE: JSON.stringify(wasmFile.whole) } }))['js/core_worker.js'].file;
const early = (await bundle(['js/early.js']))['js/early.js'].file;
const style = (await bundle(['style.css']))['style.css'].file;
await copyFile(path.join(here, 'favicon.svg'), path.join(out, 'favicon.svg'));
await copyFile(path.join(here, 'manifest.json'), path.join(out, 'manifest.webmanifest'));
await copyFile(path.join(here, 'staticwebapp.config.json'), path.join(out, 'staticwebapp.config.json'));
for (const icon of await readdir(path.join(here, 'icons'))) await copyFile(path.join(here, 'icons', icon), path.join(out, icon));

// The widget: one file and the engine, both named after version and content, so that a page that embeds it by name and
// hash never gets another; vram-estimator.js is always the newest. Its styles are texts, for constructable style sheets.
const { version } = JSON.parse(await readFile(path.join(root, 'wasm/package.json'), 'utf8'));
const integrity = (bytes) => `sha384-${createHash('sha384').update(bytes).digest('base64')}`;
const { outputFiles } = await build({
  ...common,
  entryPoints: [path.join(here, 'widget/vram-estimator.js'), path.join(here, 'widget/embed.js')],
  entryNames: '[name]',
  write: false,
  loader: { '.css': 'text' },
  define: {
    ENGINE_FILES: JSON.stringify(wasmFile),
    ENGINE_INTEGRITY: JSON.stringify({ language: integrity(wasm.language), whole: integrity(wasm.whole) }),
  },
});
const widget = {};
for (const { path: name, contents } of outputFiles) {
  const hashed = createHash('sha256').update(contents).digest('hex').slice(0, 8);
  const base = path.basename(name, '.js');
  const file = base === 'vram-estimator' ? `${base}-${version}-${hashed}.js` : `${base}-${hashed}.js`;
  await writeFile(path.join(out, file), contents);
  widget[base] = { file, integrity: integrity(contents) };
}
await copyFile(path.join(out, widget['vram-estimator'].file), path.join(out, 'vram-estimator.js'));
const embedStyle = (await bundle(['widget/embed.css']))['widget/embed.css'].file;
const embedParts = { script: widget.embed.file, style: embedStyle };
const embedHtml = (await readFile(path.join(here, 'widget/embed.html'), 'utf8')).replace(/\{\{(\w+)\}\}/g, (_, name) => embedParts[name]);
await writeFile(path.join(out, 'embed.html'), embedHtml);

const scripts = await bundle([...new Set(pages.map(({ entry }) => entry))], {
  splitting: true,
  define: { WORKER_FILE: JSON.stringify(`./${worker}`), ENGINE_FILES: JSON.stringify(wasmFile), WIDGET: JSON.stringify(widget['vram-estimator']), ...online },
});

// Twice: the body has places of its own.
const filled = (html, parts) => html.replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]).replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
const frame = await readFile(path.join(here, 'frame.html'), 'utf8');
const texts = await englishTexts();
const nav = (id, home) => pages.map((page) => `<a href="${page.file === 'index.html' ? home : page.file}"${page.id === id ? ' aria-current="page"' : ''} data-l10n="nav-${page.id}"></a>`).join('');
for (const { file, id, entry, engine: part } of pages) {
  const { file: script, needs } = scripts[entry];
  const preload = [
    ...(part ? [`<meta name="engine" content="${wasmFile[part].slice(2)}" />`, `<script type="module" async fetchpriority="low" src="${early}"></script>`] : []),
    ...needs.map((chunk) => `<link rel="modulepreload" fetchpriority="low" href="${chunk}" />`),
  ].join('\n    ');
  const body = await readFile(path.join(here, 'pages', file), 'utf8');
  const base = process.env.SITE_URL?.replace(/\/*$/, '/');
  const card = base ? `<link rel="canonical" href="${base}${file === 'index.html' ? '' : file}" />\n    <meta property="og:image" content="${base}card.png" />\n    <meta name="twitter:card" content="summary_large_image" />` : '';
  const parts = { card, id, style, script, preload, nav: nav(id, './'), body };
  const html = filled(frame, parts);
  await writeFile(path.join(out, file), fillTexts(html, texts, file));
}

// The offline copy: all of the pages; not what only other people's pages ask for. Names that carry a hash never change.
const files = (await readdir(out)).sort();
const forOthers = /^(embed|vram-estimator|staticwebapp)|^card\.png$/;
const precache = [];
for (const url of files.filter((file) => !forOthers.test(file))) {
  const hashed = /-[0-9A-Za-z]{8}\.\w+$/.test(url);
  precache.push({ url, revision: hashed ? null : createHash('sha256').update(await readFile(path.join(out, url))).digest('hex').slice(0, 16) });
}
await build({
  ...common,
  entryPoints: [path.join(here, 'sw.js')],
  entryNames: '[name]',
  format: 'iife',
  define: { PRECACHE: JSON.stringify(precache), 'process.env.NODE_ENV': '"production"' },
});
// The same pages for a disk: each one file with all it needs inside, since a browser lets file:// load nothing beside it.
const css = await readFile(path.join(out, style), 'utf8');
const sha = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const icon = `data:image/svg+xml;base64,${(await readFile(path.join(here, 'favicon.svg'))).toString('base64')}`;
const packed = deflateRawSync(wasm.whole, { level: 9 }).toString('base64');
const zip = {};
for (const { file, id, entry, engine: part } of pages) {
  const { outputFiles: inlined } = await build({
    ...common,
    entryPoints: [path.join(here, entry)],
    write: false,
    define: { WORKER_FILE: '""', ENGINE_FILES: '{}', WIDGET: JSON.stringify(widget['vram-estimator']), OFFLINE: 'true' },
  });
  const code = inlined.find(({ path: name }) => name.endsWith('.js')).text.trim();
  const body = await readFile(path.join(here, 'pages', file), 'utf8');
  const html = fillTexts(filled(frame, { card: '', id, style: '', script: '', preload: '', nav: nav(id, 'index.html'), body }), texts, file)
    .replace(/(http-equiv="Content-Security-Policy" content=)"[^"]*"/, (_, before) => `${before}"default-src 'none'; script-src ${sha(code)} 'wasm-unsafe-eval'; style-src ${sha(css)}; img-src data: blob:; base-uri 'none'; form-action 'none'"`)
    .replace(/\s*<link rel="(manifest|apple-touch-icon)"[^>]*>/g, '')
    .replace('href="favicon.svg"', `href="${icon}"`)
    .replace('href="./"', 'href="index.html"')
    .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${css}</style>`)
    .replace(/<script type="module"[^>]*><\/script>/, '')
    .replace('</body>', () => `${part ? `<script type="text/plain" id="engine">${packed}</script>\n    ` : ''}<script type="module">${code}</script>\n  </body>`);
  zip[`vram-estimator/${file}`] = [Buffer.from(html), { mtime: '1980-01-01T00:00:00Z' }];
}
zip['vram-estimator/LICENSE'] = [await readFile(path.join(root, 'LICENSE')), { mtime: '1980-01-01T00:00:00Z' }];
const archive = zipSync(zip, { level: 9 });
await writeFile(path.join(root, 'dist', 'vram-estimator-offline.zip'), archive);
console.log(`site: ${path.relative(root, out)} (${files.length + 1} files)`);
console.log(`site: dist/vram-estimator-offline.zip (${Math.round(archive.length / 1024)} KB)`);
