// The verdict in words, with its numbers. Pure: a response in, texts out.
import { count, device, kind, parameters, range, size } from './format.js';
import { t } from './i18n.js';

const gpuPeaks = (response) => response.ledger.peaks.filter((peak) => peak.device.startsWith('gpu'));
const fullest = (response) =>
  gpuPeaks(response).reduce((most, peak) => (most && most.bytes.expected >= peak.bytes.expected ? most : peak), undefined);

// Expected bytes on all GPUs together.
export const onAllGpus = (response) => gpuPeaks(response).reduce((sum, peak) => sum + peak.bytes.expected, 0);

// `of` says what was estimated. {state, word, sentence, brief, subject, detail}; `state` is "fits", "tight", "does_not_fit" or "unknown".
export function verdict(response, unit, of = subject(response)) {
  const peak = fullest(response);
  const need = peak?.bytes ?? { low: 0, expected: 0, high: 0 };
  const capacity = response.gpu?.memory_bytes ?? null;
  const several = (response.gpu?.count ?? 1) > 1 || gpuPeaks(response).length > 1;
  const where = several && peak ? ` ${t('verdict-where', { device: device(peak.device), count: Math.max(response.gpu?.count ?? 1, gpuPeaks(response).length) })}` : '';
  const host = response.ledger.peaks.find((item) => item.device === 'host');
  const ram = host && host.bytes.expected > 0 ? t('verdict-ram', { size: size(host.bytes.expected, unit) }) : '';
  const between = need.low === need.high ? '' : t('verdict-range', { range: range(need, unit) });
  const details = (...parts) => parts.filter(Boolean).join(' ');
  const base = { subject: of, brief: capacity === null ? size(need.expected, unit) : t('of-size', { need: size(need.expected, unit), capacity: size(capacity, unit) }) };

  if (capacity === null) {
    return { ...base, state: 'unknown', word: t('verdict-needs'), sentence: t('verdict-needs-only', { need: size(need.expected, unit), where }), detail: details(between, ram) };
  }
  const uses = t('verdict-uses', { need: size(need.expected, unit), capacity: size(capacity, unit), where });
  if (response.verdict === 'does_not_fit') {
    const first = response.first_that_does_not_fit;
    return {
      ...base,
      state: 'does_not_fit',
      word: t('verdict-does_not_fit'),
      sentence: t('verdict-short-sentence', { need: size(need.expected, unit), where, capacity: size(capacity, unit), short: size(-response.headroom_bytes, unit) }),
      detail: details(first && t(several ? 'verdict-first-where' : 'verdict-first', { what: first.label || kind(first.kind), device: device(first.device) }), between, ram),
    };
  }
  const spare = size(response.headroom_bytes, unit);
  if (response.verdict === 'tight') {
    return { ...base, state: 'tight', word: t('verdict-tight'), sentence: t('verdict-tight-sentence', { uses, spare, high: size(need.high, unit) }), detail: details(between, ram) };
  }
  return { ...base, state: 'fits', word: t('verdict-fits'), sentence: t('verdict-fits-sentence', { uses, spare }), detail: details(between, ram) };
}

// "Llama 3.1 8B (8.03 B), Q4_K_M, 8,192 tokens × 1, KV F16, llama.cpp, GeForce RTX 4090"
export function subject(response) {
  const { model, weights, kv_cache: kv, gpu, engine } = response;
  const title = model.name || model.id || model.model_type || t('this-model');
  const cache = kv.k === kv.v ? kv.k : `${kv.k}/${kv.v}`;
  return [
    model.parameters ? t('subject-model', { name: title, parameters: parameters(model.parameters) }) : title,
    weights.name || weights.format,
    t(response.sequences > 1 ? 'subject-context-sequences' : 'subject-context', { tokens: count(response.context), sequences: count(response.sequences) }),
    t('subject-cache', { type: cache }),
    engine.name,
    gpu ? `${gpu.count > 1 ? `${gpu.count} × ` : ''}${gpu.name || gpu.id || t('subject-gpu-size', { size: size(gpu.memory_bytes, 'GiB') })}` : '',
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
export const errorText = ({ message, expected }) => (expected ? t('error-valid', { message: sentence(message), expected }) : sentence(message));
