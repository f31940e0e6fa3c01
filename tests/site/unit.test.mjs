// The page's pure parts, without a browser: numbers, words, state and hash, request, GPU strings.
import assert from 'node:assert/strict';
import test from 'node:test';
import estimatorTexts from '../../site/i18n/en/estimator.js';
import * as format from '../../site/js/format.js';
import { candidates } from '../../site/js/hardware.js';
import { speak } from '../../site/js/i18n.js';
import { requestOf, typedCount, typedNumber } from '../../site/js/request.js';
import { defaults, formatHash, parseHash } from '../../site/js/state.js';
import { errorText, verdict } from '../../site/js/words.js';

speak(estimatorTexts);
const GiB = 2 ** 30;

test('sizes read in the unit that was asked for', () => {
  assert.equal(format.size(6.58 * GiB, 'GiB'), '6.58 GiB');
  assert.equal(format.size(24e9, 'GB'), '24.00 GB');
  assert.equal(format.size(131072, 'GiB'), '128 KiB');
  assert.equal(format.size(0.1 * GiB, 'GiB'), '0.10 GiB');
  assert.equal(format.size(50 * 2 ** 20, 'GiB'), '50 MiB');
  assert.equal(format.size(-6 * GiB, 'GiB'), '\u22126.00 GiB');
  assert.equal(format.size(0, 'GiB'), '0');
  assert.equal(format.size(1500 * GiB, 'GiB'), '1,500 GiB');
  assert.equal(format.size(20 * 1024 * GiB, 'GiB'), '20.00 TiB');
  assert.equal(format.range({ low: 1 * GiB, expected: 1 * GiB, high: 1 * GiB }, 'GiB'), 'exact');
  assert.equal(format.range({ low: 1 * GiB, expected: 2 * GiB, high: 3 * GiB }, 'GiB'), '1.00 to 3.00 GiB');
  assert.equal(format.range({ low: 0, expected: GiB, high: 2 * GiB }, 'GiB'), '0 to 2.00 GiB');
  assert.equal(format.range({ low: 0.0997 * GiB, expected: GiB, high: 1.2 * GiB }, 'GiB'), '0.10 to 1.20 GiB');
  assert.equal(format.parameters(8030261248), '8.03 B');
  assert.equal(format.parameters(494032768), '494 M');
});

test('typed counts: separators and k are read, everything else is passed on as typed', () => {
  assert.equal(typedCount('8192'), 8192);
  assert.equal(typedCount(' 131,072 '), 131072);
  assert.equal(typedCount('128k'), 131072);
  assert.equal(typedCount('1M'), 1048576);
  assert.equal(typedCount('-1'), -1);
  assert.equal(typedCount('131.072'), 131072);
  assert.equal(typedCount('1.5k'), 1536);
  assert.equal(typedNumber('23,5'), 23.5);
  assert.equal(typedCount(''), undefined);
  for (const text of ['abc', '8,19', '1e3', '0x10', '8192 tokens', '--1']) assert.equal(typedCount(text), text);
  assert.equal(typedNumber('.9'), 0.9);
  assert.equal(typedNumber('23.5'), 23.5);
  assert.equal(typedNumber('1e999x'), '1e999x');
});

test('the first visit asks for one estimate with everything beside it', () => {
  assert.deepEqual(requestOf(defaults).request, {
    op: 'estimate',
    model: { id: 'llama-3.1-8b' },
    weights: 'q4_k_m',
    context: 8192,
    sequences: 1,
    engine: { name: 'llama.cpp' },
    gpu: { id: 'rtx-4090', count: 1 },
    also: ['max_context', 'max_batch', 'advice', 'references'],
  });
});

test('a broken config is an error at its field', () => {
  const { error } = requestOf({ ...defaults, source: 'config', config: '{"a": 1,\n "b": }' });
  assert.equal(error.path, '/model/config');
  assert.match(error.message, /not valid JSON/);
  assert.equal(requestOf({ ...defaults, source: 'config', config: '' }).error.path, '/model/config');
});

