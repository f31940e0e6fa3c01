// Numbers for the eye. Bytes inside, GiB or GB only here; digits as the reader's language writes them.
import english from '../i18n/en/words.js';
import { has, number, speak, t } from './i18n.js';

speak(english, { es: () => import('../i18n/es/words.js'), zh: () => import('../i18n/zh/words.js') });

const systems = {
  GiB: { base: 1024, names: ['', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] },
  GB: { base: 1000, names: ['', 'kB', 'MB', 'GB', 'TB', 'PB'] },
};

// 8192 → "8,192"
export const count = (value) => number(value, { maximumFractionDigits: 6 });

// The power of the unit a size reads in: from a tenth of a GiB on it is GiB, what is smaller reads in MiB, KiB, bytes.
function powerOf(bytes, { base, names }) {
  const least = [0, 1, 1, 0.1, 10, 10]; // in units of each power
  let power = names.length - 1;
  while (power > 0 && Math.abs(bytes) < least[power] * base ** power) power--;
  return power;
}

function digits(bytes, power, { base }) {
  const value = Math.abs(bytes) / base ** power;
  const places = power === 0 || value >= 1000 ? 0 : value >= 100 || power < 3 ? 1 : 2;
  const least = power < 3 && Number.isInteger(value) ? 0 : places;
  return `${bytes < 0 ? '\u2212' : ''}${number(value, { minimumFractionDigits: least, maximumFractionDigits: places })}`;
}

const nameOf = (power, { names }) => (power === 0 ? t('unit-bytes') : names[power]);

// 7065349193 → "6.58 GiB"; `unit` is "GiB" or "GB".
export function size(bytes, unit) {
  const system = systems[unit] ?? systems.GiB;
  if (Math.abs(bytes) < 0.5) return '0';
  const power = powerOf(bytes, system);
  return `${digits(bytes, power, system)} ${nameOf(power, system)}`;
}

export const isExact = ({ low, expected, high }) => low === expected && expected === high;

// "5.90 to 6.60 GiB", both ends in the unit of the upper one; or "exact".
export function range({ low, expected, high }, unit) {
  if (isExact({ low, expected, high })) return t('exact');
  const system = systems[unit] ?? systems.GiB;
  const power = powerOf(high, system);
  return `${t('range-to', { low: low < 0.5 ? '0' : digits(low, power, system), high: digits(high, power, system) })} ${nameOf(power, system)}`;
}

// 8030261248 → "8.03 B"
export function parameters(value) {
  if (!(value > 0)) return '';
  const [short, suffix] = value >= 999.5e9 ? [value / 1e12, 'T'] : value >= 999.5e6 ? [value / 1e9, 'B'] : [value / 1e6, 'M'];
  return `${number(short, { maximumSignificantDigits: 3 })} ${suffix}`;
}

// "gpu:0" → "GPU 0", "host" → "system RAM"
export function device(name) {
  if (name === 'host') return t('device-host');
  const gpu = /^gpu:(\d+)$/.exec(name);
  return gpu ? t('device-gpu', { number: gpu[1] }) : name;
}

// "kv_cache" → "KV cache"; what has no name of its own keeps the engine's.
export const kind = (name) => (has(`kind-${name}`) ? t(`kind-${name}`) : name.replaceAll('_', ' '));
export const stage = (name) => (has(`stage-${name}`) ? t(`stage-${name}`) : name.replaceAll('_', ' '));
