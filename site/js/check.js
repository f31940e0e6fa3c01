// Checking a log: what an engine printed at its start, beside what is estimated for the same settings.
import './common.js';
import english from '../i18n/en/check.js';
import estimator from '../i18n/en/estimator.js';
import { html, live, nothing, render } from '../elements/lit.js';
import '../elements/verdict.js';
import { field, picker, section } from './controls.js';
import { newestOnly, startEngine } from './core.js';
import { count, device, size } from './format.js';
import { at, copyText, openPage, say, units } from './frame.js';
import { has, number, speak, t } from './i18n.js';
import { issueText, newIssueAddress } from './issue.js';
import { listsOf } from './lists.js';
import { listsRequest } from './lists_request.js';
import { defaults, formatHash } from './state.js';
import { errorText } from './words.js';

speak(english, { es: () => import('../i18n/es/check.js'), zh: () => import('../i18n/zh/check.js') });
speak(estimator, { es: () => import('../i18n/es/estimator.js'), zh: () => import('../i18n/zh/estimator.js') });

const LIMIT = 7 << 20; // what the engine takes at once; a start-up log is at the beginning
const LONG = 200 << 10; // characters: a text field of more than this makes the page wait
const view = { log: '', name: '', model: '', weights: '', gpu: '', lists: null, shown: null, error: null, errorText: '', broken: '', issue: false, link: '', version: '' };
const engine = startEngine('whole');
const ask = newestOnly(
  engine,
  async (_, response) => {
    if (response.ok) Object.assign(view, { shown: response, error: null, link: await linkTo(response.request) });
    else Object.assign(view, { shown: null, error: response.error });
    draw();
  },
  (error) => {
    view.broken = error.message;
    draw();
  },
);

function set(changes) {
  Object.assign(view, changes);
  if (!view.log.trim()) Object.assign(view, { shown: null, error: null });
  else ask({ op: 'check_log', text: view.log, ...(view.model ? { model: { id: view.model } } : {}), ...(view.weights ? { weights: view.weights } : {}), ...(view.gpu ? { gpu: { id: view.gpu, count: 1 } } : {}) });
  draw();
}

// The same set-up on the page of language models, as far as its form can hold it.
async function linkTo(request) {
  const state = { ...defaults, weights: typeof request.weights === 'string' ? request.weights : '', gpuSource: 'none' };
  if (request.model?.id) state.model = request.model.id;
  else if (request.model?.config) Object.assign(state, { source: 'config', config: JSON.stringify(request.model.config), configName: request.model.name ?? '' });
  else return '';
  const { name, ...options } = request.engine ?? {};
  Object.assign(state, { engine: name ?? defaults.engine, context: String(request.context ?? defaults.context), sequences: String(request.sequences ?? 1) });
  state.options = Object.fromEntries(Object.entries(options).filter(([, value]) => typeof value !== 'object').map(([key, value]) => [key, typeof value === 'boolean' ? (value ? '1' : '0') : String(value)]));
  const cache = request.kv_cache;
  if (cache) Object.assign(state, { kvK: cache.k ?? cache, kvV: cache.v ?? cache });
  if (request.gpu?.id) Object.assign(state, { gpuSource: 'catalogue', gpu: request.gpu.id, count: String(request.gpu.count ?? 1) });
  else if (request.gpu?.memory_gib) Object.assign(state, { gpuSource: 'size', memory: String(request.gpu.memory_gib), count: String(request.gpu.count ?? 1) });
  return `./#${(await formatHash(state)).hash}`;
}

async function file(chosen) {
  if (!chosen) return;
  set({ log: await chosen.slice(0, LIMIT).text(), name: chosen.name });
  if (chosen.size > LIMIT) say(t('check-too-large', { size: size(LIMIT, units()) }));
}

// A long log is not put into the text field.
function pasted(event) {
  const text = event.clipboardData?.getData('text') ?? '';
  if (text.length < LONG) return;
  event.preventDefault();
  set({ log: text.slice(0, LIMIT), name: '' });
}

const any = (items, label) => [{ value: '', label, search: '' }, ...(items ?? [])];

