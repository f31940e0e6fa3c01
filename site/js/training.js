// Training: a form, one request of docs/api.md ("training"), and its answer drawn with the elements of the other pages.
// The state is the request without "op"; the address carries what differs from where the page starts.
import './common.js';
import estimator from '../i18n/en/estimator.js';
import english from '../i18n/en/training.js';
import { html, nothing, render } from '../elements/lit.js';
import '../elements/bar.js';
import '../elements/ledger.js';
import '../elements/verdict.js';
import { choice, field, picker, section, segments, text, tick as box } from './controls.js';
import { newestOnly, startEngine } from './core.js';
import { count, size } from './format.js';
import { at, copyText, openPage, pause, say, units } from './frame.js';
import { speak, t } from './i18n.js';
import { keepInHash } from './link.js';
import { emptyLists, listsOf } from './lists.js';
import { mini } from './mini.js';
import { listsRequest } from './lists_request.js';
import { sentence, verdict } from './words.js';

speak(english, { es: () => import('../i18n/es/training.js'), zh: () => import('../i18n/zh/training.js') });
speak(estimator, { es: () => import('../i18n/es/estimator.js'), zh: () => import('../i18n/zh/estimator.js') });

const start = {
  model: 'llama-3.1-8b', method: 'qlora', weights: '', lora_rank: '16', targets: 'all', use_dora: '', train_embeddings: '',
  micro_batch_size: '1', sequence_length: '2048', gradient_accumulation_steps: '1', gradient_checkpointing: '1', attn_implementation: 'sdpa',
  loss: 'cross_entropy', fused_kernels: '', optimizer: 'adamw', precision: 'bf16_mixed', optimizer_in_backward: '',
  gpu: 'rtx-4090', count: '1', strategy: 'ddp', offload_optimizer: '', offload_param: '',
};
const targets = { all: null, attention: ['q_proj', 'k_proj', 'v_proj', 'o_proj'], qv: ['q_proj', 'v_proj'], mlp: ['gate_proj', 'up_proj', 'down_proj'] };
const switches = ['use_dora', 'train_embeddings', 'gradient_checkpointing', 'fused_kernels', 'optimizer_in_backward', 'offload_optimizer', 'offload_param'];
const adapterSwitches = ['use_dora', 'train_embeddings'];
const numbers = ['lora_rank', 'micro_batch_size', 'sequence_length', 'gradient_accumulation_steps'];
const quantized = ['', 'bnb_nf4', 'bnb_int8', 'gptq', 'awq'];

const view = { state: start, unknown: [], lists: emptyLists, shown: null, request: null, verdict: null, error: null, errorText: '', broken: '' };

// The address says what differs from the start; what an older or newer page knows and this one does not is kept.
const VERSION = '1';
const link = keepInHash({
  async hash() {
    const said = Object.entries(view.state).filter(([key, value]) => value !== start[key]);
    return { hash: new URLSearchParams([['v', VERSION], ...said, ...view.unknown]).toString(), complete: true };
  },
  async load(hash) {
    const typed = new URLSearchParams(hash.slice(1));
    view.state = Object.fromEntries(Object.keys(start).map((key) => [key, typed.get(key) ?? start[key]]));
    view.unknown = [...typed].filter(([key]) => !Object.hasOwn(start, key) && key !== 'v');
    ask(requestOf(view.state));
    await pause();
    draw();
  },
});

// Whole numbers as typed, "4k" included; anything else goes to the engine as it stands, which says what is wrong.
const typedNumber = (value) => {
  const match = /^\s*(\d+)\s*(k)?\s*$/i.exec(value);
  return match ? Number(match[1]) * (match[2] ? 1024 : 1) : value;
};

function requestOf(state) {
  const request = { op: 'training', model: { id: state.model }, method: state.method };
  const adapts = state.method !== 'full';
  if (state.method === 'qlora' && state.weights) request.weights = state.weights;
  for (const name of numbers) if (state[name] !== '' && (adapts || name !== 'lora_rank')) request[name] = typedNumber(state[name]);
  for (const name of switches) if (state[name] && (adapts || !adapterSwitches.includes(name))) request[name] = true;
  if (adapts && targets[state.targets]) request.target_modules = targets[state.targets];
  for (const name of ['attn_implementation', 'loss', 'optimizer', 'precision', 'strategy']) request[name] = state[name];
  if (state.gpu) request.gpu = { id: state.gpu, count: typedNumber(state.count) };
  return { ...request, also: ['max_micro_batch_size', 'max_sequence_length', 'max_lora_rank', 'techniques', 'models'] };
}

const engine = startEngine('whole');
const ask = newestOnly(
  engine,
  (request, response) => {
    view.broken = '';
    if (response.ok) Object.assign(view, { request, shown: response, error: null, errorText: '' });
    else Object.assign(view, { error: response.error, errorText: response.error.expected ? `${sentence(response.error.message)} ${response.error.expected}` : sentence(response.error.message) });
    draw();
  },
  (error) => {
    view.broken = error.message;
    draw();
  },
);

