// Weight files through the tool: what `inspect` says of them, and estimates of them.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gguf, llama, llama3Tokenizer, safetensors, writeSparse, zip } from '../files/make.mjs';
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
  // By its bare name too, where no model of the catalogue has it.
  const named = json(['estimate', '--model', 'tiny', '--engine', 'transformers', '--gpu', 'none', '--json'], { cwd: folder });
  assert.deepEqual(named.response.weights, response.weights);
});

test('every version and byte order of GGUF says the same', () => {
  const shown = [[1, false], [2, false], [3, false], [2, true], [3, true]].map(([version, bigEndian]) => {
    const path = sparse(`v${version}${bigEndian ? 'be' : 'le'}.gguf`, gguf({ version, bigEndian, ...llama(llama8b) }));
    const { response } = json(['inspect', path, '--json']);
    return JSON.stringify({ ...response, files: 0, file_bytes: 0, header_bytes: 0 });
  });
  assert.equal(new Set(shown).size, 1);
});

test('a projector beside the model is counted, unless it is not loaded', () => {
  const path = join(folder, 'vision');
  mkdirSync(path);
  const clip = gguf({
    metadata: [['general.architecture', 'text', 'clip'], ['general.type', 'text', 'mmproj'], ['clip.has_vision_encoder', 'bool', true], ['clip.projector_type', 'text', 'mlp']],
    tensors: [['v.patch_embd.weight', [14, 14, 3, 1024], 'f16'], ['v.blk.0.attn_q.weight', [1024, 1024], 'f16'], ['mm.0.weight', [1024, 4096], 'f16']],
  });
  for (const [name, file] of [['m-Q4_K_M.gguf', gguf(llama(llama8b))], ['mmproj-F16.gguf', clip]]) writeSparse(join(path, name), [[0, file.header]], file.bytes);
  assert.match(run(['inspect', path]).out, /Vision projector beside it: 11\.1 MiB/);
  const weights = (...more) => json(['estimate', '--model', `${path}/`, '--gpu', 'rtx-4090', '--json', ...more]).response.ledger.entries.filter(({ device, kind }) => device === 'gpu:0' && ['weights', 'vision_tower'].includes(kind)).reduce((sum, { bytes }) => sum + bytes.expected, 0);
  const projector = 2 * (14 * 14 * 3 * 1024 + 1024 * 1024 + 1024 * 4096);
  assert.ok(Math.abs(weights() - weights('--no-mmproj') - projector) < 1024, `${weights()} ${weights('--no-mmproj')}`);
  assert.match(run(['inspect', join(path, 'mmproj-F16.gguf')]).out, /gguf, mmproj, clip/);
});

test('an adapter of PEFT says what it is for', () => {
  const path = join(folder, 'adapter');
  mkdirSync(path);
  const module = 'base_model.model.model.layers.0.self_attn.q_proj.lora_';
  const { header, bytes } = safetensors([[`${module}A.weight`, 'F32', [16, 4096]], [`${module}B.weight`, 'F32', [4096, 16]]]);
  writeSparse(join(path, 'adapter_model.safetensors'), [[0, header]], bytes);
  writeFileSync(join(path, 'adapter_config.json'), JSON.stringify({ peft_type: 'LORA', base_model_name_or_path: 'meta-llama/Llama-3.1-8B', r: 16, target_modules: ['q_proj', 'v_proj'] }));
  for (const named of [path, join(path, 'adapter_config.json')]) {
    const { out } = run(['inspect', named]);
    assert.match(out, /peft, adapter/);
    assert.match(out, /LORA, rank 16, of meta-llama\/Llama-3\.1-8B; on q_proj, v_proj/);
    assert.match(out, /512\.0 KiB/);
  }
  assert.match(run(['estimate', '--model', `${path}/`]).err, /an adapter/);
});

test('an Ollama manifest leads to its blob', () => {
  const models = join(folder, 'models');
  const manifest = join(models, 'manifests/registry.ollama.ai/library/llama3.1');
  mkdirSync(manifest, { recursive: true });
  mkdirSync(join(models, 'blobs'));
  const { header, bytes } = gguf(llama(llama8b));
  const digest = 'ab'.repeat(32);
  writeSparse(join(models, `blobs/sha256-${digest}`), [[0, header]], bytes);
  const layer = (type, sha, size) => ({ mediaType: `application/vnd.ollama.image.${type}`, digest: `sha256:${sha}`, size });
  writeFileSync(join(manifest, '8b'), JSON.stringify({ schemaVersion: 2, config: {}, layers: [layer('license', 'cd'.repeat(32), 10), layer('model', digest, bytes)] }));
  assert.match(run(['inspect', join(manifest, '8b')]).out, /Llama 3\.1 8B[\s\S]*gguf, model, llama/);
  const { response } = json(['estimate', '--model', join(manifest, '8b'), '--engine', 'ollama', '--gpu', 'none', '--json']);
  assert.equal(response.weights.format, 'q4_k_m');
  writeFileSync(join(manifest, 'bad'), JSON.stringify({ schemaVersion: 2, layers: [layer('model', '../../../etc/passwd', 5)] }));
  assert.match(run(['inspect', join(manifest, 'bad')]).err, /no SHA-256 digest/);
});

test('a PyTorch zip of more than 4 GiB', () => {
  const { parts, bytes } = zip([['archive/data.pkl', Buffer.from('x')], ['archive/data/0', { size: 5e9 }], ['archive/data/1', { size: 64 }]], { zip64: true });
  const path = join(folder, 'big.pt');
  writeSparse(path, parts, bytes);
  const { response } = json(['inspect', path, '--json']);
  assert.equal(response.tensor_bytes, 5e9 + 64);
  assert.match(run(['inspect', path]).out, /2 storages, 4\.66 GiB/);
});

test('a config.json that was edited does not change what the tensors are', () => {
  const path = join(folder, 'edited');
  mkdirSync(path);
  const layer = (i) => [['input_layernorm', [64]], ['post_attention_layernorm', [64]], ['self_attn.q_proj', [64, 64]], ['self_attn.k_proj', [32, 64]], ['self_attn.v_proj', [32, 64]], ['self_attn.o_proj', [64, 64]], ['mlp.gate_proj', [128, 64]], ['mlp.up_proj', [128, 64]], ['mlp.down_proj', [64, 128]]].map(([name, shape]) => [`model.layers.${i}.${name}.weight`, 'BF16', shape]);
  const { header, bytes } = safetensors([['model.embed_tokens.weight', 'BF16', [100, 64]], ['model.norm.weight', 'BF16', [64]], ...[0, 1, 2].flatMap(layer)]);
  writeSparse(join(path, 'model.safetensors'), [[0, header]], bytes);
  writeFileSync(join(path, 'config.json'), JSON.stringify({ model_type: 'llama', hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 1, intermediate_size: 128, vocab_size: 100, tie_word_embeddings: true, torch_dtype: 'bfloat16' }));
  const { out } = run(['inspect', path]);
  assert.match(out, /Note: num_key_value_heads is 1 in config\.json, the tensors \(self_attn\.k_proj\) say 2/);
  assert.match(out, /Note: num_hidden_layers is 2 in config\.json, the tensors \(layers\) say 3/);
  assert.match(out, /KV cache per token \(F16\): 384 B/);
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