function form() {
  const { lists } = view;
  return section(
    t('nav-check'),
    html`${field(
      view,
      { id: 'log', label: t('check-log'), paths: ['/text'], hint: t('check-log-hint'), aside: html`<label class="link file">${t('check-open')}<input type="file" accept=".log,.txt,text/plain" @change=${(event) => file(event.target.files[0])} /></label>` },
      ({ id, invalid, describedBy }) =>
        view.log.length > LONG
          ? html`<div class="longlog" id=${id} role="group" tabindex="-1" aria-label=${t('check-log')} aria-describedby=${describedBy || nothing} aria-invalid=${invalid ? 'true' : nothing}>
              <p><b>${view.name || t('check-long')}</b> <span class="quiet">${size(view.log.length, units())}</span></p>
              <pre>${view.log.slice(0, 1500)}…</pre>
              <button type="button" @click=${() => set({ log: '', name: '' })}>${t('check-long-remove')}</button>
            </div>`
          : html`<textarea id=${id} class="log" rows="16" spellcheck="false" aria-invalid=${invalid ? 'true' : nothing} aria-describedby=${describedBy || nothing} .value=${live(view.log)} @paste=${pasted} @input=${(event) => set({ log: event.target.value })}></textarea>`,
    )}
    ${view.log ? nothing : html`<button type="button" @click=${() => set({ log: example })}>${t('check-example')}</button>`}
    ${field(view, { id: 'check-model', label: t('check-model'), help: t('check-model-help'), paths: ['/model'] }, picker(any(lists?.models, t('check-model-from-log')), view.model, (model) => set({ model }), ''))}
    <div class="grid">
      ${field(view, { id: 'check-weights', label: t('check-weights'), paths: ['/weights'], wide: false }, picker(any(lists?.weights.filter(({ value }) => value), t('check-model-from-log')), view.weights, (weights) => set({ weights }), ''))}
      ${field(view, { id: 'check-gpu', label: t('check-gpu'), paths: ['/gpu'], wide: false }, picker(any(lists?.gpus, t('check-model-from-log')), view.gpu, (gpu) => set({ gpu }), ''))}
    </div>`,
  );
}

const verdictWord = { exact: 'check-exact', within: 'check-within', off: 'check-is-off' };
const mark = { exact: '✓', within: '≈', off: '✕' };
const colour = { exact: 'fits', within: 'fits', off: 'does_not_fit' };
const amount = (value, unit) => (unit === 'bytes' ? size(value, units()) : count(Math.round(value * 100) / 100));
const termName = (term) => (has(`term-name-${term}`) ? t(`term-name-${term}`) : term.replaceAll('_', ' '));

