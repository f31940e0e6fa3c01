// The package as people get it: packed, installed into an empty folder, and README's example run there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { dist } from './paths.mjs';

const folder = mkdtempSync(`${tmpdir()}/vram-estimator-`);
const npm = (...args) => execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const node = (file) => execFileSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' });
const run = (code) => {
  writeFileSync(`${folder}/example.mjs`, code);
  return node('example.mjs');
};
let packed;

before(() => {
  [packed] = JSON.parse(npm('pack', '--json', '--pack-destination', folder, dist));
  writeFileSync(`${folder}/package.json`, '{"private": true}');
  npm('install', '--offline', '--no-audit', '--no-fund', `${folder}/${packed.filename}`);
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('holds what it needs and nothing else', () => {
  assert.deepEqual(packed.files.map(({ path }) => path).sort(), ['LICENSE', 'README.md', 'engine.js', 'index.d.ts',
    'index.js', 'language.d.ts', 'language.js', 'node.js', 'node_language.js', 'package.json', 'vram-language.js',
    'vram-language.wasm', 'vram.js', 'vram.wasm']);
});

test("README's example runs", () => {
  const [, example] = /```js\n([^]*?)```/.exec(readFileSync(`${dist}README.md`, 'utf8'));
  const lines = run(example).trim().split('\n');
  assert.match(lines.at(-1), /^(fits|tight|does_not_fit) -?\d+ \d+$/);
  assert.ok(lines.length > 2);
});

test('a sweep comes as typed arrays', () => {
  assert.equal(run(`
    import { call, load, sweep } from 'vram-estimator';
    await load();
    const request = {
      model: { manual: { parameters_billion: 8, num_hidden_layers: 36, num_key_value_heads: 8, head_dim: 128 } },
      weights: 'fp8', engine: { name: 'ideal' }, gpu: { memory_gib: 12 }, terms: ['kv_cache'],
      axes: [{ path: '/kv_cache', values: ['f16', 'fp8_e4m3', 'q9'] }, { path: '/context', from: 1000, to: 64000, steps: 7, scale: 'log' }],
    };
    const arrays = sweep(request);
    const { ok, ...plain } = call({ op: 'sweep', ...request });
    const same = (a, b) => a.length === b.length && a.every((x, i) => (Number.isNaN(x) ? b[i] === null : x === b[i]));
    console.log(ok, arrays.expected instanceof Float64Array, arrays.verdict instanceof Uint8Array, arrays.refused,
      Object.keys(plain).every((key) => Object.keys(arrays).includes(key)),
      ['low', 'expected', 'high', 'headroom_bytes', 'host_bytes', 'verdict'].every((name) => same(arrays[name], plain[name])),
      same(arrays.terms.kv_cache, plain.terms.kv_cache), sweep({ axes: [] }).error.path);`),
  'true true true 7 true true true /axes\n');
});

test('takes the bytes of vram.wasm, and can be loaded twice', () => {
  assert.equal(run(`
    import { readFileSync } from 'node:fs';
    import { call, load } from 'vram-estimator';
    const wasm = readFileSync(new URL(import.meta.resolve('vram-estimator/vram.wasm')));
    await load({ wasm });
    await load();
    console.log(call({ op: 'version' }).ok);`), 'true\n');
});

test('the browser entry runs where there is no file system, given bytes', () => {
  assert.equal(run(`
    import { readFileSync } from 'node:fs';
    import { call, load } from './node_modules/vram-estimator/index.js';
    await load({ wasm: readFileSync('node_modules/vram-estimator/vram.wasm') });
    console.log(call({ op: 'version' }).ok);`), 'true\n');
});

test('says what is wrong when it is called before it is loaded, or cannot load', () => {
  assert.match(run(`
    import { call, load } from 'vram-estimator';
    try { call({ op: 'version' }); } catch (error) { console.log(error.message); }
    await load({ wasm: './missing.wasm' }).catch((error) => console.log(error.code));
    await load({ wasm: new Uint8Array(8) }).catch((error) => console.log('refused'));
    await load();
    console.log(call({ op: 'version' }).ok);`), /before the first call\nENOENT\nrefused\ntrue\n$/);
});

test('its part for language models loads alone and hands on the rest', () => {
  assert.equal(run(`
    import { call, estimate, load, sweep } from 'vram-estimator/language';
    await load();
    const model = { manual: { parameters_billion: 8, num_hidden_layers: 36, num_key_value_heads: 8, head_dim: 128 } };
    console.log(estimate({ model }).ok, sweep({ model, axes: [{ path: '/context', values: [1, 2] }] }).cells,
      call({ op: 'catalogue', list: ['gpus'] }).ok, call({ op: 'catalogue' }), call({ op: 'training' }), call('{"op":"diffusion"}'),
      estimate({ model: { file: {} } }), estimate({ model, engine: { name: 'vllm' } }), sweep({ model: { file: {} }, axes: [{ path: '/context', values: [1] }] }));`),
  'true 2 true undefined undefined undefined undefined undefined undefined\n');
});

test('no eval and no function made of text in the engine glue', () => {
  for (const name of ['vram', 'vram-language']) assert.doesNotMatch(readFileSync(`${dist}${name}.js`, 'utf8'), /\beval\(|new Function|new_\(Function/);
});