function set(changes) {
  view.state = { ...view.state, ...changes };
  ask(requestOf(view.state));
  draw();
  link.changed(Object.keys(changes).join());
}

const on = (name) => (value) => set({ [name]: value });
const list = (values, labels = {}) => values.map((value) => ({ value, label: labels[value] ?? value }));
const tick = (name, label) => box(name, label, Boolean(view.state[name]), (checked) => set({ [name]: checked ? '1' : '' }));
const small = (name, label, path = `/${name}`) => field(view, { id: name, label, paths: [path], wide: false }, text(view.state[name], on(name), { mode: 'numeric' }));
const chosen = (name, label, options, wide = false) => field(view, { id: name, label, paths: [`/${name}`], wide }, choice(view.state[name], options, on(name)));

function form() {
  const { state, lists } = view;
  const adapts = state.method !== 'full';
  const several = Number(state.count) > 1;
  return html`
    ${mini(view.verdict, Boolean(view.error))}
    ${section(t('training-model'), field(view, { id: 'model', label: t('training-field-model'), paths: ['/model'] }, picker(lists.models, state.model, on('model'), '')))}
    ${section(
      t('training-method'),
      html`${segments('method', t('training-method'), state.method, ['full', 'lora', 'qlora'].map((name) => [name, t(`training-method-${name}`)]), on('method'))}
        ${state.method === 'qlora' ? chosen('weights', t('training-field-weights'), list(quantized, { '': 'bnb_nf4, double_quant' }), true) : nothing}
        <div class="grid">
          ${adapts ? small('lora_rank', t('training-field-rank')) : nothing}
          ${adapts ? field(view, { id: 'targets', label: t('training-field-targets'), paths: ['/target_modules'], wide: false }, choice(state.targets, Object.keys(targets).map((value) => ({ value, label: t(`training-targets-${value}`) })), on('targets'))) : nothing}
        </div>
        ${adapts ? html`${tick('use_dora', t('training-field-dora'))} ${tick('train_embeddings', t('training-field-embeddings'))}` : nothing}`,
    )}
    ${section(
      t('training-load'),
      html`<div class="grid">
          ${small('micro_batch_size', t('training-field-batch'))} ${small('sequence_length', t('training-field-length'))} ${small('gradient_accumulation_steps', t('training-field-accumulation'))}
          ${chosen('attn_implementation', t('training-field-attention'), list(['sdpa', 'flash_attention_2', 'eager']))}
        </div>
        ${chosen('loss', t('training-field-loss'), list(['cross_entropy', 'chunked', 'fused_linear'], { cross_entropy: t('training-loss-cross_entropy'), chunked: t('training-loss-chunked'), fused_linear: t('training-loss-fused_linear') }), true)}
        ${tick('gradient_checkpointing', t('training-field-checkpointing'))} ${tick('fused_kernels', t('training-field-kernels'))}`,
    )}
    ${section(
      t('training-optimizer'),
      html`<div class="grid">
          ${chosen('optimizer', t('training-field-optimizer'), list(['adamw', 'adamw_8bit', 'paged_adamw', 'paged_adamw_8bit', 'adafactor', 'lion', 'lion_8bit', 'sgd', 'sgd_momentum']))}
          ${chosen('precision', t('training-field-precision'), list(['bf16_mixed', 'bf16', 'fp16_mixed', 'fp32']))}
        </div>
        ${tick('optimizer_in_backward', t('training-field-in-backward'))}`,
    )}
    ${section(
      t('training-gpu'),
      html`${field(view, { id: 'gpu', label: t('training-field-gpu'), paths: ['/gpu/id', '/gpu'] }, picker(lists.gpus, state.gpu, on('gpu'), ''))}
        <div class="grid">
          ${small('count', t('training-field-count'), '/gpu/count')}
          ${chosen('strategy', t('training-field-strategy'), list(['ddp', 'zero_1', 'zero_2', 'zero_3', 'fsdp']))}
        </div>
        ${several || state.strategy !== 'ddp' ? html`${tick('offload_optimizer', t('training-field-offload-optimizer'))} ${tick('offload_param', t('training-field-offload-param'))}` : nothing}`,
    )}
  `;
}

// What a technique changes in the form; a name that is no option of its own is an option's value.
const changes = {
  sdpa: { attn_implementation: 'sdpa' }, fused_linear: { loss: 'fused_linear' }, micro_batch_size: { micro_batch_size: '1' }, lora: { method: 'lora' }, qlora: { method: 'qlora' },
  bf16: { precision: 'bf16' }, zero_3: { strategy: 'zero_3' }, adamw_8bit: { optimizer: 'adamw_8bit' }, paged_adamw_8bit: { optimizer: 'paged_adamw_8bit' }, adafactor: { optimizer: 'adafactor' },
};
const apply = (name) => {
  const change = { ...(changes[name] ?? { [name]: '1' }) };
  if (name === 'micro_batch_size') change.gradient_accumulation_steps = String(typedNumber(view.state.gradient_accumulation_steps) * typedNumber(view.state.micro_batch_size));
  set(change);
};

