// What the form of images and video holds, as typed; the same as a URL hash, and as a request of docs/api.md.
import { typedCount, typedNumber } from './request.js';

export const defaults = Object.freeze({
  pipeline: 'flux.1-dev',
  width: '', // '' is the pipeline's own
  height: '',
  frames: '',
  batch: '1',
  inputImages: '',
  guidance: '',
  attention: '',
  dtype: '',
  parts: Object.freeze({}), // role → "fp16", "fp8", ... or the id of a quantization
  techniques: '', // ids, joined by commas
  level: '',
  loras: '',
  loraRank: '16',
  loraFused: '',
  controlnets: '',
  engine: 'diffusers',
  dsOffload: '',
  dsOnload: '',
  dsPreparing: '',
  vramLimit: '',
  vram: '', // how much of the models the engine keeps on the GPU, in its own words
  reserveVram: '',
  gpuWeights: '',
  switches: '', // the engine's own switches that are on, joined by commas
  gpuSource: 'catalogue',
  gpu: 'rtx-3060-12gb',
  memory: '12',
  count: '1',
  profile: 'auto',
  units: 'GiB',
});

const keys = {
  m: 'pipeline', w: 'width', h: 'height', f: 'frames', b: 'batch', i: 'inputImages', gd: 'guidance', a: 'attention', d: 'dtype', t: 'techniques', l: 'level',
  lc: 'loras', lr: 'loraRank', lf: 'loraFused', cn: 'controlnets', e: 'engine', do: 'dsOffload', dl: 'dsOnload', dp: 'dsPreparing', vl: 'vramLimit', vr: 'vram', rv: 'reserveVram', gw: 'gpuWeights', sw: 'switches', g: 'gpu', gs: 'memory', n: 'count', p: 'profile', u: 'units',
};
const always = new Set(['m', 'e', 'g']);

export async function formatHash(state, unknown = []) {
  const fields = [['v', '1']];
  for (const [key, name] of Object.entries(keys)) {
    if (key === 'g' && state.gpuSource !== 'catalogue') {
      if (state.gpuSource === 'none') fields.push(['g', 'none']);
      continue;
    }
    if (key === 'gs' && state.gpuSource !== 'size') continue;
    if (always.has(key) || key === 'gs' || state[name] !== defaults[name]) fields.push([key, state[name]]);
  }
  for (const [role, value] of Object.entries(state.parts)) if (value) fields.push([`c.${role}`, value]);
  const escape = (text) => encodeURIComponent(text).replaceAll('%20', '+').replaceAll('%2C', ',');
  return { hash: [...fields, ...unknown].map(([key, value]) => `${escape(key)}=${escape(value)}`).join('&'), complete: true };
}

