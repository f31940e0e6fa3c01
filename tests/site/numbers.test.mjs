// The page shows the engine's numbers: its copied response is what the npm package answers in node to the same request.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { after } from 'node:test';
import { size } from '../../site/js/format.js';
import { defaults, formatHash } from '../../site/js/state.js';
import { requestOf } from '../../site/js/request.js';
import { answered, open, root, shownFor } from './browser.mjs';

const { call, load } = await import(path.resolve(root, process.env.VRAM_ENGINE ?? 'build/wasm/dist', 'node.js'));
await load();
const site = await open(after);

const manual = { parameters_billion: '8.03', num_hidden_layers: '32', num_key_value_heads: '8', head_dim: '128' };
const config = await readFile(path.join(root, 'tests/site/config.example.json'), 'utf8');

const cases = {
  'first visit': {},
  'long context, quantized cache': { context: '128k', kvK: 'q8_0', kvV: 'q8_0' },
  'keys and values apart': { kvK: 'q8_0', kvV: 'q4_0' },
  'several sequences': { sequences: '8', context: '4096' },
  'does not fit': { weights: 'fp16', context: '131072', sequences: '4' },
  'two GPUs': { weights: 'bf16', count: '2' },
  'a size instead of a GPU': { gpuSource: 'size', memory: '11.5' },
  'no GPU': { gpuSource: 'none' },
  'layers in RAM': { options: { n_gpu_layers: '20', n_ubatch: '1024' } },
  'no flash attention': { options: { flash_attn: '0' } },
  vLLM: { engine: 'vllm', weights: 'bf16', options: { gpu_memory_utilization: '0.85' } },
  Transformers: { engine: 'transformers', weights: 'bnb_nf4' },
  'the floor': { engine: 'ideal', weights: 'int4' },
  'GPTQ with options': { engine: 'vllm', weights: 'gptq', weightOptions: { bits: '4', group_size: '32' } },
  'manual numbers': { source: 'manual', manual },
  'a pasted config': { source: 'config', config, configName: 'pasted' },
};

// One page for all of them: each is a link that is followed.
const page = await site.visit();
await answered(page);

for (const [name, changes] of Object.entries(cases)) {
  test(name, async () => {
    const state = { ...defaults, ...changes };
    const { hash } = await formatHash(state);
    const wanted = JSON.stringify(requestOf(state).request);
    await page.evaluate((next) => (location.hash = next), hash);
    const { request, response } = await shownFor(page, (shown) => JSON.stringify(shown) === wanted);
    assert.deepEqual(response, call(request));
    assert.equal(response.ok, true);
    const peak = Math.max(...response.ledger.peaks.filter(({ device }) => device.startsWith('gpu')).map(({ bytes }) => bytes.expected));
    const sentence = await page.textContent('vram-verdict .sentence');
    assert.ok(sentence.includes(size(peak, 'GiB')), `${sentence} names ${size(peak, 'GiB')}`);
    assert.deepEqual(page.complaints, []);
  });
}
