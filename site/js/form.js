// The form as a template of the state. It holds no logic of its own: every change goes to `on`, and comes back as state.
import { html, live, nothing } from '../elements/lit.js';
import '../elements/picker.js';
import { engineNamed, engines, manualFields, manualStart } from './engines.js';
import { count, size } from './format.js';
import { detection } from './detection.js';
import { typedCount } from './request.js';
import { verdict } from './words.js';

// `view`: {state, lists, shown (last good response or null), error (or null), detected}; `on`: {set, setIn, detect, file}.
export function form(view, on) {
  return html`
    ${section('Model', model(view, on))}
    ${section('GPU', gpu(view, on))}
    ${section('Workload', work(view, on))}
    ${section('Engine', engine(view, on))}
    ${view.shown ? mini(view) : nothing}
  `;
}

// On a phone the answer is far below: a line of it stays in sight while the form is.
function mini({ shown, state, error }) {
  const { state: fit, word, brief } = verdict(shown, state.units);
  return html`<a class="mini ${error ? 'stale' : fit}" href="#answer-region"><strong>${error ? 'See the message' : word}</strong> <span>${error ? '' : brief} ↓</span></a>`;
}

const section = (title, body) => html`<fieldset><legend>${title}</legend>${body}</fieldset>`;

// Whether the error is about this field: the path itself or anything below it.
const concerns = (view, paths) => view.error && paths.some((path) => view.error.path === path || view.error.path.startsWith(`${path}/`));

