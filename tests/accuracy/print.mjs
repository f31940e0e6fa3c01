// The report as text.
import { errorOf, isCovered, isExact } from './stats.mjs';

const percent = (share, digits = 1) => (share === undefined ? '' : `${(100 * share).toFixed(digits)} %`);
const size = (s, number) => (s.unit === 'bytes' ? `${(number / 2 ** 20).toFixed(2)} MiB` : `${number} ${s.unit}`);
const say = (line) => process.stdout.write(`${line}\n`);

const columns = [
  ['n', (t) => String(t.n)],
  ['exact', (t) => percent(t.exact)],
  ['median', (t) => percent(t.median, 2)],
  ['p90', (t) => percent(t.p90, 2)],
  ['p95', (t) => percent(t.p95, 2)],
  ['max', (t) => percent(t.max)],
  ['bias', (t) => percent(t.bias, 2)],
  ['inside', (t) => percent(t.coverage)],
  ['± of GPU', (t) => percent(t.half_width, 2)],
];

function table(lines) {
  const width = Math.max(24, ...lines.map(([name]) => name.length));
  say(`  ${''.padEnd(width)}${columns.map(([head]) => head.padStart(10)).join('')}`);
  for (const [name, term] of lines) say(`  ${name.padEnd(width)}${columns.map(([, read]) => read(term).padStart(10)).join('')}`);
}

export function print(report, { worst = 0, all = false } = {}) {
  for (const [id, set] of Object.entries(report.sets)) {
    say(`\n${id}: ${set.title} (${set.used} of ${set.rows} rows)`);
    const own = report.terms.filter((t) => t.set === id);
    const many = new Set(own.filter((t) => t.engine).map((t) => t.engine)).size > 1;
    const name = (t) => [t.term, t.case, many || all ? t.engine : undefined, t.arch].filter(Boolean).join(' | ');
    const shown = own.filter((t) => all || (!t.arch && (!t.engine || many)));
    table(shown.map((t) => [name(t), t]).sort(([a], [b]) => (a < b ? -1 : 1)));
    for (const [reason, count] of Object.entries(set.left_out)) say(`  left out: ${count}, ${reason}`);
    if (worst > 0) printWorst(report.samples.filter((s) => s.set === id && !isExact(s)), worst);
  }
  printTargets(report.targets);
}

function printWorst(samples, count) {
  samples.sort((a, b) => Math.abs(errorOf(b)) - Math.abs(errorOf(a)));
  for (const s of samples.slice(0, count)) {
    say(`    ${percent(errorOf(s), 2).padStart(9)}${isCovered(s) ? ' ' : '!'} ${s.term}: ${size(s, s.expected)} for ${size(s, s.measured)}`
      + `  ${s.model ?? ''} ${s.engine} ${s.version ?? ''} [${s.row}] ${s.case ?? ''}`);
  }
}

function printTargets(targets) {
  const named = (t) => [t.set, t.term, t.case, t.engine, t.arch].filter(Boolean).join(' | ');
  const why = (list) => list.map(({ key, bound, found }) => `${key} ${found ?? 'none'}, ${bound} wanted`).join('; ');
  for (const t of targets) if (t.goal) say(`goal ${t.unmet.length ? 'MISSED' : 'met'}: ${named(t)}${t.unmet.length ? `: ${why(t.unmet)}` : ''}`);
  for (const t of targets) if (t.lost.length) say(`LOST: ${named(t)}: ${why(t.lost)}`);
}
