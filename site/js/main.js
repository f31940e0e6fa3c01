// The page of language models: hash → state → form and request → engine → answer.
import './common.js';
import english from '../i18n/en/estimator.js';
import englishFiles from '../i18n/en/files.js';
import { render } from '../elements/lit.js';
import { answer } from './answer.js';
import { copyButtons } from './copy_buttons.js';
import { EngineUnavailable, newestOnly, startEngine } from './core.js';
import { learnEngines } from './engines.js';
import { form } from './form.js';
import { at, openPage, pause, say, showUnits, units } from './frame.js';
import { settled, speak, t } from './i18n.js';
import { keepInHash } from './link.js';
import { emptyLists, listsOf } from './lists.js';
import { listsRequest } from './lists_request.js';
import { recall } from './memory.js';
import { gpuButtons, keptGpu, seenGpus } from './my_gpu.js';
import { requestOf } from './request.js';
import { defaults, formatHash, parseHash } from './state.js';
import { weightsReader } from './weights.js';
import { errorText, verdict } from './words.js';

speak(englishFiles, { es: () => import('../i18n/es/files.js'), zh: () => import('../i18n/zh/files.js') });
speak(english, { es: () => import('../i18n/es/estimator.js'), zh: () => import('../i18n/zh/estimator.js') });

const view = {
  state: defaults,
  unknown: [], // hash fields of other versions, kept
  lists: emptyLists,
  shown: null, // the last good response; where it is partial, with the limits of the one before
  verdict: null, // and what verdict() says of it
  complete: null, // the last {request, response} with all that is asked for
  error: null, // of the newest request: {path, message, expected, value}
  errorText: '',
  broken: '', // the engine is not there
  detected: null,
  mine: null, // {id, name} of the GPU chosen as this computer's
  partial: false, // the limits, advice and other formulas of what is shown are still to come
  slow: false, // and have been for a while
  jsonOpen: false,
  optionsOpen: null, // the engine's options, once the visitor has opened or closed them
  pins: [], // hashes of states kept for comparing
};

const engine = startEngine();
const ask = newestOnly(
  engine,
  (request, response) => {
    const whole = request.also.length > 0;
    if (!response.ok) Object.assign(view, { error: response.error, partial: false });
    else if (whole) Object.assign(view, { shown: response, complete: { request, response }, error: null, partial: false });
    else Object.assign(view, { shown: response, error: null, partial: true });
    view.slow = false;
    clearTimeout(slowly);
    view.broken = '';
    if (view.partial) askRest();
    draw();
    listen();
  },
  (error) => {
    view.broken = error.message;
    draw();
  },
);

// Only the estimate is asked at first, and its limits, advice and references when the visitor pauses: those are hundreds of
// estimates, and neither the first verdict nor a slider should wait for them. Until they come those before stay.
const PAUSE_MS = 60;
const SLOW_MS = 400;
let pausing, slowly;
function askRest() {
  clearTimeout(pausing);
  pausing = setTimeout(() => {
    const { request } = requestOf(view.state);
    if (!request) return;
    ask(request);
    slowly = setTimeout(() => ((view.slow = true), draw()), SLOW_MS);
  }, view.complete ? PAUSE_MS : 0);
}

// The visitor's own weights.
const weights = weightsReader({
  engine,
  changed: (changes) => on.set(changes),
  draw: () => draw(),
  async headroom(file) {
    const { request } = requestOf({ ...view.state, source: 'file', file });
    const response = request && (await engine.call({ ...request, also: [] }));
    return response?.ok ? response.headroom_bytes : null;
  },
});
view.weights = { shown: weights.shown, reader: weights };

