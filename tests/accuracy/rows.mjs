// From a row and its answer to samples: what was measured beside what we say, in bytes (or tokens, ...).
import { terms } from './terms.mjs';

const scale = { bytes: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, kB: 1e3, MB: 1e6, GB: 1e9, tokens: 1, requests: 1, parameters: 1, B: 1e9 };

// A figure as a row has it: a number in the row's unit and rounding, or an object with its own.
export function figureOf(row, name) {
  const given = row.measured[name];
  const { value, unit, round, low, high } = typeof given === 'number' ? { value: given } : given;
  const own = unit ?? (terms[name] && terms[name].unit !== 'bytes' ? terms[name].unit : row.unit) ?? 'bytes';
  const factor = scale[own];
  if (!factor) throw new Error(`row ${row.id}: unknown unit ${own}`);
  const step = (round ?? (unit || (terms[name] && terms[name].unit !== 'bytes') ? (round ?? 0) : row.round) ?? 0) * factor;
  return { measured: value * factor, half: step / 2, bounds: low === undefined ? undefined : [low * factor, high * factor] };
}

// One sample per measured figure of a row, each read as its term says.
export function standardSamples(answer, row) {
  return Object.keys(row.measured).map((name) => {
    const term = terms[name];
    if (!term) throw new Error(`row ${row.id}: unknown term '${name}'`);
    const estimated = term.read(answer);
    if (!estimated) throw new Error(`row ${row.id}: the answer has no '${name}'`);
    return { term: name, unit: term.unit, ...figureOf(row, name), ...estimated };
  });
}

// What every sample says of where it is from.
export function complete(sample, row, answer, set) {
  return {
    set: set.id,
    row: row.id,
    source: row.source ?? set.source,
    engine: row.engine ?? answer?.engine?.name ?? set.engine,
    version: row.version,
    model: row.model,
    arch: row.arch ?? answer?.model?.model_type ?? 'any',
    counted: row.counted,
    case: row.case,
    capacity: answer?.gpu?.memory_bytes,
    unit: 'bytes',
    half: 0,
    ...sample,
  };
}
