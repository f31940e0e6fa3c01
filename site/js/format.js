// Numbers for the eye. Bytes inside, GiB or GB only here.

const systems = {
  GiB: { base: 1024, names: ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] },
  GB: { base: 1000, names: ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] },
};

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 6 });
// 8192 → "8,192"
export const count = (number) => grouped.format(number);

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
  return `${bytes < 0 ? '\u2212' : ''}${value.toLocaleString('en-US', { minimumFractionDigits: least, maximumFractionDigits: places })}`;
}

// 7065349193 → "6.58 GiB"; `unit` is "GiB" or "GB".
export function size(bytes, unit) {
  const system = systems[unit] ?? systems.GiB;
  if (Math.abs(bytes) < 0.5) return '0';
  const power = powerOf(bytes, system);
  return `${digits(bytes, power, system)} ${system.names[power]}`;
}

export const isExact = ({ low, expected, high }) => low === expected && expected === high;

// "5.90 to 6.60 GiB", both ends in the unit of the upper one; or "exact".
export function range({ low, expected, high }, unit) {
  if (isExact({ low, expected, high })) return 'exact';
  const system = systems[unit] ?? systems.GiB;
  const power = powerOf(high, system);
  return `${low < 0.5 ? '0' : digits(low, power, system)} to ${digits(high, power, system)} ${system.names[power]}`;
}

// 8030261248 → "8.03 B"
export function parameters(number) {
  if (!(number > 0)) return '';
  const [value, suffix] = number >= 999.5e9 ? [number / 1e12, 'T'] : number >= 999.5e6 ? [number / 1e9, 'B'] : [number / 1e6, 'M'];
  return `${value.toLocaleString('en-US', { maximumSignificantDigits: 3 })} ${suffix}`;
}

// "gpu:0" → "GPU 0", "host" → "system RAM"
export function device(name) {
  if (name === 'host') return 'system RAM';
  const gpu = /^gpu:(\d+)$/.exec(name);
  return gpu ? `GPU ${gpu[1]}` : name;
}

// "kv_cache" → "KV cache"
const kinds = { kv_cache: 'KV cache', kv_pool: 'KV pool', cuda_graphs: 'CUDA graphs' };
export const kind = (name) => kinds[name] ?? name.replaceAll('_', ' ');
