// What llama.cpp itself reports for 109 shapes and thousands of settings, to the byte (README.md: data/llama_cpp_oracle.json).
import { entries } from '../terms.mjs';

export const title = 'llama.cpp 0.5.0, its own figures for 109 shapes';
export const source = 'https://github.com/ggml-org/llama.cpp';
export const refusals = true; // a shape whose architecture is not understood is counted with the reason

export const rows = ({ columns, rows: list }) =>
  list.map((values, id) => Object.fromEntries([['id', id], ...columns.map((name, i) => [name, values[i]])]));

// 0 and -1 stand for the engine's default, which the border takes by leaving the key out.
const chosen = (value, none) => (value === none ? undefined : value);

export function request(row, { models }) {
  return {
    op: 'estimate',
    model: { config: models[row.model].config, fused_qkv: models[row.model].fused_qkv },
    weights: row.weights,
    kv_cache: { k: row.type_k, v: row.type_v },
    context: row.n_ctx,
    engine: {
      name: 'llama.cpp',
      n_ctx: row.n_ctx,
      n_batch: row.n_batch,
      n_ubatch: row.n_ubatch,
      n_seq_max: row.n_seq_max,
      n_gpu_layers: chosen(row.n_gpu_layers, -1),
      n_cpu_moe: row.n_cpu_moe,
      n_outputs_max: chosen(row.n_outputs_max, 0),
      flash_attn: row.flash_attn !== 0,
      kv_unified: row.kv_unified !== 0,
      swa_full: row.swa_full !== 0,
      offload_kqv: row.offload_kqv !== 0,
    },
    gpu: { memory_gib: 80, count: row.gpus },
  };
}

const kindsOf = { weights: ['weights'], cache: ['kv_cache', 'recurrent_state'], compute: ['compute_buffer'] };
const columnOf = { weights: 'model', cache: 'context', compute: 'compute' };

function placeOf(row) {
  if (row.gpus > 1) return 'several GPUs';
  if (row.n_cpu_moe !== 0) return 'experts in RAM';
  if (row.n_gpu_layers === 0) return 'no layer on the GPU';
  if (row.n_gpu_layers > 0) return 'some layers on the GPU';
  return row.offload_kqv ? 'all on one GPU' : 'cache in RAM';
}

export function samples(answer, row, { models }) {
  const of = { engine: 'llama.cpp', version: '0.5.0', model: models[row.model].name, arch: models[row.model].arch, case: placeOf(row) };
  const list = [];
  for (const [name, kinds] of Object.entries(kindsOf)) {
    row[`gpu_${columnOf[name]}`].forEach((measured, gpu) =>
      list.push({ ...of, term: `gpu ${name}`, measured, ...entries(answer, kinds, `gpu:${gpu}`) }));
    list.push({ ...of, term: `host ${name}`, measured: row[`host_${columnOf[name]}`], ...entries(answer, kinds, 'host') });
  }
  // Everything is in bytes but this buffer, which is only printed: in MiB with two decimals.
  list.push({
    ...of, term: 'output buffer', measured: row.output, half: 0.005 * 2 ** 20, ...entries(answer, ['output_buffer'], 'host') });
  return list;
}