test('a config with Python’s NaN and Infinity is read', () => {
  const config = '{"model_type": "llama", "rope": {"factor": Infinity, "low": -Infinity, "x": NaN}, "name": "NaN, \\"Infinity"}';
  const { request } = requestOf({ ...defaults, source: 'config', config });
  assert.deepEqual(request.model.config, { model_type: 'llama', rope: { factor: 'Infinity', low: '-Infinity', x: 'NaN' }, name: 'NaN, "Infinity' });
});

test('options of another engine stay in the form and out of the request', () => {
  const options = { n_ubatch: '256', flash_attn: '0', gpu_memory_utilization: '0.85' };
  assert.deepEqual(requestOf({ ...defaults, options }).request.engine, { name: 'llama.cpp', n_ubatch: 256, flash_attn: false });
  assert.deepEqual(requestOf({ ...defaults, options, engine: 'vllm' }).request.engine, { name: 'vllm', gpu_memory_utilization: 0.85 });
});

test('state and hash go round', async () => {
  const states = [
    defaults,
    { ...defaults, context: 'abc & <b>', sequences: '4', kvK: 'q8_0', kvV: 'q4_0', units: 'GB', profile: 'headless' },
    { ...defaults, gpuSource: 'size', memory: '23.5', count: '2' },
    { ...defaults, gpuSource: 'none' },
    { ...defaults, engine: 'vllm', options: { gpu_memory_utilization: '0.85', enforce_eager: '1' } },
    { ...defaults, weights: 'gptq', weightOptions: { bits: '3', group_size: '32' } },
    { ...defaults, source: 'manual', model: 'llama-3.1-8b', manual: { parameters_billion: '8.03', head_dim: '128' } },
    { ...defaults, source: 'config', config: '{"model_type":"llama","hidden_size":4096}', configName: 'mine & yours' },
  ];
  for (const state of states) {
    const { hash } = await formatHash(state);
    assert.deepEqual((await parseHash(`#${hash}`)).state, { ...state, manual: { ...state.manual }, options: { ...state.options }, weightOptions: { ...state.weightOptions } }, hash);
  }
});

test('a link keeps the fields it does not know, and says its version', async () => {
  const { state, unknown } = await parseHash('#v=7&m=qwen3-8b&future=1&x.y=a%20b');
  assert.equal(state.model, 'qwen3-8b');
  const { hash } = await formatHash(state, unknown);
  assert.match(hash, /^v=1&m=qwen3-8b/);
  assert.match(hash, /future=1&x\.y=a\+b$/);
});

test('a hash of anything is a state', async () => {
  for (const hash of ['', '#', '#%', '#mc=!!!', '#mc=AAAA', '#__proto__=1&constructor=2', '#mm.__proto__=1', '#g=&gs=&u=zz', `#c=${'9'.repeat(9999)}`]) {
    const { state } = await parseHash(hash);
    assert.equal(state.units, 'GiB');
    assert.equal(Object.getPrototypeOf(state), Object.prototype);
    requestOf(state);
  }
  assert.equal({}.polluted, undefined);
});

test('a config that unpacks to more than the engine takes is dropped', async () => {
  const bomb = JSON.stringify({ a: ' '.repeat(20 << 20) });
  const { hash, complete } = await formatHash({ ...defaults, source: 'config', config: bomb });
  assert.ok(complete && hash.length < 32768, 'it packs small');
  assert.equal((await parseHash(hash)).state.config, '');
});

