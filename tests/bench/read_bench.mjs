// Reading headers, beside the other readers of npm, in one node process: medians. `make wasm`, then
//   npm ci --prefix tests/bench        @huggingface/gguf and node-llama-cpp, without the latter's binaries
//   node tests/bench/read_bench.mjs
import { mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { load, readFile } from '../../build/wasm/dist/node.js';
import { gguf, llama, llama3Tokenizer, safetensors, writeSparse } from '../files/make.mjs';

// The engine's memory, seen from outside: what it starts with and what it grows by.
let engineBytes = 0;
const { instantiate } = WebAssembly;
const { grow } = WebAssembly.Memory.prototype;
WebAssembly.instantiate = async (...given) => {
  const made = await instantiate(...given);
  for (const item of Object.values((made.instance ?? made).exports)) if (item instanceof WebAssembly.Memory) engineBytes += item.buffer.byteLength;
  return made;
};
WebAssembly.Memory.prototype.grow = function (pages) {
  engineBytes += 65536 * pages;
  return grow.call(this, pages);
};

await load();
const folder = mkdtempSync(join(os.tmpdir(), 'vram-read-'));
const median = values => values.sort((a, b) => a - b)[values.length >> 1];

// Milliseconds, median of `count` runs after one to warm up.
async function time(work, count = 15) {
  await work();
  const times = [];
  for (let i = 0; i < count; ++i) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return median(times);
}

const results = {};
try {
  const { metadata, tensors } = llama({ layers: 32, hidden: 4096, heads: 32, kv: 8, ffn: 14336, vocab: 128256, context: 131072, types: { '*': 'q4_k', output: 'q6_k' }, name: 'Llama 3.1 8B', fileType: 15 });
  const { header, bytes } = gguf({ metadata: [...metadata, ...llama3Tokenizer()], tensors });
  const path = join(folder, 'llama-3.1-8b.gguf');
  writeSparse(path, [[0, header]], bytes);
  const held = new Uint8Array(header);
  const sources = { files: [{ name: 'm.gguf', bytes }] };
  const memory = async (name, offset, length) => held.subarray(offset, offset + length);
  // The first reading of all: the engine, one chunk and what was kept of the header.
  let chunk = 0;
  const before = engineBytes;
  const answer = await readFile(sources, async (name, offset, length) => {
    const bytes = await memory(name, offset, length);
    chunk = Math.max(chunk, bytes.length);
    return bytes;
  });
  if (!answer.ok) throw new Error(answer.error.message);
  results.header_bytes = header.length;
  results.file_value_bytes = JSON.stringify(answer.file).length;
  results.engine_bytes_before = before;
  results.engine_bytes_grown = engineBytes - before;
  results.largest_chunk_bytes = chunk;
  // In turns with copying the same bytes into memory of a module of the same kind, so that both meet the same machine.
  const wasm = new Uint8Array(new WebAssembly.Memory({ initial: Math.ceil(header.length / 65536) + 1 }).buffer);
  const turns = { ours: [], copy: [] };
  for (let i = 0; i < 60; ++i) {
    let start = performance.now();
    await readFile(sources, memory);
    turns.ours.push(performance.now() - start);
    start = performance.now();
    wasm.set(held);
    turns.copy.push(performance.now() - start);
  }
  results.ours_ms = median(turns.ours.slice(10));
  results.copy_ms = median(turns.copy.slice(10));
  const disk = async (name, offset, length) => {
    const into = new Uint8Array(length);
    return into.subarray(0, readSync(file, into, 0, length, offset));
  };
  const file = openSync(path, 'r');
  results.ours_from_disk_ms = await time(() => readFile(sources, disk));

  const others = { huggingface_gguf_ms: () => import('@huggingface/gguf').then(({ gguf: read }) => () => read(path, { allowLocalFile: true })), node_llama_cpp_ms: () => import('node-llama-cpp').then(({ readGgufFileInfo: read }) => () => read(path, { logWarnings: false })) };
  for (const [key, reader] of Object.entries(others)) {
    const read = await reader().catch(() => console.log(`${key}: not installed (npm ci --prefix tests/bench)`));
    if (read) results[key] = await time(read, 5);
  }

  // A thousand shards of a hundred tensors each.
  const shards = Array.from({ length: 1000 }, (_, s) => {
    const list = Array.from({ length: 100 }, (_, i) => [`model.layers.${s % 61}.mlp.experts.${(s * 100 + i) % 1640}.${['gate', 'up', 'down'][i % 3]}_proj.${s}.weight`, 'BF16', [8, 8]]);
    return { name: `model-${String(s + 1).padStart(5, '0')}-of-01000.safetensors`, list, ...safetensors(list) };
  });
  const weight_map = {};
  for (const shard of shards) for (const [name] of shard.list) weight_map[name] = shard.name;
  const index = Buffer.from(JSON.stringify({ metadata: { total_size: 12800000 }, weight_map }));
  const byName = new Map(shards.map(shard => [shard.name, shard.header]));
  const all = { files: [{ name: 'model.safetensors.index.json', bytes: index.length }, ...shards.map(({ name, bytes: size }) => ({ name, bytes: size }))], complete: true };
  const shardRead = async (name, offset, length) => (byName.get(name) ?? index).subarray(offset, offset + length);
  const sharded = await readFile(all, shardRead);
  if (!sharded.ok || sharded.file.tensor_count !== 100000) throw new Error(JSON.stringify(sharded).slice(0, 300));
  results.shards_ms = await time(() => readFile(all, shardRead), 5);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const rounded = Object.fromEntries(Object.entries(results).map(([key, value]) => [key, Number(value.toFixed(3))]));
console.log(JSON.stringify(rounded, null, 2));
const factor = (a, b) => (a / b).toFixed(1);
if (results.huggingface_gguf_ms) console.log(`@huggingface/gguf takes ${factor(results.huggingface_gguf_ms, results.ours_ms)} times as long (target 60)`);
if (results.node_llama_cpp_ms) console.log(`node-llama-cpp takes ${factor(results.node_llama_cpp_ms, results.ours_ms)} times as long (target 8)`);
console.log(`copying the bytes takes 1/${factor(results.ours_ms, results.copy_ms)} of it (target 1/3)`);
console.log(`memory: the engine grows by ${factor(results.engine_bytes_grown, results.header_bytes)} headers, the largest chunk is ${factor(results.largest_chunk_bytes, results.header_bytes)} (target 2.0 together)`);
console.log(`1,000 shards, 100,000 tensors: ${results.shards_ms.toFixed(1)} ms (target 150)`);
