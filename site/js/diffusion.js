// The page of images and video: hash → state → form and request → engine → answer.
import './common.js';
import english from '../i18n/en/diffusion.js';
import estimator from '../i18n/en/estimator.js';
import { render } from '../elements/lit.js';
import { copyButtons } from './copy_buttons.js';
import { EngineUnavailable, newestOnly, startEngine } from './core.js';
import { answer, subjectOf } from './diffusion_answer.js';
import { form } from './diffusion_form.js';
import { defaults, formatHash, parseHash, requestOf } from './diffusion_state.js';
import { at, openPage, showUnits, units } from './frame.js';
import { settled, speak, t } from './i18n.js';
import { keepInHash } from './link.js';
import { gpuItems } from './lists.js';
import { recall } from './memory.js';
import { gpuButtons, keptGpu } from './my_gpu.js';
import { errorText, verdict } from './words.js';

speak(english, { es: () => import('../i18n/es/diffusion.js'), zh: () => import('../i18n/zh/diffusion.js') });
speak(estimator, { es: () => import('../i18n/es/estimator.js'), zh: () => import('../i18n/zh/estimator.js') });

const view = {
  state: defaults,
  unknown: [],
  lists: { pipelines: [], rows: new Map(), quantizations: [], gpus: [], gpuRows: [] },
  shown: null,
  request: null,
  error: null,
  errorText: '',
  broken: '',
  detected: null,
  mine: null,
  jsonOpen: false,
  timeline: null, // the chart, once it is loaded
};

const engine = startEngine('whole');
const ask = newestOnly(
  engine,
  (request, response) => {
    if (response.ok) Object.assign(view, { request, shown: response, error: null });
    else view.error = response.error;
    draw();
    listen();
  },
  (error) => {
    view.broken = error.message;
    draw();
  },
);

const link = keepInHash({
  hash: () => formatHash(view.state, view.unknown),
  async load(hash) {
    const mine = recall('gpu');
    Object.assign(view, await parseHash(hash, { units: units(), ...(!/^#./.test(hash) && mine ? { gpu: mine } : {}) }));
    showUnits(view.state.units);
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
  showJson(jsonOpen) {
    view.jsonOpen = jsonOpen;
    draw();
  },
  ...gpuButtons(view, { set: (changes) => on.set(changes), draw: () => draw() }),
};

function changed(what) {
  estimate();
  draw();
  link.changed(what);
}
function estimate() {
  ask(requestOf(view.state).request);
}
function draw() {
  view.errorText = view.error ? errorText(view.error) : '';
  if (view.lists.rows.size || view.broken) render(form(view, on), at('inputs')); // with its lists, so that nothing moves
  render(answer(view, on), at('answer'));
}

let announcing;
function listen() {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    const { word, sentence, detail } = view.shown ? verdict(view.shown, view.state.units, subjectOf(view.shown)) : {};
    at('live').textContent = view.error ? t('not-computed', { problem: view.errorText }) : word ? `${word}: ${sentence} ${detail}` : '';
  }, 700);
}

copyButtons(link, () => view.shown && { request: view.request, response: view.shown });
at('inputs').addEventListener('submit', (event) => event.preventDefault());
document.addEventListener('vram-units', () => {
  view.state = { ...view.state, units: units() };
  draw();
  link.changed('units');
});
document.addEventListener('vram-language', () => {
  if (catalogue) view.lists = listsOf(catalogue);
  draw();
});

function listsOf({ pipelines, quantizations, gpus }) {
  const order = ['txt2img', 'img2img', 'edit', 'txt2vid', 'img2vid'];
  const tasks = [...pipelines].sort((a, b) => order.indexOf(a.task) - order.indexOf(b.task) || a.name.localeCompare(b.name, 'en', { numeric: true }));
  return {
    pipelines: tasks.map(({ id, name, task, width, height, frames }) => ({ value: id, label: name, detail: `${width} × ${height}${frames > 1 ? ` × ${frames}` : ''}`, group: t(`task-${task}`), search: task })),
    rows: new Map(pipelines.map((row) => [row.id, row])),
    quantizations,
    gpus: gpuItems(gpus),
    gpuRows: gpus,
  };
}

await openPage();
at('answer').replaceChildren();
await link.load();
let catalogue;
try {
  const [chart, lists] = await Promise.all([import('../charts/timeline.js'), engine.call({ op: 'catalogue' })]);
  await settled();
  view.timeline = chart.timeline;
  catalogue = lists;
  view.lists = listsOf(catalogue);
  view.mine = keptGpu(view.lists);
  draw();
} catch (error) {
  if (!(error instanceof EngineUnavailable)) throw error; // else the estimate's failure says why
}
