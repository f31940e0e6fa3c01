// The report as the accuracy page reads it: lines of the table, and every record as columns of numbers and indices.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './border.mjs';
import { isCovered, isExact } from './stats.mjs';

export const siteFile = path.join(root, 'site', 'data', 'accuracy.json');

const short = (number) => Number(number.toPrecision(4));

// A list of texts, and the index of each.
class Names {
  list = [];
  #index = new Map();
  of(name) {
    if (!this.#index.has(name)) this.#index.set(name, this.list.push(name) - 1);
    return this.#index.get(name);
  }
}

export function siteData({ sets, terms, samples }) {
  const names = { sets: new Names(), terms: new Names(), engines: new Names(), archs: new Names(), models: new Names(), sources: new Names(), versions: new Names() };
  for (const id of Object.keys(sets)) names.sets.of(id);
  const lines = terms.filter((t) => t.case === undefined).map((t) => [
    names.sets.of(t.set), names.terms.of(t.term), t.engine === undefined ? -1 : names.engines.of(t.engine), t.arch === undefined ? -1 : names.archs.of(t.arch),
    t.n, ...[t.exact, t.median, t.p90, t.p95, t.max, t.bias, t.coverage].map(short), t.half_width === undefined ? null : short(t.half_width),
  ]);
  // Records that are alike in everything shown are one point that counts as many.
  const alike = new Map();
  for (const s of samples) {
    if (s.measured <= 0 && s.expected <= 0) continue;
    const record = [
      names.sets.of(s.set), names.terms.of(s.term), names.engines.of(s.engine), names.archs.of(s.arch), names.models.of(s.model ?? ''), names.sources.of(s.source ?? ''), names.versions.of(s.version ?? ''),
      Math.round(s.measured), Math.round(s.expected - s.measured), s.low === s.high ? 0 : Math.round(s.expected - s.low), s.low === s.high ? 0 : Math.round(s.high - s.expected),
      (isExact(s) ? 1 : 0) + (isCovered(s) ? 2 : 0) + (s.unit === 'bytes' ? 4 : 0),
    ];
    const key = record.join();
    if (alike.has(key)) ++alike.get(key)[12];
    else alike.set(key, [...record, 1]);
  }
  const records = [...alike.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[3] - b[3] || a[4] - b[4] || a[7] - b[7]);
  const column = (i) => records.map((record) => record[i]);
  return {
    sets: Object.entries(sets).map(([id, { title, rows, used, left_out: leftOut }]) => ({ id, title, rows, used, left_out: Object.entries(leftOut) })),
    ...Object.fromEntries(Object.entries(names).filter(([key]) => key !== 'sets').map(([key, { list }]) => [key, list])),
    lines,
    records: { set: column(0), term: column(1), engine: column(2), arch: column(3), model: column(4), source: column(5), version: column(6),
      measured: column(7), difference: column(8), below: column(9), above: column(10), flags: column(11), count: column(12) },
  };
}

export function writeSite(report) {
  const data = siteData(report);
  // A key a line, so that a difference can be read.
  const text = (object) => `{\n${Object.entries(object).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`).join(',\n')}\n}`;
  const { records, ...head } = data;
  writeFileSync(siteFile, text(head).replace(/\n\}$/, `,\n"records": ${text(records)}\n}\n`));
}
