import { isExact } from './stats.mjs';
// Which entries of the ledger carry an interval fitted on which term of which set, and how it is fitted.
//
// An interval is to hold a measurement that it has not seen in about nine of ten cases. It is the narrowest one, in
// factors, that holds that share of n + 1 records (the extra one being the unseen: split conformal prediction, Vovk et
// al., "Algorithmic Learning in a Random World", 2005) and the estimate itself. Whether it does is measured by leaving
// each model out in turn (run.mjs); the share asked for here is a little more, since records of one model are alike.
const inside = 0.93;

// of: "entries" (each entry of these kinds), "sum" (their sum on a device), "left" (memory left for a server's cache,
// as a share of the GPU). `from`: set and term, and the case where
// only that is meant; `engine` as the answer names it.
export const fitted = [
  { id: 'llama.cpp/weights', engine: 'llama.cpp', kinds: ['weights'], of: 'entries', from: [['llama_cpp_oracle', 'gpu weights']] },
  { id: 'llama.cpp/cache', engine: 'llama.cpp', kinds: ['kv_cache', 'recurrent_state'], of: 'entries', from: [['llama_cpp_oracle', 'gpu cache']] },
  { id: 'llama.cpp/compute', engine: 'llama.cpp', kinds: ['compute_buffer'], of: 'entries', from: [['llama_cpp_oracle', 'gpu compute']] },
  { id: 'llama.cpp/output', engine: 'llama.cpp', kinds: ['output_buffer'], of: 'entries', from: [['llama_cpp_oracle', 'output buffer']] },
  { id: 'vllm/activations', engine: 'vllm', kinds: ['activations', 'logits'], of: 'entries', from: [['vllm', 'activations per GPU', 'language model'], ['vllm', 'activations per GPU', 'hybrid cache']] },
  { id: 'vllm/graphs', engine: 'vllm', kinds: ['cuda_graphs'], of: 'entries', from: [['vllm', 'graphs per GPU']] },
  { id: 'vllm/non_torch', engine: 'vllm', kinds: ['communication', 'framework'], of: 'entries', from: [['vllm', 'non-torch per GPU']] },
  { id: 'vllm/left', engine: 'vllm', kinds: [], of: 'left', share: 0.9, from: [['vllm', 'KV memory per GPU']] },
  { id: 'context', engine: '*', kinds: ['runtime_context'], of: 'entries', from: [['cuda_overhead', 'outside the allocator per GPU']] },
];

export const setsOf = (definition) => [...new Set(definition.from.map(([set]) => set))];
const belongs = (definition, sample) =>
  definition.from.some(([set, term, only]) => sample.set === set && sample.term === term && (only ?? sample.case) === sample.case);

const ascending = (a, b) => a - b;
const down = (x) => Math.floor(x * 1000) / 1000;
const up = (x) => Math.ceil(x * 1000) / 1000;

// The narrowest window over the sorted deviations, `centre` included; with all of them in it, moved out by one n-th.
function ends(sorted, centre, share = inside) {
  const n = sorted.length;
  const count = Math.ceil((n + 1) * share);
  if (count > n) return [sorted[0], sorted[n - 1]].map((end) => centre + (end - centre) * (1 + 1 / n));
  let best;
  for (let i = 0; i + count <= n; ++i) {
    const window = [Math.min(centre, sorted[i]), Math.max(centre, sorted[i + count - 1])];
    if (!best || window[1] - window[0] < best[1] - best[0]) best = window;
  }
  return best;
}

// The row of core/data/residuals.json for these samples; undefined when there are too few to say anything.
export function fit(definition, samples) {
  const own = samples.filter((s) => belongs(definition, s) && s.expected > 0 && (definition.of !== 'left' || s.capacity));
  if (own.length < 5) return undefined;
  const { id, engine, kinds, of } = definition;
  const source = [...new Set(definition.from.map(([set, term]) => `tests/accuracy/data/${set}.json, ${term}`))].join('; ');
  const sizes = own.map((s) => s.expected).sort(ascending);
  const row = { id, engine, kinds, of, low: 1, high: 1, records: own.length, from: sizes[0], to: sizes.at(-1), source };
  if (of === 'left') {
    const [low, high] = ends(own.map((s) => (s.measured - s.expected) / s.capacity).sort(ascending), 0, definition.share);
    return { ...row, low: Math.min(0, down(low)), high: Math.max(0, up(high)) };
  }
  if (own.filter((s) => isExact(s)).length >= inside * own.length) return row;
  const factor = (s) => Math.log(Math.max(s.measured, s.half, 1) / s.expected);
  const [low, high] = ends(own.map(factor).sort(ascending), 0).map(Math.exp);
  return { ...row, low: Math.max(0, Math.min(1, down(low))), high: Math.max(1, up(high)) };
}

export const fitAll = (samples) => fitted.map((definition) => fit(definition, samples)).filter(Boolean);
