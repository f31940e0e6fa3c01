// Times the engine natively and as wasm in this node, beside fitllm-engine in the same process, and weighs the files.
// Writes build/bench.json and README's block. `make bench` builds what it needs.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync, existsSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import * as fitllm from 'fitllm-engine';
import { call, load, sweep } from '../../build/wasm/dist/node.js';
import { fillBlock } from '../readme/blocks.mjs';
import { requests, sweeps } from './requests.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

// Median time of one call in microseconds, over a second of samples of at least 0.1 ms each.
function time(work) {
  const sample = (calls) => {
    const start = performance.now();
    for (let i = 0; i < calls; ++i) work();
    return (performance.now() - start) * 1e3 / calls;
  };
  for (const end = performance.now() + 300; performance.now() < end;) work();
  const calls = Math.max(1, Math.ceil(100 / sample(10)));
  const samples = [];
  for (const end = performance.now() + 1000; performance.now() < end;) samples.push(sample(calls));
  return median(samples);
}

function nativeTimes(texts) {
  const { stdout, status, stderr } = spawnSync(`${root}build/release/tests/bench/vram_bench`,
    { input: `${texts.join('\n')}\n`, encoding: 'utf8' });
  if (status !== 0) throw new Error(`vram_bench: ${stderr}`);
  return stdout.trim().split('\n').map(Number);
}

const brotliBytes = (file) => brotliCompressSync(readFileSync(root + file)).length;
const engineBytes = (build, name) => brotliBytes(`build/${build}/dist/${name}.wasm`) + brotliBytes(`build/${build}/dist/${name}.js`);

function loadAndFirstEstimate() {
  const code = `
    const start = performance.now();
    const { call, load } = await import(${JSON.stringify(`${root}build/wasm/dist/node.js`)});
    await load();
    call(${JSON.stringify(JSON.stringify(Object.values(requests)[0]))});
    console.log(performance.now() - start);`;
  const runs = Array.from({ length: 11 }, () =>
    Number(spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }).stdout));
  return median(runs);
}

await load();
const texts = Object.values(requests).map((request) => JSON.stringify(request));
for (const text of texts) {
  const answer = JSON.parse(call(text));
  if (!answer.ok) throw new Error(`${text}: ${answer.error.message}`);
}

// The peer is plain JavaScript in the same function: its input changes and its result is used, or the compiler would
// take the whole call out of the loop.
let turn = 0;
let sum = 0;
const nextContext = () => 8192 + (turn++ & 1023);
const model = fitllm.LOCAL_MODELS.find(({ name }) => name === 'Llama-3.1-8B-Instruct');
const device = fitllm.gpuDevice(fitllm.GPUS.find(({ name }) => name === 'RTX 4090'));
const quant = { weightBpw: 4.8944, kvBits: 16 }; // Q4_K_M, as its README has it
const peer = {
  name: `fitllm-engine ${fitllm.ENGINE_VERSION}`,
  estimate_us: time(() => { sum += fitllm.simulate(model, device, nextContext(), quant).used; }),
  max_context_us: time(() => {
    sum += fitllm.calcMaxContext(fitllm.LOCAL_MODELS[turn++ % fitllm.LOCAL_MODELS.length], device, quant);
  }),
};

if (!Number.isFinite(sum)) throw new Error(`${peer.name} gave no number`);

// The peer has no sweep: its estimate, as often.
const grids = Object.entries(sweeps).map(([name, request]) => {
  const { ok, cells, refused, error } = sweep(request);
  if (!ok || refused) throw new Error(`${name}: ${error?.message ?? `${refused} cells refused`}`);
  return { name, cells, us_per_cell: time(() => sweep(request)) / cells };
});

const native = nativeTimes(texts);
const pageFile = `${root}build/page.json`;
const result = {
  machine: `${os.cpus()[0].model.trim()}, ${os.cpus().length} cores, node ${process.versions.node}`,
  calls: Object.keys(requests).map((name, index) => ({
    name, native_us: native[index], wasm_us: time(() => call(texts[index])),
  })),
  sweeps: grids,
  load_and_first_estimate_ms: loadAndFirstEstimate(),
  first_estimate_after_navigation_ms: existsSync(pageFile) ? JSON.parse(readFileSync(pageFile, 'utf8')).first_estimate_ms?.median ?? null : null,
  brotli_bytes: {
    language_without_catalogue: engineBytes('wasm-bare', 'vram-language'),
    language: engineBytes('wasm', 'vram-language'),
    whole: engineBytes('wasm', 'vram'),
  },
  peer,
};
writeFileSync(`${root}build/bench.json`, `${JSON.stringify(result, null, 2)}\n`);

const us = (value) => (value < 1000 ? `${value.toPrecision(value < 10 ? 2 : 3)} µs` : `${(value / 1000).toPrecision(3)} ms`);
const times = (ratio) => `${Number(ratio.toPrecision(2))}×`;
const kilobytes = (value) => `${(value / 1000).toFixed(1)} kB`;
const byName = Object.fromEntries(result.calls.map((one) => [one.name, one]));
const table = `
| one call, median | native | wasm in node |
|---|--:|--:|
${result.calls.map(({ name, native_us, wasm_us }) => `| ${name} | ${us(native_us)} | ${us(wasm_us)} |`).join('\n')}
| *${peer.name}, its estimate* | | *${us(peer.estimate_us)}* |
| *${peer.name}, its largest context* | | *${us(peer.max_context_us)}* |

${peer.name} is ${times(byName['estimate, Llama 3.1 8B'].wasm_us / peer.estimate_us)} faster at an estimate and ${
  times(byName.max_context.wasm_us / peer.max_context_us)} at the largest context, in the same node process: it computes
fewer terms (weights, cache and a linear overhead; no compute buffer, no interval, no formula or source per entry, no JSON)
and its largest context is a closed form where ours searches with the whole estimate.

| 10,000 set-ups in one call (\`sweep\`), wasm in node | ledgers a second | each |
|---|--:|--:|
${result.sweeps.map(({ name, us_per_cell }) => `| ${name} | ${Math.round(1e3 / us_per_cell).toLocaleString('en-US')},000 | ${us(us_per_cell)} |`).join('\n')}
| *${peer.name}, its estimate in a loop* | *${Math.round(1e3 / peer.estimate_us).toLocaleString('en-US')},000* | *${us(peer.estimate_us)}* |

| weight, brotli | wasm + loader |
|---|--:|
| what a first visit asks (\`vram-estimator/language\`), without catalogue | ${kilobytes(result.brotli_bytes.language_without_catalogue)} |
| with the model and GPU catalogue | ${kilobytes(result.brotli_bytes.language)} |
| everything (\`vram-estimator\`) | ${kilobytes(result.brotli_bytes.whole)} |

From nothing to the first estimate: ${result.load_and_first_estimate_ms.toFixed(0)} ms in node${
  result.first_estimate_after_navigation_ms === null ? '' : `, ${result.first_estimate_after_navigation_ms.toFixed(0)} ms in Chromium after navigation`}.
Measured on ${result.machine}.
`;
console.log(table);
fillBlock('bench', table);

const missed = [];
if (byName['estimate, Llama 3.1 8B'].wasm_us > 60) missed.push('one estimate in node takes more than 60 µs');
if (result.brotli_bytes.language_without_catalogue > 90000) missed.push('the engine weighs more than 90 kB');
for (const { name, us_per_cell } of grids) {
  if (us_per_cell > 5) missed.push(`a sweep (${name}) gives fewer than 200,000 ledgers a second`);
}
for (const target of missed) console.log(`TARGET MISSED: ${target}`);
