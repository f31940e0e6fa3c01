// Fills README's accuracy table from the report of tests/accuracy/run.mjs.
//   node tests/readme/accuracy.mjs [build/accuracy/report.json]
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fillBlock } from './blocks.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { sets, terms } = JSON.parse(readFileSync(process.argv[2] ?? `${root}build/accuracy/report.json`, 'utf8'));

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`;
const lines = [];
const notes = [];
for (const [id, set] of Object.entries(sets)) {
  lines.push(`| **${set.title}** | | | | | | |`);
  for (const t of terms) {
    if (t.set !== id || t.case || t.engine) continue; // the finer lines are on the accuracy page
    lines.push(`| ${t.term} | ${t.n} | ${percent(t.exact)} | ${percent(t.coverage)} | ${percent(t.median)} | ${percent(t.p95)} | ${percent(t.max)} |`);
  }
  if (set.used < set.rows) notes.push(`${set.rows - set.used} of ${set.rows} (${set.title})`);
}

fillBlock('accuracy', `
Every estimate against what engines themselves allocated or printed (\`make accuracy\`; rows, sources and how they are
counted in \`tests/accuracy\`; record by record on the accuracy page):

| term | measured | exact | inside the interval | median error | 95th percentile | worst |
|---|--:|--:|--:|--:|--:|--:|
${lines.join('\n')}

Exact: to the byte, or within the rounding of the print.${notes.length ? ` Rows left out, each for a reason that the run prints: ${notes.join(', ')}.` : ''}`);
