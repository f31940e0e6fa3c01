// The command lines of the ImageWorks estimator, as its documentation shows them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { json, run } from './tool.mjs';

const model = '--params-billion 8 --quant fp8 --layers 36 --kv-heads 8 --head-dim 128 --kv-dtype fp8';
const estimate = `estimate ${model} --context-k 8 --batch 1 --profile ada_16gb`;
const maxContext = `max-context --total-vram-gib 12 ${model} --batch 1 --profile ada_16gb`;

const entry = (response, kind) => response.ledger.entries.filter((e) => e.kind === kind)
  .reduce((sum, e) => sum + e.bytes.expected, 0);

test('estimate prints the breakdown without a GPU, and no verdict', () => {
  const { code, out, err } = run(estimate);
  assert.equal(err, '');
  assert.equal(code, 0);
  assert.match(out, /8,192 tokens/);
  assert.match(out, /Peak/);
  assert.match(out, /No GPU named or found/);
});

test('estimate --json: 8 * 10^9 weights of one byte, and 2 * 36 * 8 * 128 bytes of cache per token', () => {
  const { code, response } = json(`${estimate} --json`);
  assert.equal(code, 0);
  assert.equal(response.context, 8192);
  assert.equal(response.profile.id, 'ada_16gb');
  assert.equal(entry(response, 'kv_cache'), 2 * 36 * 8 * 128 * 8192);
  // One byte each, and what an FP8 checkpoint keeps wider (scales, norms): at most 3 % more.
  assert.ok(entry(response, 'weights') >= 8e9 && entry(response, 'weights') < 8.24e9, entry(response, 'weights'));
  assert.equal(response.engine.name, 'vllm');
  assert.equal(response.fits, null);
});

test('the vision tower adds its size, fragmentation multiplies', () => {
  const plain = json(`${estimate} --json`).response;
  const more = json(`${estimate} --vision-tower-gib 1.5 --json`).response;
  assert.equal(more.ledger.peaks[0].bytes.expected - plain.ledger.peaks[0].bytes.expected, 1.5 * 2 ** 30);
  const fragmented = json(`${estimate} --fragmentation 1.1 --json`).response;
  assert.ok(fragmented.ledger.peaks[0].bytes.expected > plain.ledger.peaks[0].bytes.expected + 0.09 * 8e9);
});

test('max-context finds a context for 12 GiB that fits, and the next token does not', () => {
  const { code, response } = json(`${maxContext} --json`);
  assert.equal(code, 0);
  const value = response.max_context.value;
  assert.ok(value > 0);
  const fits = (context) => json(`estimate --total-vram-gib 12 ${model} --context ${context} --batch 1 --profile ada_16gb --json`).response.fits;
  assert.equal(fits(value), true);
  assert.equal(fits(value + 1), false);
  assert.match(run(maxContext).out, new RegExp(`${value.toLocaleString('en-US')} tokens`));
});

test('profiles lists the presets', () => {
  const { code, out } = run('profiles');
  assert.equal(code, 0);
  for (const id of ['ada_16gb', 'hopper_80gb', 'dual_gpu_studio']) assert.match(out, new RegExp(`^${id} `, 'm'));
});

test('--context-k says in the help what k is', () => {
  assert.match(run('estimate --help').out, /--context-k 8 is 8192 tokens/);
});
