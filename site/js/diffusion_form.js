// The form of images and video as a template of its state.
import { html, live, nothing } from '../elements/lit.js';
import { choice, field, picker, section, text } from './controls.js';
import { gpu } from './form.js';
import { size } from './format.js';
import { t } from './i18n.js';
import { verdict } from './words.js';
import { subjectOf } from './diffusion_answer.js';
import { engineSwitches, idsOf, vramModes } from './diffusion_state.js';

export function form(view, on) {
  return html`
    ${section(t('section-pipeline'), html`${pipeline(view, on)}${engine(view, on)}`)}
    ${section(t('section-gpu'), gpu(view, on))}
    ${section(t('section-size'), picture(view, on))}
    ${section(t('section-precision'), precision(view, on))}
    ${section(t('section-extras'), extras(view, on))}
    ${view.shown ? mini(view) : nothing}
  `;
}

function mini({ shown, state, error }) {
  const { state: fit, word, brief } = verdict(shown, state.units, subjectOf(shown));
  return html`<a class="mini ${error ? 'stale' : fit}" href="#answer-region"><strong>${error ? t('see-message') : word}</strong> <span>${error ? '' : brief} ↓</span></a>`;
}

function pipeline(view, on) {
  const { state, lists } = view;
  return field(
    view,
    { id: 'pipeline', label: t('field-pipeline'), help: t('help-pipeline'), paths: ['/pipeline'] },
    picker(lists.pipelines, state.pipeline, (value) => on.set({ pipeline: value, width: '', height: '', frames: '', guidance: '', inputImages: '', parts: {} }), t('field-pipeline-placeholder')),
  );
}

const shapes = [['16:9', 16, 9], ['9:16', 9, 16], ['4:3', 4, 3], ['3:4', 3, 4], ['3:2', 3, 2], ['21:9', 21, 9]];

// Squares, and the usual shapes with as many pixels as the pipeline was made for; sides that the model can have.
export function presets(row) {
  if (!row) return [];
  const even = (side) => Math.max(row.multiple, Math.round(side / row.multiple) * row.multiple);
  const list = [{ label: t('preset-default', { width: String(row.width), height: String(row.height) }), width: row.width, height: row.height }];
  for (const side of [512, 768, 1024, 1536, 2048]) list.push({ name: t('preset-square'), width: even(side), height: even(side) });
  for (const [name, across, down] of shapes) {
    const unit = Math.sqrt((row.width * row.height) / (across * down));
    list.push({ name, width: even(unit * across), height: even(unit * down) });
  }
  const seen = new Set();
  return list
    .filter(({ width, height }) => !seen.has(`${width}x${height}`) && seen.add(`${width}x${height}`))
    .map(({ label, name, width, height }) => ({ value: `${width}x${height}`, label: label ?? t('preset-size', { name, width: String(width), height: String(height) }) }));
}

function picture(view, on) {
  const { state, lists, shown } = view;
  const row = lists.rows.get(state.pipeline);
  const now = `${state.width || row?.width}x${state.height || row?.height}`;
  const options = presets(row);
  const listed = options.some(({ value }) => value === now);
  const own = shown?.pipeline.id === state.pipeline ? shown : null;
  const video = /vid/.test(row?.task ?? '');
  return html`
    ${field(view, { id: 'preset', label: t('field-preset') }, choice(listed ? now : '', [...(listed ? [] : [{ value: '', label: t('preset-own') }]), ...options], (value) => {
      const [width, height] = value.split('x');
      if (height) on.set({ width, height });
    }))}
    <div class="grid three">
      ${field(view, { id: 'width', label: t('field-width'), paths: ['/width'], wide: false }, text(state.width, (value) => on.set({ width: value }), { mode: 'numeric', placeholder: row ? String(row.width) : '' }))}
      ${field(view, { id: 'height', label: t('field-height'), paths: ['/height'], wide: false }, text(state.height, (value) => on.set({ height: value }), { mode: 'numeric', placeholder: row ? String(row.height) : '' }))}
      ${video ? field(view, { id: 'frames', label: t('field-frames'), paths: ['/frames'], wide: false }, text(state.frames, (value) => on.set({ frames: value }), { mode: 'numeric', placeholder: row ? String(row.frames) : '' })) : nothing}
      ${field(view, { id: 'batch', label: t('field-batch'), help: t('help-batch'), paths: ['/batch'], wide: false }, text(state.batch, (value) => on.set({ batch: value }), { mode: 'numeric' }))}
    </div>
    <div class="grid">
      ${field(
        view,
        { id: 'guidance', label: t('field-guidance'), help: t('help-guidance'), paths: ['/guidance'], wide: false },
        choice(state.guidance, [{ value: '', label: own ? t('auto-is', { value: t(`guidance-${own.guidance}`) }) : t('auto') }, ...['none', 'doubled', 'sequential'].map((value) => ({ value, label: t(`guidance-${value}`) }))], (value) => on.set({ guidance: value })),
      )}
      ${row?.input_images || state.inputImages ? field(view, { id: 'input-images', label: t('field-input-images'), paths: ['/input_images'], wide: false }, text(state.inputImages, (value) => on.set({ inputImages: value }), { mode: 'numeric', placeholder: String(row?.input_images ?? 0) })) : nothing}
    </div>
  `;
}

