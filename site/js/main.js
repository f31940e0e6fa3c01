// The page of language models: hash → state → form and request → engine → answer.
import english from '../i18n/en/estimator.js';
import { render } from '../elements/lit.js';
import { answer } from './answer.js';
import { EngineUnavailable, newestOnly, startEngine } from './core.js';
import { learnEngines } from './engines.js';
import { form } from './form.js';
import { at, copyText, openPage, say, showUnits, units } from './frame.js';
import { candidates, probe } from './hardware.js';
import { settled, speak, t } from './i18n.js';
import { keepInHash } from './link.js';
import { emptyLists, listsOf } from './lists.js';
import { recall, remember } from './memory.js';
import { requestOf } from './request.js';
import { defaults, formatHash, parseHash } from './state.js';
import { errorText, verdict } from './words.js';

speak(english, { es: () => import('../i18n/es/estimator.js'), zh: () => import('../i18n/zh/estimator.js') });

const view = {
  state: defaults,
  unknown: [], // hash fields of other versions, kept
  lists: emptyLists,
  shown: null, // the last good response
  request: null, // and its request
  error: null, // of the newest request: {path, message, expected, value}
  errorText: '',
  broken: '', // the engine is not there
  detected: null,
  mine: null, // {id, name} of the GPU chosen as this computer's
  partial: false, // the answer's limits and advice are still to come
  jsonOpen: false,
  pins: [], // hashes of states kept for comparing
};

const engine = startEngine();
const ask = newestOnly(
  engine,
  (request, response) => {
    if (response.ok) Object.assign(view, { request, shown: response, error: null });
    else view.error = response.error;
    view.partial = false;
    if (first) askRest();
    draw();
    listen();
  },
  (error) => {
    view.broken = error.message;
    draw();
  },
);

// Of the first visit only the estimate is asked at first, and its limits, advice and references right after: while the
// engine is cold those take longer than everything else on the way to a verdict.
let first = true;
function askRest() {
  first = false;
  view.partial = Boolean(view.shown);
  estimate();
}

