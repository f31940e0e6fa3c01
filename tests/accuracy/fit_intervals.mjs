// Fits core/data/residuals.json on the records. Run it after a rule or a record changed, then build again:
//   node tests/accuracy/fit_intervals.mjs [--build DIR]
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { findTool } from './border.mjs';
import { fitted, fitAll, setsOf } from './intervals.mjs';
import { load, measure, residualsFile } from './run.mjs';

const { values: flags } = parseArgs({ options: { build: { type: 'string' } } });
const tool = findTool(flags.build);
const samples = [];
for (const id of new Set(fitted.flatMap(setsOf))) {
  samples.push(...(await measure(tool, await load(id), () => [])).samples);
}
const rows = fitAll(samples);
writeFileSync(residualsFile, `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`);
for (const { id, low, high, records } of rows) console.log(`${id.padEnd(28)} ${String(low).padStart(8)} ${String(high).padStart(8)}  ${records} records`);
