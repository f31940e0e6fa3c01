// The form as a template of the state. It holds no logic of its own: every change goes to `on`, and comes back as state.
import { html, live, nothing } from '../elements/lit.js';
import { choice, field, picker, section, segments, text } from './controls.js';
import { engineNamed, engines, manualFields, manualStart } from './engines.js';
import { count, size } from './format.js';
import { has, t } from './i18n.js';
import { detection } from './detection.js';
import { mini } from './mini.js';
import { typedCount } from './request.js';
import { weightsForm } from './weights_form.js';

// `view`: {state, lists, shown (last good response or null), error (or null), detected}; `on`: {set, setIn, detect, file}.
export function form(view, on) {
  return html`
    ${mini(view.verdict, Boolean(view.error))}
    ${section(t('section-model'), model(view, on))}
    ${section(t('section-gpu'), gpu(view, on))}
    ${section(t('section-work'), work(view, on))}
    ${section(t('section-engine'), engine(view, on))}
  `;
}

function model(view, on) {
  const { state, lists } = view;
  return html`
    ${segments('source', t('model-source'), state.source, [['catalogue', t('source-catalogue')], ['config', t('source-config')], ['file', t('source-file')], ['manual', t('source-manual')]], (value) => on.set(value === 'manual' && !Object.keys(state.manual).length ? { source: value, manual: manualStart } : { source: value }))}
    ${state.source === 'catalogue'
      ? field(view, { id: 'model', label: t('field-model'), help: t('help-model'), paths: ['/model'] }, picker(lists.models, state.model, (value) => on.set({ model: value }), t('field-model-placeholder')))
      : nothing}
    ${state.source === 'config' ? config(view, on) : nothing}
    ${state.source === 'manual' ? manual(view, on) : nothing}
    ${state.source === 'file' ? weightsForm(view, on) : nothing}
    ${state.source === 'file' ? nothing : field(view, { id: 'weights', label: t('field-weights'), help: t('help-weights'), paths: ['/weights'] }, picker(lists.weights, state.weights, (value) => on.set({ weights: value, weightOptions: {} }), t('field-weights-placeholder')))}
    ${state.source === 'file' ? nothing : weightOptions(view, on)}
  `;
}

function config(view, on) {
  const { state } = view;
  return html`
    ${field(
      view,
      {
        id: 'config',
        label: t('field-config'),
        paths: ['/model/config', '/model'],
        hint: t('field-config-hint'),
        aside: html`<label class="link file">${t('field-config-open')}<input type="file" accept=".json,application/json" @change=${(event) => on.file(event.target.files[0])} /></label>`,
      },
      ({ id, invalid, describedBy }) =>
        html`<textarea id=${id} rows="7" spellcheck="false" placeholder='{"model_type": "llama", "hidden_size": 4096, …}' aria-invalid=${invalid ? 'true' : nothing}
          aria-describedby=${describedBy || nothing} .value=${live(state.config)} @input=${(event) => on.set({ config: event.target.value })}></textarea>`,
    )}
    ${field(view, { id: 'configName', label: t('field-config-name'), paths: ['/model/name'] }, text(state.configName, (value) => on.set({ configName: value })))}
  `;
}

function manual(view, on) {
  return html`<div class="grid">
    ${manualFields.map(({ name, required, example }) =>
      field(
        view,
        { id: `manual-${name}`, label: t(`manual-${name}`), paths: [`/model/manual/${name}`], wide: false },
        text(view.state.manual[name] ?? '', (value) => on.setIn('manual', name, value), { mode: 'decimal', placeholder: required ? t('manual-needed', { example }) : t('manual-optional') }),
      ),
    )}
  </div>`;
}

const weightOptionExamples = { bits: '4', group_size: '128', bits_per_weight: '4.0' };
const weightOptionsOf = { gptq: ['bits', 'group_size'], awq: ['group_size'], exl: ['bits_per_weight'] };

function weightOptions(view, on) {
  const { state, lists } = view;
  const scheme = lists.weights.find(({ value }) => value === state.weights)?.scheme;
  const names = weightOptionsOf[scheme] ?? [];
  if (!names.length) return nothing;
  return html`<div class="grid">
    ${names.map((name) =>
      field(
        view,
        { id: `weights-${name}`, label: t(`option-${name}`), paths: [`/weights/${name}`], wide: false },
        text(state.weightOptions[name] ?? '', (value) => on.setIn('weightOptions', name, value), { mode: 'decimal', placeholder: weightOptionExamples[name] }),
      ),
    )}
  </div>`;
}