function largest(response) {
  const row = (key, label) => {
    const found = response[key];
    if (!found || found.limit === 0) return nothing;
    return html`<div class="tile"><dt class="name">${label}</dt><dd class="value">${found.value === 0 ? t('training-max-none') : count(found.value)}</dd></div>`;
  };
  const trained = response.figures.find(({ name }) => name === 'trainable_parameters');
  return html`<dl class="tiles short">
    <div class="tile"><dt class="name">${t('training-trained')}</dt><dd class="value">${count(trained?.number ?? 0)}</dd></div>
    ${row('max_micro_batch_size', t('training-max-batch'))} ${row('max_sequence_length', t('training-max-length'))} ${row('max_lora_rank', t('training-max-rank'))}
  </dl>`;
}

function techniques(response) {
  if (!response.techniques?.length) return nothing;
  return html`<section class="panel">
    <h2>${t('training-techniques')}</h2>
    <table class="plain">
      <thead><tr><th scope="col">${t('training-technique')}</th><th scope="col" class="number">${t('training-saves')}</th><th scope="col">${t('training-then')}</th></tr></thead>
      <tbody>${response.techniques.map(
        ({ name, text: what, saved_bytes: saved, verdict: then }) => html`<tr>
          <th scope="row"><button type="button" class="link" aria-label=${t('training-use', { name })} @click=${() => apply(name)}><code>${name}</code></button><small>${what}</small></th>
          <td class="number">${size(saved, units())}</td>
          <td>${then ? t(`training-then-${then}`) : nothing}</td>
        </tr>`,
      )}</tbody>
    </table>
  </section>`;
}

const models = (response) =>
  response.models?.length
    ? html`<section class="panel"><h2>${t('training-models')}</h2><ul class="training-models">${response.models.map(({ id, name }) => html`<li><button type="button" class="link" @click=${() => set({ model: id })}>${name}</button></li>`)}</ul></section>`
    : nothing;

function subject({ model, training, gpu }) {
  const run = t('training-subject', { model: model.name || model.id, method: t(`training-method-${training.method}`), optimizer: training.optimizer, precision: training.precision, batch: count(training.micro_batch_size), length: count(training.sequence_length) });
  return gpu ? `${run}, ${gpu.count > 1 ? `${gpu.count} × ` : ''}${gpu.name || gpu.id}` : run;
}

function answer() {
  const { shown, error, errorText, broken } = view;
  const { ledger, gpu, warnings } = shown ?? {};
  return html`
    ${broken ? html`<div class="problem" role="alert"><strong>${t('training-broken')}</strong> ${broken}</div>` : nothing}
    ${error ? html`<div class="problem" role="alert">${errorText}</div>` : nothing}
    ${shown
      ? html`<div class="result ${error || broken ? 'stale' : ''}">
          <vram-verdict .data=${view.verdict}></vram-verdict>
          ${warnings.length ? html`<ul class="warnings">${warnings.map(({ message }) => html`<li>${sentence(message)}</li>`)}</ul>` : nothing}
          <vram-bar .data=${{ ledger, capacity: gpu?.memory_bytes ?? null, nominal: gpu?.memory_bytes_nominal, reported: gpu?.memory_reported, unit: units() }}></vram-bar>
          ${largest(shown)}
          <vram-ledger .data=${{ ledger, unit: units() }}></vram-ledger>
          <div class="pair">${techniques(shown)} ${models(shown)}</div>
        </div>`
      : error || broken ? nothing : html`<p class="waiting">${t('training-waiting')}</p>`}
  `;
}

function draw() {
  view.verdict = view.shown && verdict(view.shown, units(), subject(view.shown));
  render(form(), at('inputs'));
  render(answer(), at('answer'));
  if (view.verdict && !view.error) at('live').textContent = view.verdict.sentence;
}

at('copy-link').addEventListener('click', async () => {
  await link.save();
  say(t((await copyText(location.href)) ? 'copied-link' : 'copied-not-link'));
});
at('copy-json').addEventListener('click', async () => {
  if (view.shown) say(t((await copyText(JSON.stringify({ request: view.request, response: view.shown }, null, 2))) ? 'copied-json' : 'copied-not-json'));
});

at('inputs').addEventListener('submit', (event) => event.preventDefault());
document.addEventListener('vram-units', draw);
document.addEventListener('vram-language', draw);
await openPage();
at('answer').replaceChildren();
await link.load();
const [catalogue, profiles] = await Promise.all([engine.call(listsRequest), engine.call({ op: 'profiles' })]).catch(() => []);
if (catalogue) {
  view.lists = listsOf(catalogue, profiles);
  draw();
}
