// What a measured figure is in our answer. A term is a name, a unit, and how it is read from the answer.

const none = { low: 0, expected: 0, high: 0 };
const plus = (a, b) => ({ low: a.low + b.low, expected: a.expected + b.expected, high: a.high + b.high });

// The sum of the ledger's entries of these kinds on these devices ("gpu" is every GPU, "gpu:1" one).
export function entries(answer, kinds, device = 'gpu') {
  const list = [kinds].flat();
  return answer.ledger.entries
    .filter((entry) => list.includes(entry.kind) && (entry.device === device || entry.device.startsWith(`${device}:`)))
    .map((entry) => entry.bytes)
    .reduce(plus, none);
}

const point = (number) => ({ low: number, expected: number, high: number });
export const gpus = (answer) => [...new Set(answer.ledger.entries.map((e) => e.device).filter((d) => d.startsWith('gpu:')))];

// The largest over the GPUs of what `read` finds on one.
const fullest = (answer, read) =>
  gpus(answer).map((device) => read(device)).reduce((a, b) => (b.expected > a.expected ? b : a), none);

// A named figure of the engine (docs/api.md: engine.figures). Undefined when the engine does not give it.
export function figure(answer, name) {
  const found = answer.engine.figures.find((f) => f.name === name);
  if (!found) return undefined;
  return { low: found.low ?? found.number, expected: found.number, high: found.high ?? found.number };
}

// The peak of a GPU without what other programs hold.
function process(answer, device) {
  const peak = answer.ledger.peaks.find((p) => p.device === device);
  const others = entries(answer, 'reserved', device);
  return { low: peak.bytes.low - others.low, expected: peak.bytes.expected - others.expected, high: peak.bytes.high - others.high };
}

// The first GPU in a training step, without the kinds named.
const training = (answer, without) =>
  answer.ledger.entries
    .filter((entry) => entry.device === 'gpu:0' && !without.includes(entry.kind))
    .map((entry) => entry.bytes)
    .reduce(plus, none);

const cache = ['kv_cache', 'recurrent_state'];
const bytes = (read) => ({ unit: 'bytes', read });
const largest = (kinds) => bytes((answer) => fullest(answer, (device) => entries(answer, kinds, device)));
const all = (kinds, device) => bytes((answer) => entries(answer, kinds, device));
const tower = ['weights', 'vision_tower'];

export const terms = {
  // Sums over all GPUs, and what lies in RAM; without the vision tower, which llama.cpp loads from a file of its own.
  'gpu weights': all('weights', 'gpu'),
  'gpu cache': all('kv_cache', 'gpu'),
  'gpu state': all('recurrent_state', 'gpu'),
  'gpu compute': all(['compute_buffer', 'activations'], 'gpu'),
  'host weights': all('weights', 'host'),
  'host cache': all(cache, 'host'),
  'host compute': all(['compute_buffer', 'activations'], 'host'),
  'output buffer': all('output_buffer', 'host'),
  'gpu total': all(['weights', ...cache, 'compute_buffer', 'activations', 'logits'], 'gpu'),
  // Anywhere: logs often sum over devices.
  weights: bytes((answer) => plus(entries(answer, tower, 'gpu'), entries(answer, tower, 'host'))),
  'kv cache': bytes((answer) => plus(entries(answer, 'kv_cache', 'gpu'), entries(answer, 'kv_cache', 'host'))),
  'recurrent state': bytes((answer) => plus(entries(answer, 'recurrent_state', 'gpu'), entries(answer, 'recurrent_state', 'host'))),
  // The fullest GPU: what servers print per GPU.
  'weights per GPU': largest(tower),
  // Prefill and sampling come one after the other: the larger of the two.
  'activations per GPU': bytes((answer) => fullest(answer, (device) => {
    const [forward, sampler] = [entries(answer, ['activations', 'compute_buffer'], device), entries(answer, 'logits', device)];
    return { low: Math.max(forward.low, sampler.low), expected: Math.max(forward.expected, sampler.expected), high: Math.max(forward.high, sampler.high) };
  })),
  'graphs per GPU': largest('cuda_graphs'),
  'context per GPU': largest('runtime_context'),
  'outside the allocator per GPU': largest(['runtime_context', 'framework']),
  'communication per GPU': largest('communication'),
  'non-torch per GPU': largest(['communication', 'framework']),
  'process peak': bytes((answer) => fullest(answer, (device) => process(answer, device))),
  'cache per GPU': largest([...cache, 'kv_pool']),
  // The engine's own words (docs/api.md: engine.figures).
  'kv tokens': { unit: 'tokens', read: (answer) => figure(answer, 'kv_cache_tokens') },
  'max concurrency': { unit: 'requests', read: (answer) => figure(answer, 'max_concurrency') },
  'KV memory per GPU': bytes((answer) => figure(answer, 'available_kv_cache_memory')),
  'bytes per token per GPU': bytes((answer) => figure(answer, 'kv_bytes_per_token_per_gpu')),
  'bytes per token': bytes((answer) => point(answer.model.kv_bytes_per_token.full + answer.model.kv_bytes_per_token.windowed)),
  // torch.cuda.max_memory_allocated() of a framework: from what lives at once to all that may be held.
  'peak allocated': bytes((answer) => {
    const allocated = figure(answer, 'max_memory_allocated');
    return allocated && { low: allocated.low, expected: allocated.expected, high: Math.max(allocated.high, fullest(answer, (device) => process(answer, device)).high) };
  }),
  // Training: what PyTorch's allocator hands out at most, what it holds, and what nvidia-smi says of the process.
  'training peak': bytes((answer) => training(answer, ['reserved', 'runtime_context', 'framework', 'fragmentation'])),
  'training reserved': bytes((answer) => training(answer, ['reserved', 'runtime_context', 'framework'])),
  'training process': bytes((answer) => training(answer, ['reserved'])),
  parameters: { unit: 'parameters', read: (answer) => point(answer.model.parameters) },
};