// The slider's scale: eight steps an octave, from 256 to 1,048,576 tokens.
const FIRST_OCTAVE = 8;
const STEPS = 96;
const toTokens = (step) => {
  const exact = 2 ** (FIRST_OCTAVE + step / 8);
  const grain = exact < 4096 ? 64 : 256;
  return Math.round(exact / grain) * grain;
};
const toStep = (tokens) => (typeof tokens === 'number' && tokens > 0 ? Math.min(Math.max(Math.round(8 * (Math.log2(tokens) - FIRST_OCTAVE)), 0), STEPS) : 0);

function work(view, on) {
  const { state, lists, shown } = view;
  const tokens = typedCount(state.context);
  const own = shown?.model?.max_position_embeddings;
  const known = engineNamed(state.engine) ?? engines[0];
  const sameEngine = shown?.engine?.name === state.engine;
  const cacheOptions = (given, side) => {
    const effective = sameEngine && !given ? shown.kv_cache[side] : '';
    const types = lists.cacheTypes[state.engine] ?? [];
    const odd = given && !types.includes(given) ? [given] : []; // from a link, or another engine: shown, and refused
    return [{ value: '', label: effective ? t('auto-is', { value: effective }) : t('auto') }, ...[...types, ...odd].map((type) => ({ value: type, label: type }))];
  };
  return html`
    ${field(
      view,
      { id: 'context', label: t('field-context'), help: t('help-context'), paths: ['/context'], aside: own ? html`<span class="quiet">${t('context-made-for', { tokens: count(own) })}</span>` : nothing },
      (attributes) => html`
        ${text(state.context, (value) => on.set({ context: value }), { mode: 'numeric' })(attributes)}
        <input type="range" min="0" max=${STEPS} step="1" aria-label=${t('context-slider')} aria-valuetext=${typeof tokens === 'number' ? t('tokens', { count: count(tokens) }) : nothing}
          .value=${live(String(toStep(tokens)))} @input=${(event) => on.set({ context: String(toTokens(Number(event.target.value))) })} />
        <div class="ticks" aria-hidden="true"><span>256</span><span>4k</span><span>64k</span><span>1M</span></div>
      `,
    )}
    <div class="grid cache">
      ${field(view, { id: 'sequences', label: t('field-sequences'), help: t('help-sequences'), paths: ['/sequences'], wide: false }, text(state.sequences, (value) => on.set({ sequences: value }), { mode: 'numeric' }))}
      ${known.apart
        ? html`
            ${field(view, { id: 'kv-k', label: t('field-kv-k'), help: t('help-kv'), paths: ['/kv_cache/k', '/kv_cache', '/engine/type_k'], wide: false }, choice(state.kvK, cacheOptions(state.kvK, 'k'), (value) => on.set({ kvK: value })))}
            ${field(view, { id: 'kv-v', label: t('field-kv-v'), help: t('help-kv'), paths: ['/kv_cache/v', '/engine/type_v'], wide: false }, choice(state.kvV, cacheOptions(state.kvV, 'v'), (value) => on.set({ kvV: value })))}
          `
        : field(view, { id: 'kv', label: t('field-kv'), help: t('help-kv'), paths: ['/kv_cache'], wide: false }, choice(state.kvK, cacheOptions(state.kvK, 'k'), (value) => on.set({ kvK: value, kvV: value })))}
    </div>
  `;
}

function option(view, on, { name, type, choices }) {
  const { state, shown } = view;
  const given = state.options[name] ?? '';
  const effective = shown?.engine?.name === state.engine ? shown.engine.options?.[name] : undefined;
  const change = (value) => on.setIn('options', name, value);
  const asDefault = (words) => ({ value: '', label: words === undefined ? t('auto') : t('auto-is', { value: words }) });
  const own = given === '' ? effective : undefined;
  const control =
    type === 'switch'
      ? choice(given, [asDefault(own === undefined ? undefined : own ? t('on') : t('off')), { value: '1', label: t('on') }, { value: '0', label: t('off') }], change)
      : type === 'choice'
        ? choice(given, [asDefault(own), ...choices.map((value) => ({ value, label: value }))], change)
        : text(given, change, { mode: type === 'word' || type === 'list' ? 'text' : 'decimal', placeholder: own === undefined || own === null || typeof own === 'object' ? (Array.isArray(own) ? own.join(', ') : '') : typeof own === 'number' ? count(own) : String(own) });
  return field(view, { id: `option-${name}`, label: name, name: true, paths: [`/engine/${name}`], wide: false, hint: has(`about-${name}`) ? t(`about-${name}`) : '' }, control);
}