const dtypes = ['fp32', 'fp16', 'bf16', 'fp8'];

function precision(view, on) {
  const { state, lists, shown } = view;
  const parts = lists.rows.get(state.pipeline)?.components ?? [];
  const made = shown?.pipeline.id === state.pipeline ? new Map(shown.pipeline.components.map((part) => [part.role, part])) : new Map();
  return html`
    ${field(view, { id: 'dtype', label: t('field-dtype'), paths: ['/dtype'] }, choice(state.dtype, [{ value: '', label: t('dtype-own') }, ...dtypes.map((value) => ({ value, label: value }))], (value) => on.set({ dtype: value })))}
    <div class="grid">
      ${parts.map(({ role, dtype }) => {
        const part = made.get(role);
        return field(
          view,
          { id: `part-${role}`, label: role, name: true, aside: part ? html`<span class="quiet">${size(part.bytes, state.units)}</span>` : nothing, paths: [`/components/${role}`], wide: false },
          choice(
            state.parts[role] ?? '',
            [{ value: '', label: t('auto-is', { value: state.dtype || dtype }) }, ...dtypes.map((value) => ({ value, label: value })), ...lists.quantizations.map((row) => ({ value: row.id, label: row.name }))],
            (value) => on.setIn('parts', role, value),
          ),
        );
      })}
    </div>
  `;
}

const places = (own) => [{ value: '', label: own }, ...['cuda:bf16', 'cuda:fp8', 'cpu:bf16', 'cpu:fp8', 'disk'].map((value) => ({ value, label: value.replace(':', ', ') }))];

const engines = [['diffusers', 'Diffusers'], ['comfyui', 'ComfyUI'], ['forge', 'Forge'], ['a1111', 'AUTOMATIC1111'], ['stable-diffusion.cpp', 'stable-diffusion.cpp'], ['diffsynth', 'DiffSynth-Studio']];
// What belongs to one engine does not go along to another.
const unset = { techniques: '', level: '', dsOffload: '', dsOnload: '', dsPreparing: '', vramLimit: '', vram: '', reserveVram: '', gpuWeights: '', switches: '' };

function engine(view, on) {
  const { state } = view;
  const number = (id, name, path) => field(view, { id, label: t(`field-${id}`), paths: [path], wide: false }, text(state[name], (value) => on.set({ [name]: value }), { mode: 'decimal' }));
  const stateOf = (id, name, own) => field(view, { id, label: t(`field-${id}-state`), paths: ['/engine/vram_config'], wide: false }, choice(state[name], places(t(own)), (value) => on.set({ [name]: value })));
  const active = idsOf(state.switches);
  return html`
    ${field(view, { id: 'engine', label: t('field-diffusion-engine'), help: t('help-diffusion-engine'), paths: ['/engine/name', '/engine'] }, choice(state.engine, engines.map(([value, label]) => ({ value, label })), (value) => on.set({ ...unset, engine: value })))}
    ${state.engine === 'diffsynth' ? html`<div class="grid three">${stateOf('offload', 'dsOffload', 'state-none')}${stateOf('onload', 'dsOnload', 'auto')}${stateOf('preparing', 'dsPreparing', 'auto')}${number('vram-limit', 'vramLimit', '/engine/vram_limit')}</div>` : nothing}
    ${vramModes[state.engine]
      ? html`<div class="grid">
          ${field(view, { id: 'vram-mode', label: t('field-vram-mode'), paths: ['/engine/vram'], wide: false }, choice(state.vram, [{ value: '', label: t('auto') }, ...vramModes[state.engine].map((value) => ({ value, label: `--${value}` }))], (value) => on.set({ vram: value })))}
          ${state.engine === 'comfyui' ? number('reserve-vram', 'reserveVram', '/engine/reserve_vram') : nothing}
          ${state.engine === 'forge' ? number('gpu-weights', 'gpuWeights', '/engine/gpu_weights') : nothing}
        </div>`
      : nothing}
    ${(engineSwitches[state.engine] ?? []).map(
      (name) => html`<label class="check"><input type="checkbox" .checked=${live(active.includes(name))} @change=${(event) => on.set({ switches: (event.target.checked ? [...active, name] : active.filter((one) => one !== name)).join(',') })} /> <code>--${name.replaceAll('_', '-')}</code></label>`,
    )}
  `;
}

function extras(view, on) {
  const { state } = view;
  const count = (id, name, paths) => field(view, { id, label: t(`field-${id}`), paths, wide: false }, text(state[name], (value) => on.set({ [name]: value }), { mode: 'numeric', placeholder: '0' }));
  return html`
    <div class="grid three">
      ${count('loras', 'loras', ['/lora/count', '/lora'])}
      ${field(view, { id: 'lora-rank', label: t('field-lora-rank'), paths: ['/lora/rank'], wide: false }, text(state.loraRank, (value) => on.set({ loraRank: value }), { mode: 'numeric' }))}
      ${count('controlnets', 'controlnets', ['/companions'])}
    </div>
    <label class="check"><input type="checkbox" .checked=${live(Boolean(state.loraFused))} @change=${(event) => on.set({ loraFused: event.target.checked ? '1' : '' })} /> ${t('field-lora-fused')}</label>
  `;
}