function result({ recognised, terms, not_compared: skipped, request }) {
  const off = terms.filter(({ verdict }) => verdict === 'off').length;
  const exact = terms.filter(({ verdict }) => verdict === 'exact').length;
  const model = request.model?.id ?? request.model?.name ?? '';
  const sentence = off ? t('check-off', { off: count(off), all: count(terms.length) }) : t('check-agrees', { exact: count(exact), all: count(terms.length), within: count(terms.length - exact) });
  const issue = view.issue ? issueText(view.shown, view.log, view.version) : null;
  const address = issue && newIssueAddress(location, issue);
  return html`
    <vram-verdict .data=${{ state: off ? 'tight' : 'fits', word: t(off ? 'check-word-off' : 'check-word-agrees'), sentence, subject: [t('check-recognised', { engine: recognised.engine, version: recognised.version ? ` ${recognised.version}` : '', lines: count(recognised.lines) }), model, ...recognised.gpus].filter(Boolean).join(', ') }}></vram-verdict>
    <section class="panel">
      <h2>${t('check-terms')}</h2>
      <div class="scroll" tabindex="0" role="group" aria-label=${t('check-terms')}><table class="plain">
        <thead><tr><th scope="col">${t('check-term')}</th><th scope="col">${t('check-device')}</th><th scope="col" class="number">${t('check-measured')}</th><th scope="col" class="number">${t('check-estimate')}</th><th scope="col" class="number">${t('check-difference')}</th><th scope="col">${t('check-verdict')}</th></tr></thead>
        <tbody>${terms.map(
          ({ term, device: where, unit, measured, estimate, difference, relative, verdict }) => html`<tr>
            <th scope="row">${termName(term)}</th><td>${where ? device(where) : ''}</td>
            <td class="number">${amount(measured.value, unit)}<small>${measured.text}</small></td>
            <td class="number">${amount(estimate.expected, unit)}${estimate.low === estimate.high ? nothing : html`<small>${t('range-to', { low: amount(estimate.low, unit), high: amount(estimate.high, unit) })}</small>`}</td>
            <td class="number">${verdict === 'exact' ? '0' : amount(difference, unit)}${relative === null || verdict === 'exact' ? nothing : html`<small>${number(relative, { style: 'percent', maximumFractionDigits: 1, signDisplay: 'exceptZero' })}</small>`}</td>
            <td class="word ${colour[verdict]}">${mark[verdict]} ${t(verdictWord[verdict])}</td>
          </tr>`,
        )}</tbody>
      </table></div>
      <p class="actions">
        ${view.link ? html`<a href=${view.link}>${t('check-open-estimate')}</a>` : nothing}
        <button type="button" aria-expanded=${view.issue} @click=${() => set({ issue: !view.issue })}>${t('check-issue')}</button>
      </p>
      ${issue
        ? html`<p class="hint">${t('check-issue-hint')}</p>
            <textarea class="log" rows="12" readonly aria-label=${t('check-issue-text')} .value=${`${issue.title}\n\n${issue.body}`}></textarea>
            <p class="actions"><button type="button" class="primary" @click=${async () => say(t((await copyText(`${issue.title}\n\n${issue.body}`)) ? 'check-issue-copied' : 'check-issue-not-copied'))}>${t('check-issue-copy')}</button>
            ${address ? html`<a href=${address} target="_blank" rel="noopener noreferrer">${t('check-issue-open')}</a>` : nothing}</p>`
        : nothing}
    </section>
    ${skipped.length ? html`<details class="panel fold"><summary>${t('check-not-compared')} (${count(skipped.length)})</summary><table class="plain"><tbody>${skipped.map(({ term, device: where, text, reason }) => html`<tr><th scope="row">${termName(term)}<small>${where ?? ''}</small></th><td>${text}</td><td><small>${reason}</small></td></tr>`)}</tbody></table></details>` : nothing}
    <details class="panel fold"><summary>${t('check-facts')}</summary><table class="plain facts"><tbody>${Object.entries(recognised.facts).map(([name, value]) => html`<tr><th scope="row"><code>${name}</code></th><td>${value}</td></tr>`)}</tbody></table></details>`;
}

function draw() {
  view.errorText = view.error ? errorText(view.error) : '';
  render(form(), at('inputs'));
  render(
    html`${view.broken ? html`<div class="problem" role="alert"><strong>${t('broken-title')}</strong> ${view.broken} ${t('broken-text')}</div>` : nothing}
    ${view.error ? html`<div class="problem" role="alert">${view.errorText}</div>` : nothing}
    ${view.shown ? html`<div class="result">${result(view.shown)}</div>` : view.error || view.broken ? nothing : html`<p class="panel quiet">${t('check-nothing')}</p>`}`,
    at('answer'),
  );
}

// What llama.cpp says of Llama 3.1 8B in Q4_K_M with 8,192 tokens, in short.
const example = `print_info: file type   = Q4_K - Medium
print_info: arch = llama
print_info: n_layer = 32
print_info: n_embd = 4096
print_info: n_head_kv = 8
print_info: n_ff = 14336
print_info: n_vocab = 128256
print_info: general.name = Meta Llama 3.1 8B Instruct
load_tensors: offloaded 33/33 layers to GPU
load_tensors:        CUDA0 model buffer size =  4403.49 MiB
llama_context: n_ctx         = 8192
llama_context: flash_attn    = 1
llama_kv_cache:      CUDA0 KV buffer size =  1024.00 MiB
llama_context:      CUDA0 compute buffer size =   258.50 MiB
`;

addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => {
  event.preventDefault();
  const text = event.dataTransfer.getData('text');
  if (event.dataTransfer.files[0]) file(event.dataTransfer.files[0]);
  else if (text) set({ log: text.slice(0, LIMIT), name: '' });
});
at('inputs').addEventListener('submit', (event) => event.preventDefault());
document.addEventListener('vram-units', draw);
document.addEventListener('vram-language', draw);
await openPage();
at('answer').replaceChildren();
draw();
try {
  const [catalogue, profiles, version] = await Promise.all([engine.call(listsRequest), engine.call({ op: 'profiles' }), engine.call({ op: 'version' })]);
  Object.assign(view, { lists: listsOf(catalogue, profiles), version: version.version ?? '' });
  draw();
} catch (error) {
  view.broken ||= error.message;
  draw();
}