function engine(view, on) {
  const { state, lists } = view;
  const known = engineNamed(state.engine);
  const options = known?.options ?? [];
  const set = options.filter(({ name }) => (state.options[name] ?? '') !== '');
  const wrong = options.some(({ name }) => view.error?.path === `/engine/${name}`);
  const open = wrong || (view.optionsOpen ?? set.length > 0);
  const names = engines.map(({ name, title }) => ({ value: name, label: name === 'ideal' ? t('engine-title-ideal') : title }));
  if (!known) names.push({ value: state.engine, label: state.engine });
  return html`
    <div class="grid reserve">
      ${field(view, { id: 'engine', label: t('field-engine'), paths: ['/engine/name'], wide: false, hint: known?.about ? t(known.about) : '' }, choice(state.engine, names, (value) => on.set({ engine: value, kvK: '', kvV: '' })))}
      ${field(view, { id: 'profile', label: t('field-profile'), help: t('help-profile'), paths: ['/profile'], wide: false, hint: view.shown?.profile?.name || ' ' }, choice(state.profile, lists.profiles, (value) => on.set({ profile: value })))}
    </div>
    ${options.length
      ? html`<details class="more" ?open=${open} @toggle=${(event) => on.showOptions(event.target.open)}>
          <summary>${t('engine-options', { engine: known.title })}${set.length ? html` <span class="quiet">(${set.map(({ name }) => name).join(', ')})</span>` : nothing}</summary>
          ${open ? html`<div class="grid">${options.map((item) => option(view, on, item))}</div>` : nothing}
        </details>`
      : nothing}
  `;
}

// The GPU's part; other pages have it too.
export function gpu(view, on) {
  const { state, lists, shown } = view;
  const box = shown?.gpu;
  const known = state.gpuSource === 'catalogue' && box?.id === state.gpu;
  const nominal = known && box.memory_bytes_nominal ? box.memory_bytes_nominal / 2 ** 30 : 0;
  const capacity = known
    ? [t(box.memory_reported ? 'gpu-driver' : 'gpu-driver-estimated', { size: size(box.memory_bytes, state.units) }), nominal && t('gpu-box', { size: `${count(nominal)} GB` }), box.unified_memory && t('gpu-unified')].filter(Boolean).join(', ')
    : undefined;
  const kept = nominal && !box.unified_memory ? box.memory_bytes_nominal - box.memory_bytes : 0;
  const row = known && lists.gpuRows.find(({ id }) => id === state.gpu);
  const apple = row?.unified && row.vendor === 'apple' && row.ram_gb ? t(row.working_set_mib ? 'gpu-apple-newer' : 'gpu-apple', { share: size(box.memory_bytes, state.units), ram: count(row.ram_gb), newer: size((row.working_set_mib ?? 0) * 2 ** 20, state.units) }) : '';
  const marketing = kept > 0 ? t('gpu-marketing', { box: count(nominal), kept: size(kept, state.units) }) : undefined;
  return html`
    ${segments('gpuSource', t('gpu-source'), state.gpuSource, [['catalogue', t('source-catalogue')], ['size', t('gpu-source-size')], ['none', t('gpu-source-none')]], (value) => on.set({ gpuSource: value }))}
    ${state.gpuSource === 'none'
      ? html`<p class="hint">${t('gpu-none-hint')}</p>`
      : html`<div class="grid gpu reserve one">
          ${state.gpuSource === 'catalogue'
            ? field(view, { id: 'gpu', label: t('field-gpu'), paths: ['/gpu/id', '/gpu/row', '/gpu'], wide: false, hint: apple || capacity || ' ', help: marketing }, picker(lists.gpus, state.gpu, (value) => on.set({ gpu: value }), t('field-gpu-placeholder')))
            : field(view, { id: 'memory', label: t('field-memory'), paths: ['/gpu/memory_gib'], wide: false, hint: t('field-memory-hint') }, text(state.memory, (value) => on.set({ memory: value }), { mode: 'decimal' }))}
          ${field(view, { id: 'count', label: t('field-count'), paths: ['/gpu/count'], wide: false }, text(state.count, (value) => on.set({ count: value }), { mode: 'numeric' }))}
        </div>`}
    ${detection(view, on)}
  `;
}
