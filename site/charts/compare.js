// Up to four configurations side by side; what differs is marked.
import { html, nothing } from '../elements/lit.js';
import { count, kind, size } from '../js/format.js';
import { t } from '../js/i18n.js';
import { requestOf } from '../js/request.js';
import { parseHash } from '../js/state.js';
import { figure } from './figure.js';

export const MOST_PINS = 3; // and the current one

// `pins` are the hashes of the kept states.
export async function compareData(engine, { pins, shown }) {
  const kept = await Promise.all(
    pins.map(async (hash) => {
      const { request, error } = requestOf((await parseHash(hash)).state);
      const response = error ? { ok: false, error } : await engine.call({ ...request, also: request.gpu ? ['max_context'] : [] });
      return { hash, response };
    }),
  );
  return { columns: [{ hash: null, response: shown }, ...kept] };
}

const fullest = ({ ledger }) => ledger.peaks.filter(({ device }) => device.startsWith('gpu')).reduce((most, peak) => (most && most.bytes.expected >= peak.bytes.expected ? most : peak), undefined);

export function compare({ columns }, { unit, keep, remove, use, full }) {
  const ok = columns.filter(({ response }) => response?.ok);
  const peaks = new Map(ok.map(({ response }) => [response, fullest(response)]));
  const ofKind = (response, wanted) => {
    const peak = peaks.get(response);
    return response.ledger.entries.filter((entry) => peak && entry.device === peak.device && entry.stages.includes(peak.stage) && entry.kind === wanted).reduce((sum, entry) => sum + entry.bytes.expected, 0);
  };
  const kinds = [...new Set(ok.flatMap(({ response }) => response.ledger.entries.filter((entry) => entry.device === peaks.get(response)?.device && entry.stages.includes(peaks.get(response)?.stage)).map((entry) => entry.kind)))];
  const none = t('compare-none');
  const lines = [
    ['compare-model', ({ model }) => model.name || model.id || none],
    ['compare-weights', ({ weights }) => weights.name || weights.format],
    ['compare-context', ({ context }) => count(context)],
    ['compare-sequences', ({ sequences }) => count(sequences)],
    ['compare-cache', ({ kv_cache: kv }) => (kv.k === kv.v ? kv.k : `${kv.k}/${kv.v}`)],
    ['compare-engine', ({ engine }) => engine.name],
    ['compare-gpu', ({ gpu }) => (gpu ? `${gpu.count > 1 ? `${gpu.count} × ` : ''}${gpu.name || gpu.id || size(gpu.memory_bytes, unit)}` : none)],
    ['compare-verdict', ({ verdict }) => (verdict ? t(`verdict-${verdict}`) : none), 'word'],
    ['compare-total', (response) => size(peaks.get(response)?.bytes.expected ?? 0, unit)],
    ...kinds.map((name) => [null, (response) => size(ofKind(response, name), unit), `kind ${name}`]),
    ['compare-spare', ({ headroom_bytes: spare }) => (spare === null ? none : size(spare, unit))],
    ['compare-longest', ({ max_context: most }) => (most ? count(most.within_model) : none)],
  ].map(([id, read, form = '']) => {
    const cells = columns.map(({ response }) => (response?.ok ? read(response) : (response?.error?.message ?? none)));
    return { name: id ? t(id) : kind(form.slice(5)), form, cells, verdicts: columns.map(({ response }) => response?.verdict), differs: new Set(cells).size > 1 };
  });
  const title = (index) => (index ? t('compare-kept', { number: String(index) }) : t('compare-now'));
  const table = { name: 'compare', columns: [t('compare-row'), ...columns.map((_, index) => title(index))], rows: lines.map(({ name, cells }) => [name, ...cells]) };
  const body = html`<p><button type="button" class="primary" ?disabled=${full} @click=${keep}>${t('compare-keep')}</button></p>
    <div class="scroll"><table class="plain compare">
      <thead><tr><td></td>${columns.map(({ hash }, index) => html`<th scope="col">${title(index)}${hash === null ? nothing : html` <button type="button" class="link" @click=${() => use(hash)}>${t('compare-use')}</button> <button type="button" class="link" @click=${() => remove(index - 1)}>${t('compare-remove')}</button>`}</th>`)}</tr></thead>
      <tbody>${lines.map(
        ({ name, form, cells, verdicts, differs }) => html`<tr class=${differs ? 'differs' : ''}>
          <th scope="row">${form.startsWith('kind') ? html`<i class="swatch fill-${form.slice(5)}"></i>` : nothing}${name}${differs ? html`<span class="only-heard">, ${t('compare-differs')}</span>` : nothing}</th>
          ${cells.map((cell, index) => html`<td class=${form === 'word' ? `word ${verdicts[index] ?? ''}` : ''}>${cell}</td>`)}
        </tr>`,
      )}</tbody>
    </table></div>`;
  return figure({ title: t('compare-title'), hint: t('compare-hint'), body, table, twin: false, pictures: false });
}
