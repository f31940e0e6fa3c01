// The current job on every GPU of the catalogue.
import { html, live, nothing } from '../elements/lit.js';
import { matching } from '../elements/picker.js';
import { count, size } from '../js/format.js';
import { t } from '../js/i18n.js';
import { figure } from './figure.js';
import { grid, without } from './grid.js';

const FIRST = 25;
const order = { fits: 0, tight: 1, does_not_fit: 2 };

export async function gpuData(engine, { request, lists, state }) {
  const number = request.gpu?.count ?? 1;
  const gpus = lists.gpuRows;
  const cells = await grid(engine, without(request, 'gpu'), [{ path: '/gpu', values: gpus.map(({ id }) => ({ id, count: number })) }]);
  const rows = gpus.map((row, index) => ({ ...row, ...cells[index], spare: cells[index].capacity - cells[index].need })).filter(({ error }) => !error);
  // The smallest that hold it first; then the nearest misses.
  rows.sort((a, b) => order[a.verdict] - order[b.verdict] || (a.verdict === 'does_not_fit' ? b.spare - a.spare : a.capacity - b.capacity));
  return { rows, number, chosen: state.gpuSource === 'catalogue' ? state.gpu : '' };
}

export function gpuTable({ rows, number, chosen }, { unit, filter, change, set }) {
  const { query = '', only = false, all = false } = filter;
  const items = rows.map((row) => ({ value: row.id, label: row.name, search: `${row.vendor} ${row.architecture ?? ''} ${row.form_factor ?? ''} ${row.memory_gb ?? ''}gb`, row }));
  const found = matching(items, query).map(({ row }) => row).filter(({ verdict }) => !only || verdict !== 'does_not_fit');
  const shown = all ? found : found.slice(0, FIRST);
  const fit = rows.filter(({ verdict }) => verdict !== 'does_not_fit').length;
  const columns = ['name', 'memory', 'need', 'spare', 'verdict'].map((id) => t(`chart-gpus-${id}`));
  const body = html`<div class="filters">
      <input type="text" aria-label=${t('chart-gpus-search')} placeholder=${t('chart-gpus-search')} .value=${live(query)} @input=${(event) => change({ query: event.target.value })} />
      <label class="check"><input type="checkbox" .checked=${live(only)} @change=${(event) => change({ only: event.target.checked })} /> ${t('chart-gpus-only')}</label>
    </div>
    <div class="scroll"><table class="plain">
      <thead><tr>${columns.map((column, index) => html`<th scope="col" class=${index ? 'number' : ''}>${column}</th>`)}</tr></thead>
      <tbody>${shown.map(
        ({ id, name, need, capacity, spare, verdict }) => html`<tr class=${id === chosen ? 'chosen' : ''}><th scope="row"><button type="button" class="link" @click=${() => set({ gpuSource: 'catalogue', gpu: id })}>${name}</button></th>
          <td class="number">${size(capacity, unit)}</td><td class="number">${size(need, unit)}</td><td class="number">${size(spare, unit)}</td><td class="number word ${verdict}">${t(`verdict-${verdict}`)}</td></tr>`,
      )}</tbody>
    </table></div>
    ${found.length > shown.length ? html`<button type="button" @click=${() => change({ all: true })}>${t('chart-gpus-more', { count: count(found.length) })}</button>` : nothing}`;
  return figure({
    title: t('chart-gpus-title'),
    hint: t('chart-gpus-hint', { fit: count(fit), all: count(rows.length), count: number > 1 ? t('chart-gpus-count', { count: count(number) }) : '' }),
    body,
    twin: false,
    pictures: false,
    table: { name: 'every-gpu', columns, rows: found.map(({ name, capacity, need, spare, verdict }) => [name, size(capacity, unit), size(need, unit), size(spare, unit), t(`verdict-${verdict}`)]) },
    data: { name: 'every-gpu', columns: ['id', 'capacity_bytes', 'need_bytes', 'spare_bytes', 'verdict'], rows: found.map(({ id, capacity, need, spare, verdict }) => [id, capacity, need, spare, verdict]) },
  });
}