const link = keepInHash({
  hash: () => formatHash(view.state, view.unknown, view.pins),
  async load(hash) {
    const { state, unknown, pins } = await parseHash(hash, { units: units(), ...(!/^#./.test(hash) && recall('gpu') ? { gpu: recall('gpu') } : {}) });
    const { file, place, choice, fileName, readBytes } = view.state;
    // No link holds what was read of a file; going back to it does not read it again.
    if (file && state.source === 'file' && state.place === place && state.choice === choice && state.fileName === fileName) Object.assign(state, { file, readBytes });
    Object.assign(view, { state, unknown, pins });
    showUnits(state.units);
    estimate();
    await pause();
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
  place: (text, choice) => view.weights.reader.place(text, choice),
  files: (list) => view.weights.reader.local(view.weights.reader.picked(list)),
  cancel: () => view.weights.reader.cancel(),
  weights: (changes) => view.weights.reader.set(changes),
  async file(file) {
    if (!file) return;
    if (file.size > 8 << 20) return say(t('too-large-file'));
    on.set({ source: 'config', config: await file.text() });
  },
  showJson(jsonOpen) {
    view.jsonOpen = jsonOpen;
    draw();
  },
  showOptions(optionsOpen) {
    if (view.optionsOpen === optionsOpen) return;
    view.optionsOpen = optionsOpen;
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
  ...gpuButtons(view, { set: (changes) => on.set(changes), draw: () => draw() }),
};

// The first visit shows this computer's GPU where the browser names one without doubt; a link says its own.
async function greet() {
  if (location.hash || view.mine) return;
  const seen = await seenGpus(view.lists);
  if (location.hash || view.detected || seen.found.length !== 1 || seen.found[0].confidence !== 'likely') return;
  view.detected = { ...seen, applied: true };
  view.state = { ...view.state, gpuSource: 'catalogue', gpu: seen.found[0].row.id };
  estimate();
  draw();
}

function changed(what) {
  estimate();
  drawSoon();
  link.changed(what);
}

function estimate() {
  const { request, error } = requestOf(view.state);
  clearTimeout(pausing);
  if (request) ask({ ...request, also: [] });
  else {
    Object.assign(view, { error, partial: false });
    draw();
  }
}

// With the answer, which mostly comes within a few milliseconds: one drawing takes half the time of two.
const ANSWER_MS = 30;
let soon = 0;
function drawSoon() {
  clearTimeout(soon);
  soon = setTimeout(draw, ANSWER_MS);
}
at('inputs').addEventListener('focusin', () => soon && draw()); // the next field is up to date when it is reached

function draw() {
  clearTimeout(soon);
  soon = 0;
  view.errorText = view.error ? errorText(view.error) : '';
  view.verdict = view.shown && verdict(view.shown, view.state.units);
  render(form(view, on), at('inputs'));
  render(answer(view, on), at('answer'));
  drawExplore();
}

// Charts are loaded when they come near the screen: they are no part of the first estimate.
const explore = document.querySelector('vram-explore');
let exploring = false;
function drawExplore() {
  const { complete, lists, pins, state } = view;
  if (!exploring || !complete) return;
  const { request, response } = complete;
  const { data } = explore;
  const same = data && data.view.request === request && data.view.lists === lists && data.view.pins === pins && data.view.state.units === state.units;
  explore.data = { engine, on, view: same ? data.view : { request, shown: response, lists, pins, state } };
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
    const { word, sentence, detail } = view.verdict ?? {};
    at('live').textContent = view.error ? t('not-computed', { problem: view.errorText }) : word ? `${word}: ${sentence} ${detail}` : '';
  }, 700);
}

copyButtons(link, () => view.complete);
at('embed').hidden = location.protocol === 'file:'; // no address to embed from
at('embed').addEventListener('click', async () => {
  await link.save();
  const { openEmbedDialog } = await import('./embed_dialog.js');
  const { word, sentence, subject } = view.verdict ?? {};
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

// Weights, folders of them, their address or a config.json may be dropped anywhere on the page.
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', async (event) => {
  event.preventDefault();
  const text = event.dataTransfer.getData('text');
  if (event.dataTransfer.files.length) {
    const files = await view.weights.reader.dropped(event.dataTransfer);
    if (files.length === 1 && files[0].name.endsWith('.json')) return on.file(files[0].file);
    on.set({ source: 'file', file: null, place: '', fileName: '' });
    return view.weights.reader.local(files);
  }
  if (/^(https?:\/\/|hf:\/\/)/.test(text.trim())) {
    on.set({ source: 'file', file: null, place: text.trim(), fileName: '' });
    return on.place(text.trim());
  }
  if (text.trim().startsWith('{')) on.set({ source: 'config', config: text });
});

await openPage();
at('answer').replaceChildren();
await link.load();
// After the first estimate has been asked for: that one matters more than the lists.
let catalogue, profiles;
try {
  [catalogue, profiles] = await Promise.all([engine.call(listsRequest), engine.call({ op: 'profiles' })]);
  view.lists = listsOf(catalogue, profiles);
  view.mine = keptGpu(view.lists);
  if (learnEngines(catalogue.engines) && Object.keys(view.state.options).length) estimate(); // options only the catalogue knows
  draw();
  (globalThis.requestIdleCallback ?? setTimeout)(() => greet().catch(() => {}));
} catch (error) {
  if (!(error instanceof EngineUnavailable)) throw error; // else the estimate's failure says why
}