const rows = [
  { id: 'rtx-4090', name: 'GeForce RTX 4090', vendor: 'nvidia', pci_ids: ['2684'], webgpu_architecture: 'lovelace' },
  { id: 'rtx-4060-ti-8gb', name: 'GeForce RTX 4060 Ti 8GB', vendor: 'nvidia', pci_ids: ['2803'], webgpu_architecture: 'lovelace' },
  { id: 'rtx-4060-ti-16gb', name: 'GeForce RTX 4060 Ti 16GB', vendor: 'nvidia', pci_ids: ['2805'], webgpu_architecture: 'lovelace' },
  { id: 'rtx-4060', name: 'GeForce RTX 4060', vendor: 'nvidia', pci_ids: ['2882'], webgpu_architecture: 'lovelace' },
  { id: 'rtx-3060-laptop', name: 'GeForce RTX 3060 Laptop GPU', vendor: 'nvidia', pci_ids: ['2520', '2560'], webgpu_architecture: 'ampere' },
  { id: 'rx-7900-xt', name: 'Radeon RX 7900 XT', vendor: 'amd', pci_ids: ['744c'], webgpu_architecture: 'rdna-3' },
  { id: 'rx-7900-xtx', name: 'Radeon RX 7900 XTX', vendor: 'amd', pci_ids: ['744c'], webgpu_architecture: 'rdna-3' },
  { id: 'apple-m4-pro-24gb', name: 'Apple M4 Pro 24GB', vendor: 'apple', webgpu_architecture: 'metal-3' },
  { id: 'apple-m4-pro-48gb', name: 'Apple M4 Pro 48GB', vendor: 'apple', webgpu_architecture: 'metal-3' },
  { id: 'apple-m4-16gb', name: 'Apple M4 16GB', vendor: 'apple', webgpu_architecture: 'metal-3' },
];
const seen = (renderer, webgpu = null) => ({ webgl: renderer ? { renderer } : null, webgpu });
const found = (renderer, webgpu) => {
  const { found: list } = candidates(seen(renderer, webgpu), rows);
  return list.map(({ row, confidence }) => `${row.id} ${confidence}`);
};

test('GPU strings of real drivers lead to catalogue rows', () => {
  assert.deepEqual(found('ANGLE (NVIDIA, NVIDIA GeForce RTX 3060 Laptop GPU (0x00002520) Direct3D11 vs_5_0 ps_5_0, D3D11)'), ['rtx-3060-laptop likely']);
  assert.deepEqual(found('ANGLE (NVIDIA, Vulkan 1.3.242 (NVIDIA NVIDIA GeForce RTX 4090 (0x00002684)), NVIDIA)'), ['rtx-4090 likely']);
  assert.deepEqual(found('ANGLE (NVIDIA Corporation, NVIDIA GeForce RTX 4090/PCIe/SSE2, OpenGL 4.5.0)'), ['rtx-4090 likely']);
  assert.deepEqual(found('NVIDIA GeForce RTX 4060 Ti/PCIe/SSE2'), ['rtx-4060-ti-8gb possible', 'rtx-4060-ti-16gb possible']);
  assert.deepEqual(found('NVIDIA GeForce RTX 4060/PCIe/SSE2'), ['rtx-4060 likely']);
  assert.deepEqual(found('ANGLE (AMD, AMD Radeon RX 7900 XTX (0x0000744C) Direct3D11 vs_5_0 ps_5_0, D3D11)'), ['rx-7900-xt possible', 'rx-7900-xtx possible']);
  assert.deepEqual(found('ANGLE (Apple, ANGLE Metal Renderer: Apple M4 Pro, Unspecified Version)'), ['apple-m4-pro-24gb possible', 'apple-m4-pro-48gb possible']);
  assert.deepEqual(found('ANGLE (Apple, ANGLE Metal Renderer: Apple M4, Unspecified Version)'), ['apple-m4-16gb likely']);
});

test('what hides the GPU finds none, or only a hint, and says so', () => {
  assert.deepEqual(found('NVIDIA GeForce GTX 980, or similar'), []);
  assert.match(candidates(seen('NVIDIA GeForce GTX 980, or similar'), rows).note, /hides/);
  assert.deepEqual(found('ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero) (0x0000C0DE)), SwiftShader driver)'), []);
  assert.match(candidates(seen('llvmpipe (LLVM 15.0.6, 256 bits)'), rows).note, /software/);
  assert.match(candidates(seen(''), rows).note, /no GPU/);
  const ada = { vendor: 'nvidia', architecture: 'lovelace', device: '', description: '', fallback: false };
  assert.ok(found('', ada).every((text) => text.endsWith(' hint')));
  assert.deepEqual(found('', { ...ada, device: '0x2684' }), ['rtx-4090 likely']);
  assert.deepEqual(found('Apple GPU', { vendor: 'apple', architecture: 'apple', device: 'apple', description: 'apple', fallback: false }), []);
});

