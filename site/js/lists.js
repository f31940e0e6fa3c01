// Catalogue rows as items of the pickers.
import { parameters } from './format.js';
import { has, number, t } from './i18n.js';

// Before the catalogue has arrived the pickers show what is chosen, by its id.
export const emptyLists = { models: [], gpus: [], gpuRows: [], weights: [], cacheTypes: {}, profiles: [{ value: 'auto', label: 'auto' }] };

const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

const vendors = { nvidia: 'NVIDIA', amd: 'AMD', apple: 'Apple', intel: 'Intel' };
const formName = (form) => (has(`form-${form}`) ? t(`form-${form}`) : form);
const order = ['nvidia desktop', 'nvidia laptop', 'apple', 'amd', 'nvidia workstation', 'nvidia datacenter'];

function rank(row) {
  const found = order.findIndex((prefix) => `${row.vendor} ${row.form_factor}`.startsWith(prefix));
  return found < 0 ? order.length : found;
}

export function gpuItems(rows) {
  const memory = (row) => row.memory_gb ?? 0;
  return [...rows]
    .sort((a, b) => rank(a) - rank(b) || byName.compare(a.vendor + a.form_factor, b.vendor + b.form_factor) || byName.compare(a.name, b.name) || memory(a) - memory(b))
    .map((row) => ({
      value: row.id,
      label: row.name,
      detail: memory(row) ? `${memory(row)} GB` : '',
      group: `${vendors[row.vendor] ?? row.vendor}${row.form_factor ? `, ${formName(row.form_factor)}` : ''}`,
      search: `${vendors[row.vendor] ?? ''} ${row.architecture ?? ''} ${row.form_factor ?? ''} ${memory(row)}gb`,
    }));
}

const weightGroups = [
  ['weights-group-gguf', (row) => row.scheme === 'gguf'],
  ['weights-group-plain', (row) => row.scheme === 'plain'],
  ['weights-group-quantizers', () => true],
];

function weightItems(rows) {
  const items = [{ value: '', label: t('weights-as-checkpoint'), detail: '', group: t('weights-group-checkpoint'), scheme: '' }];
  let left = rows;
  for (const [group, belongs] of weightGroups) {
    for (const row of left.filter(belongs)) {
      const bits = row.bits_per_weight;
      items.push({ value: row.id, label: row.name, detail: bits ? t('weights-bits', { bits: number(bits, { maximumFractionDigits: 2 }) }) : '', group: t(group), scheme: row.scheme });
    }
    left = left.filter((row) => !belongs(row));
  }
  return items;
}

// `catalogue` and `profiles` are responses of the operations of those names.
export function listsOf(catalogue, profiles) {
  return {
    models: [...catalogue.models]
      .sort((a, b) => byName.compare(a.name, b.name))
      .map((row) => ({ value: row.id, label: row.name, detail: parameters(row.parameters), search: row.model_type })),
    gpus: gpuItems(catalogue.gpus),
    gpuRows: catalogue.gpus,
    weights: weightItems(catalogue.weights),
    cacheTypes: Object.fromEntries(catalogue.engines.map((engine) => [engine.name, engine.kv_cache_types])),
    profiles: [{ value: 'auto', label: t('auto') }, ...profiles.profiles.map((row) => ({ value: row.id, label: row.name }))],
  };
}
