// What the form holds, as it was typed, and the same as a URL hash. The hash is versioned, says only what differs from
// the first visit, and keeps fields it does not know, so that a link from a newer page survives an older one.

export const VERSION = '1';

export const defaults = Object.freeze({
  source: 'catalogue', // model from the catalogue, a pasted "config", "manual" numbers, or weights from a "file"
  model: 'llama-3.1-8b',
  config: '',
  configName: '',
  manual: Object.freeze({}),
  place: '', // of weights on the web, as typed; read only when the reader asks for it
  choice: '', // which of several models there
  fileName: '', // of weights on a disk
  file: null, // what was read of them (docs/api.md, "Files"); in no link
  readBytes: 0,
  weights: 'q4_k_m', // '' is the checkpoint's own format
  weightOptions: Object.freeze({}),
  kvK: '', // '' is the engine's default
  kvV: '',
  context: '8192',
  sequences: '1',
  engine: 'llama.cpp',
  options: Object.freeze({}),
  gpuSource: 'catalogue', // or "size", or "none"
  gpu: 'rtx-4090',
  memory: '24',
  count: '1',
  profile: 'auto',
  units: 'GiB',
});

const plain = {
  m: 'model',
  w: 'weights',
  c: 'context',
  s: 'sequences',
  kk: 'kvK',
  kv: 'kvV',
  e: 'engine',
  g: 'gpu',
  gs: 'memory',
  n: 'count',
  p: 'profile',
  u: 'units',
  cn: 'configName',
  mf: 'place',
  mq: 'choice',
  mn: 'fileName',
};
const groups = { mm: 'manual', wo: 'weightOptions', o: 'options' };
// Said in every link, so that a link means the same when the first visit changes.
const always = new Set(['m', 'w', 'c', 'e', 'g']);

const CONFIG_LIMIT = 8 << 20; // the engine's own limit on a request
const HASH_LIMIT = 32 << 10; // characters; longer links break in chats and mail

async function through(bytes, stream, limit) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const parts = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.length;
    if (total > limit) {
      await reader.cancel();
      throw new Error('too long');
    }
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function pack(text) {
  const bytes = await through(new TextEncoder().encode(text), new CompressionStream('deflate-raw'), Infinity);
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

async function unpack(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return new TextDecoder().decode(await through(bytes, new DecompressionStream('deflate-raw'), CONFIG_LIMIT));
}

function smallest(config) {
  try {
    return JSON.stringify(JSON.parse(config));
  } catch {
    return config; // a broken config is shared as it is
  }
}

// The hash of a state, without "#". `unknown` are the fields parseHash() did not know.
// A config too long for a link is left out; `complete` is then false.
// `pins` are hashes of other states, kept for comparing.
export async function formatHash(state, unknown = [], pins = []) {
  const fields = [['v', VERSION]];
  const skip = new Set();
  if (state.source !== 'catalogue') skip.add('m');
  if (state.source !== 'config') skip.add('cn');
  if (state.source !== 'file') for (const key of ['mf', 'mq', 'mn']) skip.add(key);
  if (state.gpuSource !== 'size') skip.add('gs');
  if (state.gpuSource === 'size') skip.add('g');
  let complete = true;
  for (const [key, name] of Object.entries(plain)) {
    if (skip.has(key)) continue;
    if (key === 'g' && state.gpuSource === 'none') fields.push(['g', 'none']);
    else if (always.has(key) || key === 'gs' || state[name] !== defaults[name]) fields.push([key, state[name]]);
  }
  for (const [prefix, name] of Object.entries(groups)) {
    if (prefix === 'mm' && state.source !== 'manual') continue;
    for (const [key, value] of Object.entries(state[name])) {
      if (value !== '') fields.push([`${prefix}.${key}`, value]);
    }
  }
  if (state.source === 'manual' && !fields.some(([key]) => key.startsWith('mm.'))) fields.push(['mm', '']);
  if (state.source === 'config') {
    const packed = await pack(smallest(state.config));
    complete = packed.length <= HASH_LIMIT;
    fields.push(['mc', complete ? packed : '']);
  }
  if (state.source === 'file' && !state.place && !state.fileName) fields.push(['mf', '']);
  for (const pin of pins) fields.push(['x', pin]);
  fields.push(...unknown);
  const escape = (text) => encodeURIComponent(text).replaceAll('%20', '+').replaceAll('%2C', ',').replaceAll('%3A', ':');
  return { hash: fields.map(([key, value]) => `${escape(key)}=${escape(value)}`).join('&'), complete };
}

// The state a hash stands for, the pins, and the fields not known here. Never throws: what can't be read is left at its default.
// `start` are defaults of this reader.
export async function parseHash(hash, start = {}) {
  const state = { ...defaults, ...start, manual: {}, weightOptions: {}, options: {} };
  const unknown = [];
  const pins = [];
  for (const [key, value] of new URLSearchParams(hash.replace(/^#/, ''))) {
    const dot = key.indexOf('.');
    const group = dot > 0 ? groups[key.slice(0, dot)] : undefined;
    if (key === 'v') continue;
    if (key === 'x') {
      if (pins.length < 3) pins.push(value);
      continue;
    }
    if (key === 'mc') {
      state.source = 'config';
      state.config = await unpack(value).catch(() => '');
    } else if (key === 'mm' || group === 'manual') {
      state.source = 'manual';
      if (group) state.manual[key.slice(dot + 1)] = value;
    } else if (group) {
      state[group][key.slice(dot + 1)] = value;
    } else if (Object.hasOwn(plain, key)) {
      if (key === 'gs') state.gpuSource = 'size';
      if (key === 'mf' || key === 'mn') state.source = 'file';
      if (key === 'g') state.gpuSource = value === 'none' ? 'none' : 'catalogue';
      if (!(key === 'g' && value === 'none')) state[plain[key]] = value;
    } else {
      unknown.push([key, value]);
    }
  }
  if (state.units !== 'GB') state.units = 'GiB';
  return { state, unknown, pins };
}