const response = (changes) => ({
  model: { name: 'M', parameters: 8e9 },
  weights: { name: 'W' },
  kv_cache: { k: 'f16', v: 'f16' },
  context: 8192,
  sequences: 1,
  engine: { name: 'llama.cpp' },
  gpu: { name: 'G', count: 1, memory_bytes: 24 * GiB },
  ledger: { entries: [], peaks: [{ device: 'gpu:0', stage: 'prefill', bytes: { low: 22 * GiB, expected: 23 * GiB, high: 25 * GiB } }] },
  verdict: 'tight',
  headroom_bytes: GiB,
  ...changes,
});

test('the verdict is a sentence with its numbers', () => {
  assert.equal(verdict(response(), 'GiB').sentence, 'needs 23.00 GiB of 24.00 GiB, 1.00 GiB to spare, but may take up to 25.00 GiB.');
  const short = response({ verdict: 'does_not_fit', headroom_bytes: -2 * GiB, gpu: { count: 1, memory_bytes: 21 * GiB }, first_that_does_not_fit: { entry: 0, kind: 'kv_cache', label: 'KV cache', device: 'gpu:0' } });
  assert.match(verdict(short, 'GiB').sentence, /has 21\.00 GiB: 2\.00 GiB short/);
  assert.match(verdict(short, 'GiB').detail, /First that does not fit: KV cache\. Range: 22\.00 to 25\.00 GiB/);
  assert.equal(verdict(response({ verdict: null, gpu: null }), 'GiB').sentence, '23.00 GiB of GPU memory.');
});

test('errors read as sentences', () => {
  assert.equal(errorText({ message: 'context must be whole', expected: '1 to 9' }), 'Context must be whole. Valid: 1 to 9.');
  assert.equal(errorText({ message: 'n_ubatch is too large' }), 'n_ubatch is too large.');
});

test('images and video: state, hash and request', async () => {
  const d = await import('../../site/js/diffusion_state.js');
  assert.deepEqual(d.requestOf({ ...d.defaults, gpuSource: 'none' }).request, { op: 'diffusion', pipeline: { id: 'flux.1-dev' }, batch: 1, also: ['savings', 'levels', 'smallest_gpu', 'references'] });
  const state = { ...d.defaults, pipeline: 'wan2.1-t2v-1.3b', width: '832', height: '480', frames: '81', parts: { vae: 'fp32', transformer: 'bnb_nf4' }, techniques: 'vae_tiling,group_offload_leaf,eager', loras: '2', units: 'GB', engine: 'diffsynth', dsOffload: 'disk', dsOnload: 'cpu:fp8', vramLimit: '10.5', gpuSource: 'size', memory: '16' };
  const { hash } = await d.formatHash(state, [['future', 'x']]);
  const back = await d.parseHash(`#${hash}`);
  assert.deepEqual(back.state, { ...state, gpu: d.defaults.gpu });
  assert.deepEqual(back.unknown, [['future', 'x']]);
  const { request } = d.requestOf(state);
  assert.deepEqual(request.techniques, { vae_tiling: true, group_offload: { offload_type: 'leaf_level', use_stream: true } });
  assert.equal(request.attention, 'eager');
  assert.deepEqual(request.components, { vae: { dtype: 'fp32' }, transformer: { quantization: 'bnb_nf4' } });
  assert.deepEqual(request.engine, { name: 'diffsynth', vram_config: { offload_device: 'disk', offload_dtype: 'disk', onload_device: 'cpu', onload_dtype: 'fp8' }, vram_limit: 10.5 });
  assert.deepEqual(request.gpu, { memory_gib: 16, count: 1 });
  for (const odd of ['#c.__proto__=1&m=', '#g=none&t=,,,', '#%']) d.requestOf((await d.parseHash(odd)).state);
  assert.equal({}.polluted, undefined);
});
