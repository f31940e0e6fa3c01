// Statistics over samples. Errors are shares of what was measured, without sign unless it says bias.

const hair = 1e-9; // doubles of decimal figures

export const errorOf = ({ measured, expected }) => (measured > 0 ? (expected - measured) / measured : expected > 0 ? 1 : 0);
export const isExact = ({ measured, expected, half }) => Math.abs(expected - measured) <= half + hair * Math.abs(measured) * (half > 0);
export const isCovered = ({ measured, low, high, half }) => measured >= low - half * (1 + hair) && measured <= high + half * (1 + hair);
export const isPoint = ({ low, high }) => low === high;

const at = (sorted, q) => sorted[Math.floor(q * (sorted.length - 1))];
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
const ascending = (a, b) => a - b;

export function summary(samples) {
  const errors = samples.map(errorOf);
  const sizes = errors.map(Math.abs).sort(ascending);
  const share = (test) => samples.filter(test).length / samples.length;
  const widths = samples.filter((s) => s.capacity).map((s) => (s.high - s.low) / 2 / s.capacity).sort(ascending);
  const inBytes = samples[0].unit === 'bytes';
  return {
    n: samples.length,
    exact: share(isExact),
    ...(inBytes && { within_0_05_mib: share((s) => Math.abs(s.expected - s.measured) <= 0.05 * 2 ** 20) }),
    median: at(sizes, 0.5),
    p90: at(sizes, 0.9),
    p95: at(sizes, 0.95),
    max: sizes.at(-1),
    bias: mean(errors),
    max_difference: samples.reduce((worst, s) => Math.max(worst, Math.abs(s.expected - s.measured)), 0),
    points: share(isPoint),
    coverage: share(isCovered),
    ...(widths.length && inBytes && { half_width: at(widths, 0.5) }),
  };
}

// Every grouping that is shown or may have a target: by set and term, then by case, engine and architecture.
const groupings = [[], ['case'], ['engine'], ['engine', 'arch'], ['case', 'engine', 'arch']];

export function summaries(samples) {
  const groups = new Map();
  for (const sample of samples) {
    for (const by of groupings) {
      if (by.includes('case') && sample.case === undefined) continue;
      const where = { set: sample.set, term: sample.term };
      for (const key of by) where[key] = sample[key];
      const name = JSON.stringify(where);
      if (!groups.has(name)) groups.set(name, { where, samples: [] });
      groups.get(name).samples.push(sample);
    }
  }
  return [...groups.values()].map(({ where, samples: members }) => ({ ...where, ...summary(members) }));
}
