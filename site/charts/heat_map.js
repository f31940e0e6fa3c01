// Weight formats by context: a table of buttons, coloured by what the GPU says to each.
import { svg } from 'lit-html';
import { html, nothing } from '../elements/lit.js';
import { count, size } from '../js/format.js';
import { number, t } from '../js/i18n.js';
import { figure } from './figure.js';
import { grid, without } from './grid.js';

const usual = {
  gguf: ['f16', 'q8_0', 'q6_k', 'q5_k_m', 'q4_k_m', 'iq4_xs', 'q3_k_m', 'iq3_xs', 'q2_k'],
  other: ['bf16', 'fp8', 'int8', 'awq', 'gptq', 'bnb_nf4', 'int4'],
};
const marks = { fits: '✓', tight: '≈', does_not_fit: '✕' };

export async function heatData(engine, { request, lists, state }) {
  const known = new Map(lists.weights.map((item) => [item.value, item.label]));
  const scheme = request.engine.name === 'llama.cpp' ? 'gguf' : request.engine.name === 'ideal' ? 'both' : 'other';
  const wanted = scheme === 'both' ? [...usual.gguf, 'fp8', 'int4'] : usual[scheme];
  const formats = [...new Set([...wanted.filter((id) => known.has(id)), ...(state.weights && known.has(state.weights) ? [state.weights] : [])])];
  const contexts = [2048, 4096, 8192, 16384, 32768, 65536, 131072];
  if (typeof request.context === 'number' && !contexts.includes(request.context)) contexts.push(request.context);
  contexts.sort((a, b) => a - b);
  const cells = await grid(engine, without(request, 'weights'), [{ path: '/weights', values: formats }, { path: '/context', values: contexts }]);
  const rows = formats.map((id, row) => ({ id, name: known.get(id), cells: cells.slice(row * contexts.length, (row + 1) * contexts.length) }));
  return { contexts, rows: rows.filter(({ cells: own }) => own.some(({ error }) => !error)) };
}

export function heatMap({ contexts, rows }, { unit, request, set }) {
  const divisor = unit === 'GB' ? 1e9 : 2 ** 30;
  const short = (bytes) => number(bytes / divisor, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const column = (context) => (context % 1024 ? count(context) : `${count(context / 1024)}k`);
  const says = (verdict) => (verdict ? t(`verdict-${verdict}`) : '');
  const body = html`<div class="scroll"><table class="heat">
      <thead><tr><th scope="col">${t('chart-formats-format')}</th>${contexts.map((context) => html`<th scope="col" class="number">${column(context)}</th>`)}</tr></thead>
      <tbody>${rows.map(
        ({ id, name, cells }) => html`<tr><th scope="row">${name}</th>${cells.map(
          ({ need, verdict, error }, place) => html`<td>${error
            ? html`<span class="quiet" title=${error}>–</span>`
            : html`<button type="button" class="cell ${verdict ?? ''}" aria-pressed=${id === request.weights && contexts[place] === request.context}
                title=${t('chart-formats-use', { format: name, tokens: count(contexts[place]), size: size(need, unit), verdict: says(verdict) })}
                @click=${() => set({ weights: id, weightOptions: {}, context: String(contexts[place]) })}><span aria-hidden="true">${marks[verdict] ?? ''}</span>${short(need)}<span class="only-heard"> ${unit} ${says(verdict)}</span></button>`}</td>`,
        )}</tr>`,
      )}</tbody>
    </table></div>${picture({ contexts, rows }, { short, column })}`;
  return figure({
    title: t('chart-formats-title'),
    hint: t('chart-formats-hint', { unit }),
    body,
    twin: false, // it is a table
    table: { name: 'formats-by-context', columns: [t('chart-formats-format'), ...contexts.map(count)], rows: rows.map(({ name, cells }) => [name, ...cells.map(({ need, verdict, error }) => error ?? `${size(need, unit)} ${marks[verdict] ?? ''}`.trim())]) },
    data: { name: 'formats-by-context', columns: ['weights', 'context', 'bytes', 'verdict'], rows: rows.flatMap(({ id, cells }) => cells.map(({ need, verdict }, place) => [id, contexts[place], need ?? null, verdict ?? null])) },
  });
}

// The same to take away as a picture; not shown.
function picture({ contexts, rows }, { short, column }) {
  const [wide, high, first] = [78, 26, 110];
  const fill = (verdict) => `cell-${verdict ?? 'unknown'}`;
  return html`<svg class="drawing off" aria-hidden="true" viewBox="0 0 ${first + wide * contexts.length + 10} ${high * (rows.length + 1) + 10}">
    ${contexts.map((context, place) => svg`<text class="tick" text-anchor="middle" x=${first + wide * (place + 0.5)} y="18">${column(context)}</text>`)}
    ${rows.map(({ name, cells }, row) => svg`<text class="tick" x="8" y=${high * (row + 1) + 18}>${name}</text>${cells.map(({ need, verdict, error }, place) => (error ? nothing : svg`<rect class=${fill(verdict)} x=${first + wide * place + 1} y=${high * (row + 1) + 1} width=${wide - 2} height=${high - 2} rx="3"></rect><text class="tick ink" text-anchor="middle" x=${first + wide * (place + 0.5)} y=${high * (row + 1) + 18}>${marks[verdict] ?? ''} ${short(need)}</text>`))}`)}
  </svg>`;
}
