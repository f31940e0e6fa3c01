// How it works: formulas and sources as the engine states them, for a model and an engine of the reader's choice.
import './common.js';
import estimator from '../i18n/en/estimator.js';
import english from '../i18n/en/learn.js';
import { html, live, nothing, render } from '../elements/lit.js';
import '../elements/picker.js';
import '../elements/references.js';
import { withNumbers } from '../elements/ledger.js';
import { newestOnly, startEngine } from './core.js';
import { engineNamed, engines, learnEngines } from './engines.js';
import { count, isExact, kind, size } from './format.js';
import { at, openPage, units } from './frame.js';
import { has, speak, t } from './i18n.js';
import { listsOf } from './lists.js';
import { listsRequest } from './lists_request.js';
import { onAllGpus } from './words.js';

speak(english, { es: () => import('../i18n/es/learn.js'), zh: () => import('../i18n/zh/learn.js') });
speak(estimator, { es: () => import('../i18n/es/estimator.js'), zh: () => import('../i18n/zh/estimator.js') });

const view = { model: 'llama-3.1-8b', engine: 'llama.cpp', lists: null, profiles: [], response: null, problem: '' };
const engine = startEngine();
const ask = newestOnly(
  engine,
  (_, response) => {
    view.response = response.ok ? response : null;
    view.problem = response.ok ? '' : response.error.message;
    draw();
  },
  (error) => {
    view.problem = error.message;
    draw();
  },
);

function estimate() {
  const format = { 'llama.cpp': 'q4_k_m', ideal: 'q4_k_m' }[view.engine];
  ask({ op: 'estimate', model: { id: view.model }, ...(format ? { weights: format } : {}), engine: { name: view.engine }, gpu: { id: 'rtx-4090', count: 1 }, also: ['references'] });
}
function set(changes) {
  Object.assign(view, changes);
  estimate();
  draw();
}

// Each formula once, with the largest entry that it gives.
function formulas({ ledger }) {
  const found = new Map();
  for (const entry of ledger.entries) {
    if (!entry.formula) continue;
    const key = `${entry.kind} ${entry.formula}`;
    if (!found.has(key) || found.get(key).bytes.expected < entry.bytes.expected) found.set(key, entry);
  }
  return [...found.values()];
}

const row = ({ kind: name, label, formula, values, bytes, source }) => html`<tr>
  <th scope="row"><i class="swatch fill-${name}"></i>${label || kind(name)}</th>
  <td><code>${formula}</code>${withNumbers(formula, values) === formula ? nothing : html`<small><code>= ${withNumbers(formula, values)}</code></small>`}</td>
  <td class="number">${size(bytes.expected, units())}<small>${isExact(bytes) ? t('exact') : t('range-to', { low: size(bytes.low, units()), high: size(bytes.high, units()) })}</small></td>
  <td><small>${source}</small></td>
</tr>`;

const inputs = () => [
  ...[['field-model', 'help-model'], ['field-weights', 'help-weights'], ['field-context', 'help-context'], ['field-sequences', 'help-sequences'], ['field-kv', 'help-kv'], ['field-profile', 'help-profile']].map(([name, help]) => [t(name), t(help)]),
  ...(engineNamed(view.engine)?.options ?? []).map(({ name }) => [html`<code>${name}</code>`, has(`about-${name}`) ? t(`about-${name}`) : '']),
];

function draw() {
  if (!view.response && !view.problem) return; // all at once, so that nothing moves
  const { lists, response, profiles } = view;
  const range = (profile, name) => (profile[`${name}_mib`] === undefined ? '' : `${count(profile[`${name}_mib`])}${profile[`${name}_high_mib`] === undefined ? '' : ` (${t('range-to', { low: count(profile[`${name}_low_mib`] ?? 0), high: count(profile[`${name}_high_mib`]) })})`}`);
  at('generated').querySelector(':scope > .waiting')?.remove();
  render(
    html`<section class="panel">
        <h2>${t('learn-formulas')}</h2>
        <p class="hint">${t('learn-formulas-hint')} ${response?.engine?.checked_against ? t('learn-checked', { version: String(response.engine.checked_against) }) : nothing}</p>
        <div class="filters">
          <label class="stack">${t('learn-model')}<vram-picker .inputId=${'learn-model'} .items=${lists?.models ?? []} .value=${view.model} @vram-pick=${(event) => set({ model: event.detail })}></vram-picker></label>
          <label class="stack">${t('learn-engine')}<select .value=${live(view.engine)} @change=${(event) => set({ engine: event.target.value })}>${engines.map(({ name, title }) => html`<option value=${name} .selected=${name === view.engine}>${name === 'ideal' ? t('engine-title-ideal') : title}</option>`)}</select></label>
        </div>
        ${view.problem ? html`<p class="problem" role="alert">${view.problem}</p>` : nothing}
        ${response
          ? html`<div class="scroll" tabindex="0" role="group" aria-label=${t('learn-formulas')}><table class="plain formulas">
              <thead><tr><th scope="col">${t('learn-entry')}</th><th scope="col">${t('learn-formula')}</th><th scope="col" class="number">${t('learn-bytes')}</th><th scope="col">${t('learn-source')}</th></tr></thead>
              <tbody>${formulas(response).map(row)}</tbody>
            </table></div>`
          : nothing}
      </section>
      ${response?.references?.length ? html`<vram-references .data=${{ references: response.references, ours: onAllGpus(response), unit: units() }}></vram-references>` : nothing}
      <section class="panel">
        <h2>${t('learn-inputs')}</h2>
        <table class="plain">
          <thead><tr><th scope="col">${t('learn-input')}</th><th scope="col">${t('learn-meaning')}</th></tr></thead>
          <tbody>${inputs().map(([name, meaning]) => html`<tr><th scope="row">${name}</th><td>${meaning}</td></tr>`)}</tbody>
        </table>
      </section>
      ${profiles.length
        ? html`<section class="panel">
            <h2>${t('learn-profiles')}</h2>
            <p class="hint">${t('learn-profiles-hint')}</p>
            <div class="scroll" tabindex="0" role="group" aria-label=${t('learn-profiles')}><table class="plain">
              <thead><tr><th scope="col">${t('learn-profile')}</th><th scope="col" class="number">${t('learn-context-mib')}</th><th scope="col" class="number">${t('learn-display-mib')}</th><th scope="col">${t('learn-source')}</th></tr></thead>
              <tbody>${profiles.map((profile) => html`<tr><th scope="row">${profile.name || profile.id}</th><td class="number">${range(profile, 'runtime_context')}</td><td class="number">${range(profile, 'display_reserve')}</td><td><small>${profile.source ?? ''}</small></td></tr>`)}</tbody>
            </table></div>
          </section>`
        : nothing}`,
    at('generated'),
  );
}

document.addEventListener('vram-units', draw);
document.addEventListener('vram-language', draw);
await openPage();
estimate();
const [catalogue, profiles] = await Promise.all([engine.call(listsRequest), engine.call({ op: 'profiles' })]).catch(() => []);
if (catalogue) learnEngines(catalogue.engines);
if (catalogue) set({ lists: listsOf(catalogue, profiles), profiles: profiles.profiles });
// A link to a word of the glossary leads there, though the page above it has grown since.
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