export async function parseHash(hash, start = {}) {
  const state = { ...defaults, ...start, parts: {} };
  const unknown = [];
  for (const [key, value] of new URLSearchParams(hash.replace(/^#/, ''))) {
    if (key === 'v') continue;
    if (key.startsWith('c.')) state.parts[key.slice(2)] = value;
    else if (key === 'g' && value === 'none') state.gpuSource = 'none';
    else if (Object.hasOwn(keys, key)) {
      if (key === 'gs') state.gpuSource = 'size';
      state[keys[key]] = value;
    } else unknown.push([key, value]);
  }
  if (state.units !== 'GB') state.units = 'GiB';
  return { state, unknown };
}

// Each engine's words for how much it keeps on the GPU ('' is its default), and its switches.
export const vramModes = {
  comfyui: ['lowvram', 'novram', 'highvram'],
  a1111: ['medvram', 'lowvram'],
  forge: ['always-high-vram', 'always-low-vram', 'always-no-vram'],
};
export const engineSwitches = {
  comfyui: ['disable_smart_memory', 'cpu_vae'],
  'stable-diffusion.cpp': ['diffusion_fa', 'clip_on_cpu', 'vae_on_cpu', 'vae_conv_direct', 'diffusion_conv_direct'],
};

// What a measure of another engine than diffusers sets in the form. `memory`: the GPU's, in GiB.
const recipes = {
  diffsynth_cpu: () => ({ dsOffload: 'cpu:bf16', dsOnload: 'cuda:bf16', dsPreparing: 'cuda:bf16', vramLimit: '' }),
  diffsynth_fp8: () => ({ dsOffload: 'cpu:fp8', dsOnload: 'cuda:fp8', dsPreparing: 'cuda:fp8', vramLimit: '' }),
  diffsynth_dynamic: (memory) => ({ dsOffload: 'cpu:fp8', dsOnload: 'cpu:fp8', dsPreparing: 'cuda:fp8', vramLimit: memory ? String(Math.max(0, memory - 0.5)) : '' }),
  diffsynth_disk: (memory) => ({ dsOffload: 'disk', dsOnload: 'disk', dsPreparing: 'cuda:fp8', vramLimit: memory ? String(Math.max(0, memory - 0.5)) : '' }),
  comfyui_lowvram: () => ({ vram: 'lowvram' }),
  comfyui_novram: () => ({ vram: 'novram' }),
  forge_low: () => ({ vram: 'always-low-vram' }),
  forge_none: () => ({ vram: 'always-no-vram' }),
  a1111_medvram: () => ({ vram: 'medvram' }),
  a1111_lowvram: () => ({ vram: 'lowvram' }),
};
const plain = { dsOffload: '', dsOnload: '', dsPreparing: '', vramLimit: '' };
export function recipeOf(state, id, wanted, memory, denoisers = []) {
  if (id === 'quantize_int8') return { parts: { ...state.parts, ...Object.fromEntries(denoisers.map((role) => [role, wanted ? 'quanto_int8' : ''])) } };
  if (Object.hasOwn(recipes, id)) {
    const set = recipes[id](memory);
    return wanted ? set : Object.fromEntries(Object.keys(set).map((name) => [name, plain[name] ?? '']));
  }
  if (!id.startsWith('sd_cpp_')) return null;
  const name = id.slice('sd_cpp_'.length);
  const others = idsOf(state.switches).filter((one) => one !== name);
  return { switches: (wanted ? [...others, name] : others).join(',') };
}

// The ways to take less of which only one can be.
export const offloads = ['model_cpu_offload', 'group_offload_block', 'group_offload_leaf', 'sequential_cpu_offload'];
export const idsOf = (text) => text.split(',').filter(Boolean);

function techniquesOf(ids) {
  const techniques = {};
  for (const id of ids) {
    const group = /^group_offload_(block|leaf)$/.exec(id);
    if (group) techniques.group_offload = { offload_type: `${group[1]}_level`, use_stream: true };
    else if (id !== 'eager' && id !== 'record_stream') techniques[id] = true;
  }
  if (techniques.group_offload && ids.includes('record_stream')) techniques.group_offload.record_stream = true;
  return techniques;
}

const dtypes = new Set(['fp32', 'fp16', 'bf16', 'fp8']);
const place = (state, text) => {
  const [device, dtype] = text.split(':');
  return { [`${state}_device`]: device, [`${state}_dtype`]: device === 'disk' ? 'disk' : dtype };
};

function engineOf(state) {
  if (state.engine === 'diffusers') return null;
  const engine = { name: state.engine };
  if (state.engine === 'diffsynth' && (state.dsOffload || state.dsOnload || state.dsPreparing)) {
    engine.vram_config = {};
    for (const [name, value] of [['offload', state.dsOffload], ['onload', state.dsOnload], ['preparing', state.dsPreparing]]) if (value) Object.assign(engine.vram_config, place(name, value));
    const limit = typedNumber(state.vramLimit);
    if (limit !== undefined) engine.vram_limit = limit;
  }
  if (vramModes[state.engine] && state.vram) engine.vram = state.vram;
  const put = (name, value) => value !== undefined && (engine[name] = value);
  if (state.engine === 'comfyui') put('reserve_vram', typedNumber(state.reserveVram));
  if (state.engine === 'forge') put('gpu_weights', typedNumber(state.gpuWeights));
  for (const name of idsOf(state.switches)) if (engineSwitches[state.engine]?.includes(name)) engine[name] = true;
  return engine;
}

export function requestOf(state) {
  const request = { op: 'diffusion', pipeline: { id: state.pipeline } };
  const put = (key, value) => value !== undefined && (request[key] = value);
  put('height', typedCount(state.height));
  put('width', typedCount(state.width));
  put('frames', typedCount(state.frames));
  put('batch', typedCount(state.batch) ?? '');
  put('input_images', typedCount(state.inputImages));
  if (state.guidance) request.guidance = state.guidance;
  const ids = idsOf(state.techniques);
  if (ids.includes('eager')) request.attention = 'eager';
  else if (state.attention) request.attention = state.attention;
  if (state.dtype) request.dtype = state.dtype;
  const parts = Object.entries(state.parts).filter(([, value]) => value);
  if (parts.length) request.components = Object.fromEntries(parts.map(([role, value]) => [role, dtypes.has(value) ? { dtype: value } : { quantization: value }]));
  if (state.level) request.level = state.level;
  const techniques = techniquesOf(ids);
  if (Object.keys(techniques).length) request.techniques = techniques;
  const engine = engineOf(state);
  if (engine) request.engine = engine;
  const loras = typedCount(state.loras);
  if (loras !== undefined && loras !== 0) request.lora = { rank: typedCount(state.loraRank) ?? '', count: loras, ...(state.loraFused ? { fused: true } : {}) };
  const controlnets = typedCount(state.controlnets);
  if (controlnets !== undefined && controlnets !== 0) request.companions = [{ kind: 'controlnet', count: controlnets }];
  const count = typedCount(state.count) ?? '';
  if (state.gpuSource === 'catalogue') request.gpu = { id: state.gpu, count };
  if (state.gpuSource === 'size') request.gpu = { memory_gib: typedNumber(state.memory) ?? '', count };
  if (state.profile !== 'auto') request.profile = state.profile;
  request.also = ['savings', 'levels', 'smallest_gpu', 'references', ...(request.gpu ? ['weakest', 'max_resolution', 'max_frames', 'max_batch', 'max_loras', 'vram_limit'] : [])];
  return { request };
}
