// data/targets.json: what an issue asked for (goal) and what was reached and must not be lost (keep).

const least = new Set(['n', 'exact', 'within_0_05_mib', 'coverage']); // the others are errors and widths: at most

const keys = ['set', 'term', 'case', 'engine', 'arch'];
export const matches = (where, found) => keys.every((key) => where[key] === found[key]);

export function missed(wanted, found) {
  return Object.entries(wanted ?? {})
    .filter(([key, bound]) => !found || found[key] === undefined || (least.has(key) ? found[key] < bound : found[key] > bound))
    .map(([key, bound]) => ({ key, bound, found: found?.[key] }));
}

export function judge(targets, found, sets) {
  return targets
    .filter((target) => sets.includes(target.set))
    .map((target) => {
      const line = found.find((one) => matches(target, one));
      return { ...target, lost: missed(target.keep, line), unmet: missed(target.goal, line) };
    });
}
