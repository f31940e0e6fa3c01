// Weight files through the tool: what `inspect` says of them, and estimates of them.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gguf, llama, llama3Tokenizer, safetensors, writeSparse } from '../files/make.mjs';
import { folder, json, run } from './tool.mjs';

const sparse = (name, { header, bytes }) => {
  const path = join(folder, name);
  writeSparse(path, [[0, header]], bytes);
  return path;
};

const llama8b = { layers: 32, hidden: 4096, heads: 32, kv: 8, ffn: 14336, vocab: 128256, context: 131072, types: { '*': 'q4_k', output: 'q6_k' }, name: 'Llama 3.1 8B', fileType: 15 };

test('a full-size GGUF is read by its header and estimated by its tensors', () => {
  const { metadata, tensors } = llama(llama8b);
  const path = sparse('8b.gguf', gguf({ metadata: [...metadata, ...llama3Tokenizer(1000, 2000)], tensors }));
  const shown = run(['inspect', path]);
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /Llama 3\.1 8B/);
  assert.match(shown.out, /q4_k +225 /);
  assert.match(shown.out, /KV cache per token \(F16\): 128\.0 KiB/);
  const { response } = json(['inspect', path, '--json']);
  assert.equal(response.elements, 8030261248);
  const bytes = tensors.reduce((sum, [, shape, type]) => {
    const [block, size] = { q4_k: [256, 144], q6_k: [256, 210], f32: [1, 4] }[type];
    return sum + shape.reduce((a, b) => a * b, 1) / block * size;
  }, 0);
  assert.equal(response.tensor_bytes, bytes);
  const estimate = json(['estimate', '--model', path, '--gpu', 'none', '--json']);
  assert.equal(estimate.response.weights.bytes, bytes);
  assert.equal(estimate.response.weights.format, 'q4_k_m');
  assert.ok(JSON.stringify(response).length < 60000);
});

test('--weights asks what the model would take in another format', () => {
  const { metadata, tensors } = llama(llama8b);
  const path = sparse('8b-f16.gguf', gguf({ metadata, tensors }));
  const q8 = json(['estimate', '--model', path, '--weights', 'q8_0', '--gpu', 'none', '--json']);
  assert.equal(q8.response.weights.format, 'q8_0');
  assert.ok(q8.response.weights.bytes > 8e9);
});

test('a folder with config.json and shards', () => {
  const path = join(folder, 'tiny');
  mkdirSync(path);
  writeFileSync(join(path, 'config.json'), JSON.stringify({ model_type: 'llama', hidden_size: 64, num_hidden_layers: 1, num_attention_heads: 4, num_key_value_heads: 2, intermediate_size: 128, vocab_size: 100, torch_dtype: 'bfloat16' }));
  const layer = 'model.layers.0.';
  const parts = [
    [['model.embed_tokens.weight', 'BF16', [100, 64]], ['lm_head.weight', 'BF16', [100, 64]], ['model.norm.weight', 'BF16', [64]]],
    [[`${layer}input_layernorm.weight`, 'BF16', [64]], [`${layer}post_attention_layernorm.weight`, 'BF16', [64]],
      [`${layer}self_attn.q_proj.weight`, 'BF16', [64, 64]], [`${layer}self_attn.k_proj.weight`, 'BF16', [32, 64]],
      [`${layer}self_attn.v_proj.weight`, 'BF16', [32, 64]], [`${layer}self_attn.o_proj.weight`, 'BF16', [64, 64]],
      [`${layer}mlp.gate_proj.weight`, 'BF16', [128, 64]], [`${layer}mlp.up_proj.weight`, 'BF16', [128, 64]],
      [`${layer}mlp.down_proj.weight`, 'BF16', [64, 128]]],
  ];
  const weight_map = {};
  parts.forEach((tensors, i) => {
    const name = `model-0000${i + 1}-of-00002.safetensors`;
    const { header, bytes } = safetensors(tensors);
    writeSparse(join(path, name), [[0, header]], bytes);
    for (const [tensor] of tensors) weight_map[tensor] = name;
  });
  writeFileSync(join(path, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map }));
  const shown = run(['inspect', path]);
  assert.match(shown.out, /safetensors, model, llama/);
  assert.match(shown.out, /2 files/);
  const { response } = json(['estimate', '--model', `${path}/`, '--engine', 'transformers', '--gpu', 'none', '--json']);
  assert.equal(response.weights.bytes, 2 * (2 * 6400 + 64 + 128 + 2 * 4096 + 2 * 2048 + 3 * 8192));
  assert.equal(response.model.name, 'tiny');
});

test('what cannot be read is said', () => {
  const missing = run(['inspect', join(folder, 'none.gguf')]);
  assert.equal(missing.code, 2);
  assert.match(missing.err, /cannot read this file/);
  const page = join(folder, 'page.gguf');
  writeFileSync(page, '<!DOCTYPE html><html>');
  assert.match(run(['inspect', page]).err, /a web page[\s\S]*resolve/);
  const short = sparse('short.gguf', (({ header, bytes }) => ({ header, bytes: bytes - 100 }))(gguf(llama({}))));
  assert.match(run(['estimate', '--model', short]).err, /unfinished download/);
});
