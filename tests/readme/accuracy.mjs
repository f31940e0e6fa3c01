// Runs every build/release/tests/<engine>_accuracy over tests/accuracy/data/<engine>.json, keeps its report in
// build/accuracy/<engine>.json, and fills README's table from the reports.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fillBlock } from './blocks.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const engines = readdirSync(`${root}tests/accuracy`).flatMap((name) => /^(\w+)_accuracy\.cpp$/.exec(name)?.[1] ?? []);
mkdirSync(`${root}build/accuracy`, { recursive: true });

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`;
const rows = [];
const notes = [];
for (const engine of engines) {
  const [data, report] = [`${root}tests/accuracy/data/${engine}.json`, `${root}build/accuracy/${engine}.json`];
  if (!existsSync(data)) throw new Error(`${engine}: no measured rows at ${data}`);
  const { status } = spawnSync(`${root}build/release/tests/${engine}_accuracy`, [data, '--json', report], { stdio: 'inherit' });
  if (status !== 0) process.exit(1);
  const { terms, left_out: leftOut } = JSON.parse(readFileSync(report, 'utf8'));
  for (const [name, term] of Object.entries(terms)) {
    if (name.includes('|')) continue; // the finer rows stay in the report
    rows.push(`| ${engine.replace('_', '.')}, ${name} | ${term.n} | ${percent(term.exact)} | ${percent(term.inside)} | ${
      percent(term.median)} | ${percent(term.p95)} | ${percent(term.max)} |`);
  }
  for (const [reason, count] of Object.entries(leftOut ?? {})) notes.push(`${count} left out: ${reason}.`);
}

fillBlock('accuracy', `
Every estimate against what the engine itself allocated (\`make accuracy\`; rows and their sources in \`tests/accuracy\`):

| term | measured | to the byte | inside the interval | median error | 95th percentile | worst |
|---|--:|--:|--:|--:|--:|--:|
${rows.join('\n')}

${notes.join(' ')}`);