const link = keepInHash({
  hash: () => formatHash(view.state, view.unknown, view.pins),
  async load(hash) {
    const { state, unknown, pins } = await parseHash(hash, { units: units(), ...(!/^#./.test(hash) && recall('gpu') ? { gpu: recall('gpu') } : {}) });
    Object.assign(view, { state, unknown, pins });
    showUnits(state.units);
    estimate();
    draw();
  },
});

const on = {
  set(changes) {
    view.state = { ...view.state, ...changes };
    changed(Object.keys(changes).join());
  },
  setIn(group, name, value) {
    view.state = { ...view.state, [group]: { ...view.state[group], [name]: value } };
    changed(`${group}.${name}`);
  },
  // A config.json is shown as text; everything else is read by its headers, however large.
  async files(files) {
    if (!files.length) return;
    if (files.length === 1 && (/\.json$/i.test(files[0].name) || files[0].type === 'application/json')) {
      if (files[0].size > 8 << 20) return say(t('too-large-file'));
      return on.set({ source: 'config', config: await files[0].text() });
    }
    const answer = await engine.read(files).catch((error) => ({ ok: false, error: { message: error.message } }));
    if (!answer.ok) return say(errorText(answer.error));
    on.set({ source: 'file', file: answer.file, configName: files[0].name, weights: '', weightOptions: {} });
  },
  showJson(jsonOpen) {
    view.jsonOpen = jsonOpen;
    draw();
  },
  async keep() {
    const { hash } = await formatHash(view.state);
    view.pins = [...view.pins, hash].slice(0, 3);
    draw();
    link.changed('pins');
  },
  remove(index) {
    view.pins = view.pins.filter((_, place) => place !== index);
    draw();
    link.changed('pins');
  },
  async use(hash) {
    const { state } = await parseHash(hash, { units: units() });
    on.set({ ...state, units: view.state.units });
  },
  async detect() {
    view.detected = candidates(await probe(), view.lists.gpuRows);
    draw();
  },
  // This computer's GPU, kept in this browser; null forgets it.
  useMine(id) {
    remember('gpu', id);
    view.mine = mine();
    view.detected = null;
    if (id) on.set({ gpuSource: 'catalogue', gpu: id });
    else draw();
  },
};

function mine() {
  const row = view.lists.gpuRows.find(({ id }) => id === recall('gpu'));
  return row ? { id: row.id, name: row.name } : null;
}

// The first visit shows this computer's GPU where the browser names one without doubt; a link says its own.
async function greet() {
  if (location.hash || view.mine) return;
  const seen = candidates(await probe(), view.lists.gpuRows);
  if (location.hash || view.detected || seen.found.length !== 1 || seen.found[0].confidence !== 'likely') return;
  view.detected = { ...seen, applied: true };
  view.state = { ...view.state, gpuSource: 'catalogue', gpu: seen.found[0].row.id };
  estimate();
  draw();
}

function changed(what) {
  estimate();
  draw();
  link.changed(what);
}

function estimate() {
  const { request, error } = requestOf(view.state);
  if (request) ask(first ? { ...request, also: [] } : request);
  else view.error = error;
}

function draw() {
  view.errorText = view.error ? errorText(view.error) : '';
  render(form(view, on), at('inputs'));
  render(answer(view, on), at('answer'));
  drawExplore();
}

// Charts are loaded when they come near the screen: they are no part of the first estimate.
const explore = document.querySelector('vram-explore');
let exploring = false;
function drawExplore() {
  if (exploring) explore.data = { engine, view, on };
}
new IntersectionObserver(async (entries, watcher) => {
  if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
  watcher.disconnect();
  await import('../charts/explore.js');
  await settled();
  exploring = true;
  drawExplore();
}).observe(explore);

// The verdict is announced when typing pauses, not at every step of a slider.
let announcing;
function listen() {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    const { word, sentence, detail } = view.shown ? verdict(view.shown, view.state.units) : {};
    at('live').textContent = view.error ? t('not-computed', { problem: view.errorText }) : word ? `${word}: ${sentence} ${detail}` : '';
  }, 700);
}

at('copy-link').addEventListener('click', async () => {
  const complete = await link.save();
  const copied = await copyText(location.href);
  say(t(!complete ? 'copied-link-short' : copied ? 'copied-link' : 'copied-not-link'));
});
at('copy-json').addEventListener('click', async () => {
  if (view.shown) say(t((await copyText(JSON.stringify({ request: view.request, response: view.shown }, null, 2))) ? 'copied-json' : 'copied-not-json'));
});
at('embed').hidden = location.protocol === 'file:'; // no address to embed from
at('embed').addEventListener('click', async () => {
  await link.save();
  const { openEmbedDialog } = await import('./embed_dialog.js');
  const { word, sentence, subject } = view.shown ? verdict(view.shown, view.state.units) : {};
  openEmbedDialog({ state: view.state, link: location.href, words: word ? `${subject}: ${word}, ${sentence}` : t('page-language-title') });
});
at('answer').addEventListener('vram-use', ({ detail: { field, value } }) => on.set({ [field]: value }));
at('answer').addEventListener('vram-gpu', ({ detail: { id, count } }) => on.set({ gpuSource: 'catalogue', gpu: id, count }));
at('inputs').addEventListener('submit', (event) => event.preventDefault());
document.addEventListener('vram-units', () => {
  view.state = { ...view.state, units: units() };
  draw();
  link.changed('units');
});
document.addEventListener('vram-language', () => {
  if (catalogue) view.lists = listsOf(catalogue, profiles);
  view.detected = null;
  estimate();
  draw();
});

// A config.json may be dropped anywhere on the page.
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => {
  event.preventDefault();
  const files = [...event.dataTransfer.files];
  const text = event.dataTransfer.getData('text');
  if (files.length) on.files(files);
  else if (text.trim().startsWith('{')) on.set({ source: 'config', config: text });
});

await openPage();
at('answer').replaceChildren();
await link.load();
// After the first estimate has been asked for: that one matters more than the lists.
let catalogue, profiles;
try {
  [catalogue, profiles] = await Promise.all([engine.call({ op: 'catalogue' }), engine.call({ op: 'profiles' })]);
  view.lists = listsOf(catalogue, profiles);
  view.mine = mine();
  if (learnEngines(catalogue.engines) && Object.keys(view.state.options).length) estimate(); // options only the catalogue knows
  draw();
  (globalThis.requestIdleCallback ?? setTimeout)(() => greet().catch(() => {}));
} catch (error) {
  if (!(error instanceof EngineUnavailable)) throw error; // else the estimate's failure says why
}
