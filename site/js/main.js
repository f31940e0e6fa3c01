// The page's flow: hash → state → form and request → engine → answer.
import { render } from '../elements/lit.js';
import { answer } from './answer.js';
import { EngineUnavailable, newestOnly, startEngine } from './core.js';
import { form } from './form.js';
import { candidates, probe } from './hardware.js';
import { emptyLists, listsOf } from './lists.js';
import { requestOf } from './request.js';
import { defaults, formatHash, parseHash } from './state.js';
import { errorText, verdict } from './words.js';

const at = (id) => document.getElementById(id);

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
  partial: false, // the answer's limits and advice are still to come
  jsonOpen: false,
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

const on = {
  set(changes) {
    view.state = { ...view.state, ...changes };
    changed();
  },
  setIn(group, name, value) {
    on.set({ [group]: { ...view.state[group], [name]: value } });
  },
  async file(file) {
    if (!file) return;
    if (file.size > 8 << 20) return say('That file is larger than 8 MiB: not a config.json.');
    on.set({ source: 'config', config: await file.text() });
  },
  showJson(jsonOpen) {
    view.jsonOpen = jsonOpen;
    draw();
  },
  async detect() {
    view.detected = candidates(await probe(), view.lists.gpuRows);
    draw();
  },
};

function changed() {
  estimate();
  draw();
  saveSoon();
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
  at('units').querySelector(`[value=${view.state.units}]`).checked = true;
}

// The verdict is announced when typing pauses, not at every step of a slider.
let announcing;
function listen() {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    const { word, sentence, detail } = view.shown ? verdict(view.shown, view.state.units) : {};
    at('live').textContent = view.error ? `Not computed: ${view.errorText}` : word ? `${word}: ${sentence} ${detail}` : '';
  }, 700);
}

// Short messages about what a button did.
let hushing;
function say(text) {
  at('said').textContent = text;
  clearTimeout(hushing);
  hushing = setTimeout(() => (at('said').textContent = ''), 5000);
}

let saving;
let savedHash = null;
function saveSoon() {
  clearTimeout(saving);
  saving = setTimeout(save, 250);
}
async function save() {
  clearTimeout(saving);
  const { hash, complete } = await formatHash(view.state, view.unknown);
  savedHash = `#${hash}`;
  history.replaceState(null, '', savedHash);
  return complete;
}

async function load() {
  if (location.hash === savedHash) return;
  Object.assign(view, await parseHash(location.hash));
  estimate();
  draw();
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied.`);
  } catch {
    say(`The browser did not allow copying. ${what === 'Link' ? 'The address bar holds the link.' : 'The request and response are at the end of the page.'}`);
  }
}

at('copy-link').addEventListener('click', async () => {
  const complete = await save();
  await copy(location.href, 'Link');
  if (!complete) say('Link copied, without the config.json: it is too long for a link.');
});
at('copy-json').addEventListener('click', () => {
  if (view.shown) copy(JSON.stringify({ request: view.request, response: view.shown }, null, 2), 'Request and response');
});
at('units').addEventListener('change', (event) => {
  view.state = { ...view.state, units: event.target.value };
  draw();
  saveSoon();
});
at('answer').addEventListener('vram-use', ({ detail: { field, value } }) => on.set({ [field]: value }));
at('answer').addEventListener('vram-gpu', ({ detail: { id, count } }) => on.set({ gpuSource: 'catalogue', gpu: id, count }));
at('inputs').addEventListener('submit', (event) => event.preventDefault());
addEventListener('hashchange', load);

// A config.json may be dropped anywhere on the page.
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => {
  event.preventDefault();
  const file = event.dataTransfer.files[0];
  const text = event.dataTransfer.getData('text');
  if (file) on.file(file);
  else if (text.trim().startsWith('{')) on.set({ source: 'config', config: text });
});

document.documentElement.classList.add('scripted');
at('answer').replaceChildren();
await load();
// After the first estimate has been asked for: that one matters more than the lists.
try {
  const [catalogue, profiles] = await Promise.all([engine.call({ op: 'catalogue' }), engine.call({ op: 'profiles' })]);
  view.lists = listsOf(catalogue, profiles);
  draw();
} catch (error) {
  if (!(error instanceof EngineUnavailable)) throw error; // else the estimate's failure says why
}
// Not on localhost: its port is shared with whatever is served there next.
if ('serviceWorker' in navigator && location.protocol === 'https:') navigator.serviceWorker.register('./sw.js');
