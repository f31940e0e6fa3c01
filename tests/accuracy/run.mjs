// Estimates against what was measured: every row of data/*.json through `vram-estimator batch`, errors per term, engine
// and architecture. Fails when a target that was met is lost. README.md says how to add rows and sets.
//   node tests/accuracy/run.mjs [--set NAME[,NAME]] [--build DIR] [--json OUT] [--worst N] [--arch NAME] [--all]
//   --site: also writes site/data/accuracy.json, which the accuracy page shows
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ask, findTool, root } from './border.mjs';
import { fit, fitAll, fitted, setsOf } from './intervals.mjs';
import { print } from './print.mjs';
import { complete, standardSamples } from './rows.mjs';
import { writeSite } from './site.mjs';
import { summaries } from './stats.mjs';
import { judge } from './targets.mjs';

const here = path.join(root, 'tests', 'accuracy');
const json = (file) => JSON.parse(readFileSync(file, 'utf8'));

export const residualsFile = path.join(root, 'core', 'data', 'residuals.json');

export async function load(id) {
  const module = existsSync(path.join(here, 'sets', `${id}.mjs`)) ? await import(`./sets/${id}.mjs`) : {};
  const data = json(path.join(here, 'data', module.data ?? `${id}.json`));
  return { id, title: id, rows: (all) => all.rows ?? all, request: (row) => ({ op: 'estimate', ...row.request }), samples: standardSamples,
    ...(data.about ?? {}), ...module, content: data };
}

// The samples of one set, and how many rows gave none, by reason. `residualsOf(row)`: intervals to use instead of the
// built-in ones.
export async function measure(tool, set, residualsOf) {
  const rows = set.rows(set.content);
  const leftOut = {};
  const skip = (reason) => void (leftOut[reason] = (leftOut[reason] ?? 0) + 1);
  const defaults = { unit: set.unit, round: set.round, counted: set.counted, source: set.source };
  const usable = rows.filter((row) => (row.left_out ? skip(row.left_out) : true)).map((row) => ({ ...defaults, ...row }));
  for (const row of usable) for (const [term, reason] of Object.entries(row.without ?? {})) skip(`${term}: ${reason}`);
  const requests = usable.map((row) => {
    const request = set.request(row, set.content);
    const residuals = residualsOf?.(row);
    return residuals ? { ...request, rows: { ...request.rows, residuals } } : request;
  });
  const samples = await ask(tool, requests, (answer, i) => {
    const row = usable[i];
    if (!answer.ok) {
      const { path: where, message } = answer.error;
      if (!set.refusals) throw new Error(`${set.id}, row ${row.id}: ${where}: ${message}`);
      skip(`refused: ${message}`);
      return [];
    }
    return set.samples(answer, row, set.content).map((sample) => complete(sample, row, answer, set));
  });
  return { samples: samples.flat(), rows: rows.length, used: samples.filter((list) => list.length > 0).length, leftOut };
}

// Intervals must hold for a model that they were not fitted on: every row is judged with those fitted on the others.
// (Terms that are exact need no second look.)
async function leaveOneOut(tool, set) {
  const own = fitted.filter((definition) => setsOf(definition).includes(set.id));
  if (own.length === 0) return measure(tool, set);
  const first = await measure(tool, set, () => []);
  if (fitAll(first.samples).every((row) => row.low === row.high)) return measure(tool, set);
  const others = json(residualsFile).filter((row) => !own.some(({ id }) => id === row.id));
  const folds = new Map();
  const nameOf = (row) => row.model ?? row.id;
  return measure(tool, set, (row) => {
    const model = nameOf(row);
    if (!folds.has(model)) {
      const rest = first.samples.filter((sample) => (sample.model ?? sample.row) !== model);
      folds.set(model, [...others, ...own.map((definition) => fit(definition, rest)).filter(Boolean)]);
    }
    return folds.get(model);
  });
}

const shownFirst = ['llama_cpp_oracle', 'llama_cpp_logs', 'vllm', 'transformers', 'diffusion', 'training', 'kv', 'params', 'cuda_overhead'];

export function sets() {
  const place = (id) => (shownFirst.includes(id) ? shownFirst.indexOf(id) : shownFirst.length);
  return readdirSync(path.join(here, 'sets')).map((name) => path.parse(name).name).sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}

async function main() {
  const { values: flags } = parseArgs({ options: {
    set: { type: 'string' }, build: { type: 'string' }, json: { type: 'string' }, worst: { type: 'string', default: '0' },
    arch: { type: 'string' }, all: { type: 'boolean', default: false },
    site: { type: 'boolean', default: false } } });
  const tool = findTool(flags.build);
  const chosen = flags.set ? flags.set.split(',') : sets();
  const report = { sets: {}, terms: [], samples: [] };
  for (const id of chosen) {
    const set = await load(id);
    const { samples, rows, used, leftOut } = await leaveOneOut(tool, set);
    report.sets[id] = { title: set.title, source: set.source, rows, used, left_out: leftOut };
    for (const sample of samples) if (!flags.arch || sample.arch === flags.arch) report.samples.push(sample);
  }
  report.terms = summaries(report.samples);
  report.targets = flags.arch ? [] : judge(json(path.join(here, 'data', 'targets.json')), report.terms, chosen);
  print(report, { worst: Number(flags.worst), all: flags.all });
  if (flags.site) writeSite(report);
  if (flags.json) {
    mkdirSync(path.dirname(path.resolve(flags.json)), { recursive: true });
    writeFileSync(flags.json, JSON.stringify(report));
  }
  if (report.targets.some((target) => target.lost.length > 0)) process.exitCode = 1;
}

if (process.argv[1] && path.resolve(process.argv[1]) === path.join(here, 'run.mjs')) await main();
