// Accuracy: every record that an estimate was held against, filtered by what stands in the address.
import english from '../i18n/en/accuracy.js';
import { axes, extent, nearest, paint, places, scaleFor } from '../charts/scatter.js';
import { html, live, nothing, render } from '../elements/lit.js';
import { count, size } from './format.js';
import { at, openPage, units } from './frame.js';
import { number, speak, t } from './i18n.js';

speak(english, { es: () => import('../i18n/es/accuracy.js'), zh: () => import('../i18n/zh/accuracy.js') });

const PAGE = 40; // records at a time
const filters = ['set', 'engine', 'arch', 'term'];
const levels = ['term', 'engine', 'arch'];
const view = { set: '', engine: '', arch: '', term: '', by: 'term', shown: PAGE, chosen: null };
let data = null;

const percent = (share, digits = 1) => number(share, { style: 'percent', minimumFractionDigits: 0, maximumFractionDigits: Math.abs(share) > 0 && Math.abs(share) < 0.01 ? 2 : digits });
const signed = (share) => number(share, { style: 'percent', signDisplay: 'exceptZero', maximumFractionDigits: Math.abs(share) < 0.01 ? 2 : 1 });
const amount = (record, value) => (record.bytes ? size(value, units()) : count(value));

function recordAt(i) {
  const { records: r } = data;
  const [measured, difference, flags] = [r.measured[i], r.difference[i], r.flags[i]];
  return {
    set: data.sets[r.set[i]].id, term: data.terms[r.term[i]], engine: data.engines[r.engine[i]], arch: data.archs[r.arch[i]], model: data.models[r.model[i]],
    source: data.sources[r.source[i]], version: data.versions[r.version[i]], measured, estimated: measured + difference,
    error: measured > 0 ? difference / measured : 1, exact: (flags & 1) > 0, inside: (flags & 2) > 0, bytes: (flags & 4) > 0, count: r.count[i], colour: r.term[i],
  };
}

// What the address says, and back.
function readHash() {
  const hash = new URLSearchParams(location.hash.slice(1));
  for (const key of filters) view[key] = hash.get(key) ?? '';
  view.by = levels.includes(hash.get('by')) ? hash.get('by') : view.arch ? 'arch' : view.engine ? 'engine' : 'term';
  Object.assign(view, { shown: PAGE, chosen: null });
}
function writeHash() {
  const hash = new URLSearchParams();
  for (const key of filters) if (view[key]) hash.set(key, view[key]);
  if (view.by !== 'term') hash.set('by', view.by);
  const next = `#${hash}`;
  if (next !== location.hash) history.pushState(null, '', next === '#' ? location.pathname : next);
}
function choose(key, value) {
  Object.assign(view, { [key]: value, shown: PAGE, chosen: null });
  writeHash();
  select();
  draw();
}

// The records that pass the filters, the worst first; and what each filter could still be.
let all = [];
let selected = [];
let options = {};
function select() {
  const could = Object.fromEntries(filters.map((key) => [key, new Set()]));
  selected = [];
  for (const record of all) {
    const against = filters.filter((key) => view[key] && record[key] !== view[key]);
    if (against.length === 0) selected.push(record);
    for (const key of filters) if (against.length === 0 || (against.length === 1 && against[0] === key)) could[key].add(record[key]);
  }
  selected.sort((a, b) => Math.abs(b.error) - Math.abs(a.error));
  options = Object.fromEntries(filters.map((key) => [key, [...could[key]].sort()]));
}

function lineRows() {
  const names = { set: data.sets.map(({ id }) => id), term: data.terms, engine: data.engines, arch: data.archs };
  const depth = levels.indexOf(view.by);
  return data.lines.flatMap(([set, term, engine, arch, ...figures]) => {
    if ((engine >= 0 ? 1 : 0) + (arch >= 0 ? 1 : 0) !== depth) return [];
    const line = { set: names.set[set], term: names.term[term], engine: names.engine[engine] ?? '', arch: names.arch[arch] ?? '' };
    if (!filters.every((key) => !view[key] || !line[key] || line[key] === view[key])) return [];
    // A coarser line than the filter would show records that the filter hides.
    if ((view.engine && !line.engine) || (view.arch && !line.arch)) return [];
    return [{ ...line, figures }];
  });
}

const titleOf = (id) => data.sets.find((set) => set.id === id).title;
const picker = (key) => html`<label class="stack">${t(`accuracy-${key}`)}<select .value=${live(view[key])} @change=${(event) => choose(key, event.target.value)}>
  <option value="" .selected=${!view[key]}>${t('accuracy-any')}</option>
  ${options[key].map((name) => html`<option value=${name} .selected=${name === view[key]}>${key === 'set' ? titleOf(name) : name}</option>`)}
</select></label>`;

