// Asks a real llama.cpp again for a sample of the recorded settings, and fails when it no longer says what was recorded.
// For developers: not part of the tests. README.md: "Drift".
//   VRAM_LLAMA_CPP='python3 oracle.py -' node tests/accuracy/drift.mjs [--every 97] [--model NAME]
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const command = process.env.VRAM_LLAMA_CPP;
if (!command) {
  console.log('VRAM_LLAMA_CPP is not set: no engine to ask, nothing compared');
  process.exit(0);
}
const option = (name, fallback) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : process.argv[at + 1];
};
const every = Number(option('--every', 97));
const only = option('--model', '');

const { models, columns, rows } = JSON.parse(readFileSync(new URL('data/llama_cpp_oracle.json', import.meta.url)));
const named = (values) => Object.fromEntries(columns.map((name, i) => [name, values[i]]));

// The shape in the form that the measuring program takes: config.json keys, the GGUF architecture, and what of the file
// no config says.
function shapeOf({ name, arch, config }) {
  const shape = { ...config, _name: `drift ${name}`, _arch: arch };
  const scaling = config.rope_scaling?.rope_type ?? config.rope_scaling?.type;
  if (scaling === 'llama3') shape._rope_freqs = 1;
  if (scaling === 'longrope') shape._rope_factors = 1;
  if (config.topk_method === 'noaux_tc') shape._exp_bias = 1;
  for (const key of ['rope_scaling', 'torch_dtype', 'model_type']) delete shape[key];
  return shape;
}

function optionsOf(row) {
  const options = {
    n_ctx: row.n_ctx, flash_attn: row.flash_attn ? 'on' : 'off', n_ubatch: row.n_ubatch, n_batch: row.n_batch,
    n_seq_max: row.n_seq_max, kv_unified: row.kv_unified !== 0, type_k: row.type_k, type_v: row.type_v,
    swa_full: row.swa_full !== 0, offload_kqv: row.offload_kqv !== 0,
  };
  if (row.n_outputs_max > 0) options.n_outputs_max = row.n_outputs_max;
  if (row.n_gpu_layers >= 0) options.n_gpu_layers = row.n_gpu_layers;
  if (row.n_cpu_moe !== 0) options.cpu_tensors = ['_exps'];
  return options;
}

const quantOf = (weights) => weights.replace('gguf_', '').replace('_moe', '').toUpperCase();

// Bytes per GPU and of everything in RAM, as the engine reports its buffers.
function ask(row) {
  const request = { model: shapeOf(models[row.model]), quant: quantOf(row.weights), options: [optionsOf(row)] };
  const run = spawnSync(command, {
    shell: true, input: JSON.stringify(request), encoding: 'utf8', timeout: 300_000,
    env: { ...process.env, STUB_CUDA_N: String(row.gpus) } });
  const line = run.stdout.split('\n').find((text) => text.startsWith('{'));
  if (!line) throw new Error(run.stderr.trim().split('\n').pop() || 'no answer');
  const { result, engine } = JSON.parse(line);
  if (!result.buffers) throw new Error(result.error ?? 'no buffers in the answer');
  const gpus = [];
  const host = { model: 0, context: 0, compute: 0 };
  for (const [name, bytes] of Object.entries(result.buffers).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (/^CUDA\d+$/.test(name)) gpus.push(bytes);
    else for (const kind of Object.keys(host)) host[kind] += bytes[kind];
  }
  return { gpus, host, engine };
}

let asked = 0, drifted = 0, failed = 0;
for (let i = 0; i < rows.length; i += every) {
  const row = named(rows[i]);
  const { name } = models[row.model];
  if (only && name !== only) continue;
  try {
    const { gpus, host, engine } = ask(row);
    ++asked;
    if (asked === 1) console.log(`engine: ${engine}`);
    const differences = [];
    for (const kind of ['model', 'context', 'compute']) {
      row[`gpu_${kind}`].forEach((bytes, gpu) => {
        if (gpus[gpu]?.[kind] !== bytes) differences.push(`gpu:${gpu} ${kind} ${bytes} -> ${gpus[gpu]?.[kind]}`);
      });
      if (row[`host_${kind}`] !== host[kind]) differences.push(`host ${kind} ${row[`host_${kind}`]} -> ${host[kind]}`);
    }
    if (differences.length) {
      ++drifted;
      console.log(`${name} ${JSON.stringify(optionsOf(row))} ${row.weights}\n  ${differences.join('\n  ')}`);
    }
  } catch (problem) {
    ++failed;
    console.log(`${name}: ${problem.message}`);
  }
}
console.log(`${asked} settings asked again, ${drifted} drifted, ${failed} without an answer`);
process.exit(drifted || failed || !asked ? 1 : 0);