// A label, a control and, when the error is about it, the error. `control(attributes)` gets {id, invalid, describedBy}.
function field(view, { id, label, aside, paths = [], hint, wide = true, name }, control) {
  const wrong = concerns(view, paths);
  const describedBy = [wrong && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(' ');
  return html`<div class="field ${wide ? '' : 'half'} ${wrong ? 'wrong' : ''}">
    <div class="label"><label for=${id} class=${name ? 'own' : ''}>${label}</label>${aside ?? nothing}</div>
    ${control({ id, invalid: wrong, describedBy })}
    ${hint ? html`<p class="hint" id="${id}-hint">${hint}</p>` : nothing}
    ${wrong ? html`<p class="error" id="${id}-error">${view.errorText}</p>` : nothing}
  </div>`;
}

const text = (value, change, { placeholder = '', mode = 'text' } = {}) =>
  ({ id, invalid, describedBy }) =>
    html`<input id=${id} type="text" inputmode=${mode} autocomplete="off" spellcheck="false" placeholder=${placeholder}
      aria-invalid=${invalid ? 'true' : nothing} aria-describedby=${describedBy || nothing}
      .value=${live(value)} @input=${(event) => change(event.target.value)} />`;

const choice = (value, options, change) =>
  ({ id, invalid, describedBy }) =>
    html`<select id=${id} aria-invalid=${invalid ? 'true' : nothing} aria-describedby=${describedBy || nothing} .value=${live(value)} @change=${(event) => change(event.target.value)}>
      ${options.map((option) => html`<option value=${option.value} .selected=${option.value === value}>${option.label}</option>`)}
    </select>`;

const picker = (items, value, change, placeholder) =>
  ({ id, invalid, describedBy }) =>
    html`<vram-picker .inputId=${id} .describedBy=${describedBy} .placeholder=${placeholder} .invalid=${Boolean(invalid)} .items=${items} .value=${value}
      @vram-pick=${(event) => change(event.detail)}></vram-picker>`;

const segments = (name, label, value, options, change) =>
  html`<div class="segments-choice" role="radiogroup" aria-label=${label}>
    ${options.map(
      ([key, title]) => html`<label><input type="radio" name=${name} value=${key} .checked=${live(key === value)} @change=${() => change(key)} /><span>${title}</span></label>`,
    )}
  </div>`;

function model(view, on) {
  const { state, lists } = view;
  return html`
    ${segments('source', 'Where the model comes from', state.source, [['catalogue', 'Catalogue'], ['config', 'config.json'], ['manual', 'Numbers']], (value) => on.set(value === 'manual' && !Object.keys(state.manual).length ? { source: value, manual: manualStart } : { source: value }))}
    ${state.source === 'catalogue'
      ? field(view, { id: 'model', label: 'Model', paths: ['/model'] }, picker(lists.models, state.model, (value) => on.set({ model: value }), 'name or size'))
      : nothing}
    ${state.source === 'config' ? config(view, on) : nothing}
    ${state.source === 'manual' ? manual(view, on) : nothing}
    ${field(view, { id: 'weights', label: 'Weights', paths: ['/weights'] }, picker(lists.weights, state.weights, (value) => on.set({ weights: value, weightOptions: {} }), 'format'))}
    ${weightOptions(view, on)}
  `;
}

function config(view, on) {
  const { state } = view;
  return html`
    ${field(
      view,
      {
        id: 'config',
        label: 'config.json',
        paths: ['/model/config', '/model'],
        hint: 'From the model’s page on Hugging Face. Stays in this browser; a link you copy contains it.',
        aside: html`<label class="link file">Open a file<input type="file" accept=".json,application/json" @change=${(event) => on.file(event.target.files[0])} /></label>`,
      },
      ({ id, invalid, describedBy }) =>
        html`<textarea id=${id} rows="7" spellcheck="false" placeholder='{"model_type": "llama", "hidden_size": 4096, …}' aria-invalid=${invalid ? 'true' : nothing}
          aria-describedby=${describedBy || nothing} .value=${live(state.config)} @input=${(event) => on.set({ config: event.target.value })}></textarea>`,
    )}
    ${field(view, { id: 'configName', label: 'Name (optional)', paths: ['/model/name'] }, text(state.configName, (value) => on.set({ configName: value })))}
  `;
}

function manual(view, on) {
  return html`<div class="grid">
    ${manualFields.map(({ name, label, required, example }) =>
      field(
        view,
        { id: `manual-${name}`, label, paths: [`/model/manual/${name}`], wide: false },
        text(view.state.manual[name] ?? '', (value) => on.setIn('manual', name, value), { mode: 'decimal', placeholder: required ? `needed, e.g. ${example}` : 'optional' }),
      ),
    )}
  </div>`;
}

const weightOptionFields = {
  bits: { label: 'Bits', placeholder: '4' },
  group_size: { label: 'Group size', placeholder: '128' },
  bits_per_weight: { label: 'Bits per weight', placeholder: '4.0' },
};
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
        { id: `weights-${name}`, label: weightOptionFields[name].label, paths: [`/weights/${name}`], wide: false },
        text(state.weightOptions[name] ?? '', (value) => on.setIn('weightOptions', name, value), { mode: 'decimal', placeholder: weightOptionFields[name].placeholder }),
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
    return [{ value: '', label: effective ? `auto: ${effective}` : 'auto' }, ...[...types, ...odd].map((type) => ({ value: type, label: type }))];
  };
  return html`
    ${field(
      view,
      { id: 'context', label: 'Context, tokens per sequence', paths: ['/context'], aside: own ? html`<span class="quiet">made for ${count(own)}</span>` : nothing },
      (attributes) => html`
        ${text(state.context, (value) => on.set({ context: value }), { mode: 'numeric' })(attributes)}
        <input type="range" min="0" max=${STEPS} step="1" aria-label="Context, logarithmic" aria-valuetext=${typeof tokens === 'number' ? `${count(tokens)} tokens` : nothing}
          .value=${live(String(toStep(tokens)))} @input=${(event) => on.set({ context: String(toTokens(Number(event.target.value))) })} />
        <div class="ticks" aria-hidden="true"><span>256</span><span>4k</span><span>64k</span><span>1M</span></div>
      `,
    )}
    <div class="grid cache">
      ${field(view, { id: 'sequences', label: 'Sequences', paths: ['/sequences'], wide: false }, text(state.sequences, (value) => on.set({ sequences: value }), { mode: 'numeric' }))}
      ${known.apart
        ? html`
            ${field(view, { id: 'kv-k', label: 'K cache', paths: ['/kv_cache/k', '/kv_cache', '/engine/type_k'], wide: false }, choice(state.kvK, cacheOptions(state.kvK, 'k'), (value) => on.set({ kvK: value })))}
            ${field(view, { id: 'kv-v', label: 'V cache', paths: ['/kv_cache/v', '/engine/type_v'], wide: false }, choice(state.kvV, cacheOptions(state.kvV, 'v'), (value) => on.set({ kvV: value })))}
          `
        : field(view, { id: 'kv', label: 'KV cache', paths: ['/kv_cache'], wide: false }, choice(state.kvK, cacheOptions(state.kvK, 'k'), (value) => on.set({ kvK: value, kvV: value })))}
    </div>
  `;
}