function table() {
  const rows = lineRows();
  const depth = levels.indexOf(view.by);
  const heads = ['accuracy-n', 'accuracy-share', 'accuracy-median', 'accuracy-p90', 'accuracy-p95', 'accuracy-max', 'accuracy-bias', 'accuracy-inside'];
  return html`<section class="panel">
    <h2>${t('accuracy-table')}</h2>
    <div class="filters">${filters.map(picker)}
      <label class="stack">${t('accuracy-by')}<select .value=${live(view.by)} @change=${(event) => choose('by', event.target.value)}>${levels.map((level) => html`<option value=${level} .selected=${level === view.by}>${t(`accuracy-by-${level}`)}</option>`)}</select></label>
    </div>
    ${rows.length === 0 ? html`<p>${t('accuracy-none')}</p>` : html`<div class="scroll tall" tabindex="0" role="group" aria-label=${t('accuracy-table')}><table class="plain lines">
      <thead><tr><th scope="col">${t('accuracy-set')}</th><th scope="col">${t('accuracy-term')}</th>${depth > 0 ? html`<th scope="col">${t('accuracy-engine')}</th>` : nothing}${depth > 1 ? html`<th scope="col">${t('accuracy-arch')}</th>` : nothing}
        ${heads.map((id) => html`<th scope="col" class="number">${t(id)}</th>`)}<th scope="col" class="number" title=${t('accuracy-width-help')}>${t('accuracy-width')}</th></tr></thead>
      <tbody>${rows.map(({ set, term, engine, arch, figures: [n, exact, median, p90, p95, max, bias, inside, width] }) => html`<tr>
        <td><small>${titleOf(set)}</small></td><th scope="row">${term}</th>${depth > 0 ? html`<td>${engine}</td>` : nothing}${depth > 1 ? html`<td>${arch}</td>` : nothing}
        <td class="number">${count(n)}</td><td class="number">${percent(exact)}</td>${[median, p90, p95, max].map((share) => html`<td class="number">${percent(share)}</td>`)}
        <td class="number">${signed(bias)}</td><td class="number">${percent(inside)}</td><td class="number">${width === null ? '' : percent(width)}</td>
      </tr>`)}</tbody>
    </table></div>`}
  </section>`;
}

// The plot.
let plotted = { points: [], place: null };
const isLink = (source) => /^https:\/\//.test(source);
function pick(index) {
  view.chosen = index;
  draw();
}
function point(event) {
  const frame = event.currentTarget.getBoundingClientRect();
  const [width, height] = extent();
  const found = nearest(plotted.place.at, ((event.clientX - frame.left) / frame.width) * width, ((event.clientY - frame.top) / frame.height) * height);
  if (found !== view.chosen && found !== null) pick(found);
}
function keys(event) {
  const last = plotted.points.length - 1;
  const now = view.chosen ?? -1;
  const next = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: last }[event.key];
  if (next !== undefined) {
    event.preventDefault();
    pick(Math.max(0, Math.min(last, next)));
  } else if (event.key === 'Enter' && view.chosen !== null && isLink(plotted.points[view.chosen].source)) {
    open(plotted.points[view.chosen].source, '_blank', 'noopener');
  }
}
const sourceLink = (record) => (isLink(record.source) ? html`<a href=${record.source} rel="noreferrer noopener">${t('accuracy-open')}<span class="only-heard">: ${record.model} ${record.term}</span></a>` : html`<small>${record.source}</small>`);
const words = (record) => html`<b>${record.model}</b> ${record.engine} ${record.version}, ${record.term}: ${t('accuracy-measured')} ${amount(record, record.measured)}, ${t('accuracy-estimated')} ${amount(record, record.estimated)} (${record.exact ? t('accuracy-share') : signed(record.error)}, ${t(record.inside ? 'accuracy-is-inside' : 'accuracy-is-outside')})`;

function plot() {
  // Bytes and tokens share no scale: tokens are plotted where nothing else is chosen.
  const some = selected.some(({ bytes }) => bytes);
  const points = selected.filter(({ measured, estimated, bytes }) => measured > 0 && estimated > 0 && bytes === some);
  const domain = scaleFor(points);
  plotted = { points, place: places(points, domain) };
  const inBytes = some;
  const exact = points.reduce((sum, record) => sum + (record.exact ? record.count : 0), 0);
  const total = points.reduce((sum, record) => sum + record.count, 0);
  const format = (value) => (inBytes ? size(value, units()) : number(value, { notation: 'compact' }));
  const smallest = points.reduce((least, { measured }) => Math.min(least, measured), Infinity);
  const largest = points.reduce((most, { measured }) => Math.max(most, measured), 0);
  const says = points.length ? t('accuracy-plot-says', { count: count(total), low: format(smallest), high: format(largest), exact: count(exact) }) : t('accuracy-none');
  const chosen = view.chosen === null ? null : points[view.chosen];
  return html`<section class="panel">
    <h2>${t('accuracy-plot')}</h2>
    <p class="hint">${says} ${t('accuracy-plot-keys')}</p>
    <div class="scatter" tabindex="0" role="application" aria-label=${`${t('accuracy-plot')}. ${says}`} aria-describedby="chosen" @pointermove=${point} @pointerdown=${point} @keydown=${keys}>
      <canvas aria-hidden="true"></canvas>${axes(plotted.place, domain, units(), inBytes)}
    </div>
    <p id="chosen" class="chosen" aria-live="polite">${chosen ? html`${words(chosen)}${chosen.count > 1 ? html`, ${t('accuracy-times', { count: count(chosen.count) })}` : nothing} ${sourceLink(chosen)}` : ' '}</p>
  </section>`;
}

