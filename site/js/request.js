// The form's state as a request of docs/api.md. Text that is no number goes to the engine as it was typed: there is one
// place that says what is valid, and its errors name the field.
import { engineNamed } from './engines.js';
import { t } from './i18n.js';

// "8192", "8,192", "8.192" (counts are whole), "8k" (1024) → 8192; "" → undefined; anything else → the text itself.
export function typedCount(text) {
  const match = /^([+-]?\d+(?:\.\d+)?)\s*([km]?)$/i.exec(bare(/^\s*\d{1,3}(\.\d{3})+\s*$/.test(text) ? text.replaceAll('.', '') : text));
  if (!match) return text.trim() === '' ? undefined : text;
  return Number(match[1]) * { '': 1, k: 1024, m: 1 << 20 }[match[2].toLowerCase()];
}

// "24", "23.5", "23,5" → number; "" → undefined; anything else → the text itself.
export function typedNumber(text) {
  const compact = bare(text).replace(/^([+-]?\d+),(\d{1,2})$/, '$1.$2');
  if (compact === '') return undefined;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(compact) ? Number(compact) : text;
}

const bare = (text) => text.trim().replace(/(?<=\d)[,\u00a0\u202f' ](?=\d{3}(?!\d))/g, '');

const fractional = new Set(['parameters_billion', 'vision_tower_gib', 'fragmentation_factor', 'bits_per_weight']);

function typedFields(fields, text = []) {
  const result = {};
  for (const [key, value] of Object.entries(fields)) {
    const number = text.includes(key) ? value : fractional.has(key) ? typedNumber(value) : typedCount(value);
    if (number !== undefined && number !== '') result[key] = number;
  }
  return result;
}

// Line and column of a JSON.parse error, where the browser tells; else its own words.
function jsonError(text, error) {
  const position = /position (\d+)/.exec(error.message)?.[1];
  if (position === undefined || /line \d+/.test(error.message)) return error.message;
  const before = text.slice(0, Number(position)).split('\n');
  return t('json-position', { problem: error.message, line: String(before.length), column: String(before.at(-1).length + 1) });
}

// Python writes NaN and Infinity into JSON, which has no such numbers. They are read as texts, as the engine itself does,
// so that a config passes where they do not matter.
const pythonNumbers = (text) => text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (part) => (part.startsWith('"') ? part : `"${part}"`));

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    try {
      return JSON.parse(pythonNumbers(text));
    } catch {
      throw error;
    }
  }
}

function model(state) {
  if (state.source === 'manual') return { manual: typedFields(state.manual) };
  if (state.source === 'catalogue') return { id: state.model };
  if (state.source === 'file') {
    if (state.file) return { file: state.file };
    throw { path: '/model/file', message: t('file-none') }; // eslint-disable-line no-throw-literal
  }
  let config;
  try {
    config = parsed(state.config);
  } catch (error) {
    const message = state.config.trim() ? t('config-broken', { problem: jsonError(state.config, error) }) : t('config-empty');
    throw { path: '/model/config', message }; // eslint-disable-line no-throw-literal
  }
  return state.configName ? { config, name: state.configName } : { config };
}

const typedOption = {
  switch: (text) => text === '1',
  choice: (text) => text,
  word: (text) => text,
  fraction: typedNumber,
  count: typedCount,
  list: (text) => text.split(/[,\s]+/).filter(Boolean).map(typedNumber),
};

function engine(state) {
  const known = engineNamed(state.engine);
  const result = { name: state.engine };
  for (const [key, value] of Object.entries(state.options)) {
    const option = known?.options.find(({ name }) => name === key);
    if (value === '' || !option) continue; // an option of another engine, kept for the way back
    result[key] = typedOption[option.type](value);
  }
  return result;
}

// {request} or {error}, the latter in the form of the border's errors.
export function requestOf(state) {
  try {
    const request = { op: 'estimate', model: model(state) };
    const options = typedFields(state.weightOptions);
    if (state.weights && state.source !== 'file') request.weights = Object.keys(options).length ? { format: state.weights, ...options } : state.weights;
    if (state.kvK || state.kvV) {
      request.kv_cache = {};
      if (state.kvK) request.kv_cache.k = state.kvK;
      if (state.kvV) request.kv_cache.v = state.kvV;
    }
    request.context = typedCount(state.context) ?? '';
    request.sequences = typedCount(state.sequences) ?? '';
    request.engine = engine(state);
    const count = typedCount(state.count) ?? '';
    if (state.gpuSource === 'catalogue') request.gpu = { id: state.gpu, count };
    if (state.gpuSource === 'size') request.gpu = { memory_gib: typedNumber(state.memory) ?? '', count };
    if (state.profile !== 'auto') request.profile = state.profile;
    request.also = state.gpuSource === 'none' ? ['advice', 'references'] : ['max_context', 'max_batch', 'advice', 'references'];
    return { request };
  } catch (error) {
    if (typeof error?.path !== 'string') throw error;
    return { error };
  }
}