function option(view, on, { name, type, about, choices }) {
  const { state, shown } = view;
  const given = state.options[name] ?? '';
  const effective = shown?.engine?.name === state.engine ? shown.engine.options?.[name] : undefined;
  const change = (value) => on.setIn('options', name, value);
  const asDefault = (words) => ({ value: '', label: words === undefined ? 'auto' : `auto: ${words}` });
  const own = given === '' ? effective : undefined;
  const control =
    type === 'switch'
      ? choice(given, [asDefault(own === undefined ? undefined : own ? 'on' : 'off'), { value: '1', label: 'on' }, { value: '0', label: 'off' }], change)
      : type === 'choice'
        ? choice(given, [asDefault(own), ...choices.map((value) => ({ value, label: value }))], change)
        : text(given, change, { mode: 'decimal', placeholder: own === undefined || own === null ? '' : typeof own === 'number' ? count(own) : String(own) });
  return field(view, { id: `option-${name}`, label: name, name: true, paths: [`/engine/${name}`], wide: false, hint: about }, control);
}

function engine(view, on) {
  const { state, lists } = view;
  const known = engineNamed(state.engine);
  const options = known?.options ?? [];
  const set = options.filter(({ name }) => (state.options[name] ?? '') !== '');
  const wrong = options.some(({ name }) => view.error?.path === `/engine/${name}`);
  const names = engines.map(({ name, title }) => ({ value: name, label: title }));
  if (!known) names.push({ value: state.engine, label: state.engine });
  return html`
    <div class="grid">
      ${field(view, { id: 'engine', label: 'Engine', paths: ['/engine/name'], wide: false, hint: known?.about }, choice(state.engine, names, (value) => on.set({ engine: value, kvK: '', kvV: '' })))}
      ${field(view, { id: 'profile', label: 'Overhead profile', paths: ['/profile'], wide: false, hint: view.shown?.profile?.name ?? '' }, choice(state.profile, lists.profiles, (value) => on.set({ profile: value })))}
    </div>
    ${options.length
      ? html`<details class="more" ?open=${set.length > 0 || wrong}>
          <summary>${known.title} options${set.length ? html` <span class="quiet">(${set.map(({ name }) => name).join(', ')})</span>` : nothing}</summary>
          <div class="grid">${options.map((item) => option(view, on, item))}</div>
        </details>`
      : nothing}
  `;
}

function gpu(view, on) {
  const { state, lists, shown } = view;
  const box = shown?.gpu;
  const nominal = box?.memory_bytes_nominal ? `, box ${size(box.memory_bytes_nominal, 'GiB').replace(/\.00 GiB$/, ' GB')}` : '';
  const capacity =
    state.gpuSource === 'catalogue' && box?.id === state.gpu
      ? `${box.memory_reported ? 'driver reports' : 'driver, estimated:'} ${size(box.memory_bytes, state.units)}${nominal}${box.unified_memory ? ', shared with the CPU' : ''}`
      : undefined;
  return html`
    ${segments('gpuSource', 'How the GPU is given', state.gpuSource, [['catalogue', 'Catalogue'], ['size', 'Memory size'], ['none', 'None']], (value) => on.set({ gpuSource: value }))}
    ${state.gpuSource === 'none'
      ? html`<p class="hint">How much is needed, without a verdict.</p>`
      : html`<div class="grid gpu">
          ${state.gpuSource === 'catalogue'
            ? field(view, { id: 'gpu', label: 'GPU', paths: ['/gpu/id', '/gpu/row', '/gpu'], wide: false, hint: capacity }, picker(lists.gpus, state.gpu, (value) => on.set({ gpu: value }), 'name or memory'))
            : field(view, { id: 'memory', label: 'Memory, GiB', paths: ['/gpu/memory_gib'], wide: false, hint: 'What the driver reports, not the box.' }, text(state.memory, (value) => on.set({ memory: value }), { mode: 'decimal' }))}
          ${field(view, { id: 'count', label: 'How many', paths: ['/gpu/count'], wide: false }, text(state.count, (value) => on.set({ count: value }), { mode: 'numeric' }))}
        </div>`}
    ${detection(view.detected, on)}
  `;
}