function twin() {
  return html`<section class="panel">
    <h2>${t('accuracy-twin')}</h2>
    <div class="scroll" tabindex="0" role="group" aria-label=${t('accuracy-twin')}><table class="plain">
      <thead><tr><th scope="col">${t('accuracy-model')}</th><th scope="col">${t('accuracy-engine')}</th><th scope="col">${t('accuracy-term')}</th><th scope="col" class="number">${t('accuracy-measured')}</th><th scope="col" class="number">${t('accuracy-estimated')}</th><th scope="col" class="number">${t('accuracy-error')}</th><th scope="col">${t('accuracy-inside')}</th><th scope="col">${t('accuracy-source')}</th></tr></thead>
      <tbody>${selected.slice(0, view.shown).map((record) => html`<tr>
        <th scope="row">${record.model}${record.count > 1 ? html` <small>${t('accuracy-times', { count: count(record.count) })}</small>` : nothing}</th><td>${record.engine} <small>${record.version}</small></td><td>${record.term}</td>
        <td class="number">${amount(record, record.measured)}</td><td class="number">${amount(record, record.estimated)}</td><td class="number">${record.exact ? t('accuracy-share') : signed(record.error)}</td>
        <td>${t(record.inside ? 'accuracy-is-inside' : 'accuracy-is-outside')}</td><td>${sourceLink(record)}</td>
      </tr>`)}</tbody>
    </table></div>
    ${selected.length > view.shown ? html`<p><button type="button" @click=${() => ((view.shown += PAGE), draw())}>${t('accuracy-more', { count: count(Math.min(PAGE, selected.length - view.shown)) })}</button></p>` : nothing}
  </section>`;
}

function leftOut() {
  const sets = data.sets.filter(({ id, left_out: reasons }) => reasons.length && (!view.set || view.set === id));
  return html`<section class="panel">
    <h2>${t('accuracy-left')}</h2>
    ${sets.map((set) => html`<details><summary>${set.title}: ${t('accuracy-left-of', { used: count(set.used), rows: count(set.rows) })}</summary>
      <table class="plain"><thead><tr><th scope="col">${t('accuracy-reason')}</th><th scope="col" class="number">${t('accuracy-rows')}</th></tr></thead>
      <tbody>${set.left_out.map(([reason, n]) => html`<tr><th scope="row">${reason}</th><td class="number">${count(n)}</td></tr>`)}</tbody></table></details>`)}
  </section>`;
}

const parts = [table, plot, twin, leftOut];
let ready = 0; // parts on the page: at first one after the other, so that none holds up the page
function draw() {
  if (!ready) return;
  render(html`${parts.slice(0, ready).map((part) => part())}${ready < parts.length ? html`<i class="waiting" hidden></i>` : nothing}`, at('records'));
  if (ready > 1) paint(at('records').querySelector('canvas'), { points: plotted.points, at: plotted.place.at, chosen: view.chosen });
}

document.addEventListener('vram-units', draw);
document.addEventListener('vram-language', draw);
for (const event of ['hashchange', 'popstate']) addEventListener(event, () => (readHash(), ready && (select(), draw())));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
let width = globalThis.innerWidth;
addEventListener('resize', () => width !== globalThis.innerWidth && ((width = globalThis.innerWidth), draw()));
await openPage();
try {
  ({ default: data } = await import('../data/accuracy.json'));
} catch {
  at('records').replaceChildren(Object.assign(document.createElement('p'), { className: 'problem', textContent: t('accuracy-missing') }));
}
if (data) {
  const pause = () => new Promise((resolve) => setTimeout(resolve));
  for (let i = 0; i < data.records.set.length; ++i) {
    all.push(recordAt(i));
    if (i % 1000 === 999) await pause();
  }
  readHash();
  select();
  at('records').replaceChildren();
  while (ready < parts.length) {
    await pause();
    ++ready;
    draw();
  }
}
