// The verdict in words, with its numbers. Pure: a response in, texts out.
import { count, device, kind, parameters, range, size } from './format.js';

const gpuPeaks = (response) => response.ledger.peaks.filter((peak) => peak.device.startsWith('gpu'));
const fullest = (response) =>
  gpuPeaks(response).reduce((most, peak) => (most && most.bytes.expected >= peak.bytes.expected ? most : peak), undefined);

// Expected bytes on all GPUs together.
export const onAllGpus = (response) => gpuPeaks(response).reduce((sum, peak) => sum + peak.bytes.expected, 0);

// {state, word, sentence, brief, subject, detail}; `state` is "fits", "tight", "does_not_fit" or "unknown".
export function verdict(response, unit) {
  const peak = fullest(response);
  const need = peak?.bytes ?? { low: 0, expected: 0, high: 0 };
  const capacity = response.gpu?.memory_bytes ?? null;
  const several = (response.gpu?.count ?? 1) > 1 || gpuPeaks(response).length > 1;
  const where = several && peak ? ` on ${device(peak.device)}, the fullest of ${Math.max(response.gpu?.count ?? 1, gpuPeaks(response).length)}` : '';
  const host = response.ledger.peaks.find((item) => item.device === 'host');
  const ram = host && host.bytes.expected > 0 ? `System RAM: ${size(host.bytes.expected, unit)}.` : '';
  const between = need.low === need.high ? '' : `Range: ${range(need, unit)}.`;
  const details = (...parts) => parts.filter(Boolean).join(' ');
  const base = { subject: subject(response), brief: `${size(need.expected, unit)} of ${capacity === null ? '' : size(capacity, unit)}` };

  if (capacity === null) {
    return { ...base, state: 'unknown', word: 'Needs', brief: size(need.expected, unit), sentence: `${size(need.expected, unit)} of GPU memory${where}.`, detail: details(between, ram) };
  }
  const uses = `${size(need.expected, unit)} of ${size(capacity, unit)}${where}`;
  if (response.verdict === 'does_not_fit') {
    const first = response.first_that_does_not_fit;
    return {
      ...base,
      state: 'does_not_fit',
      word: 'Does not fit',
      sentence: `needs ${size(need.expected, unit)}${where}, has ${size(capacity, unit)}: ${size(-response.headroom_bytes, unit)} short.`,
      detail: details(first && `First that does not fit: ${first.label || kind(first.kind)}${several ? ` on ${device(first.device)}` : ''}.`, between, ram),
    };
  }
  const spare = `${size(response.headroom_bytes, unit)} to spare`;
  if (response.verdict === 'tight') {
    return { ...base, state: 'tight', word: 'Tight', sentence: `needs ${uses}, ${spare}, but may take up to ${size(need.high, unit)}.`, detail: details(between, ram) };
  }
  return { ...base, state: 'fits', word: 'Fits', sentence: `needs ${uses}, ${spare}.`, detail: details(between, ram) };
}

// "Llama 3.1 8B (8.03 B), Q4_K_M, 8,192 tokens × 1, KV F16, llama.cpp, GeForce RTX 4090"
export function subject(response) {
  const { model, weights, kv_cache: kv, gpu, engine } = response;
  const title = model.name || model.id || model.model_type || 'this model';
  const cache = kv.k === kv.v ? kv.k : `${kv.k}/${kv.v}`;
  return [
    model.parameters ? `${title} (${parameters(model.parameters)} parameters)` : title,
    weights.name || weights.format,
    `${count(response.context)} tokens${response.sequences > 1 ? ` × ${count(response.sequences)}` : ''}`,
    `${cache} cache`,
    engine.name,
    gpu ? `${gpu.count > 1 ? `${gpu.count} × ` : ''}${gpu.name || gpu.id || `${size(gpu.memory_bytes, 'GiB')} GPU`}` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

// "must be whole" → "Must be whole."; names of fields stay as they are.
export function sentence(message) {
  const ended = /[.!?]$/.test(message) ? message : `${message}.`;
  return /^[a-z]+\s/.test(ended) ? ended.charAt(0).toUpperCase() + ended.slice(1) : ended;
}

// One error in one line.
export const errorText = ({ message, expected }) => `${sentence(message)}${expected ? ` Valid: ${expected}.` : ''}`;
