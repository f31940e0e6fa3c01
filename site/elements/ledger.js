// <vram-ledger>: every entry with its size, and on demand its formula, the numbers put in, and the source.
// data: {ledger, unit, accuracy}.
import { count, isExact, kind, range, size, stage } from '../js/format.js';
import { t } from '../js/i18n.js';
import { deviceNames, groupPeaks } from './bar.js';
import { DrawnElement, html, nothing } from './lit.js';

// Entries that are the same on several devices become one row.
function rows(ledger) {
  const merged = [];
  for (const entry of ledger.entries) {
    const same = merged.find((row) => row.entry.kind === entry.kind && row.entry.label === entry.label && row.entry.formula === entry.formula && row.entry.device.slice(0, 3) === entry.device.slice(0, 3) && JSON.stringify([row.entry.bytes, row.entry.values, row.entry.stages]) === JSON.stringify([entry.bytes, entry.values, entry.stages]));
    if (same) same.devices.push(entry.device);
    else merged.push({ entry, devices: [entry.device] });
  }
  return merged;
}

const symbols = (formula) => formula.match(/[A-Za-z_][A-Za-z0-9_.]*/g) ?? [];

// "n_ctx * n_layer" with {n_ctx: 8192} → "8,192 * n_layer"
export function withNumbers(formula, values) {
  return formula.replace(/[A-Za-z_][A-Za-z0-9_.]*/g, (symbol) => (Object.hasOwn(values, symbol) ? count(values[symbol]) : symbol));
}

class LedgerTable extends DrawnElement {
  #open = new Set();

  toggle(id) {
    if (!this.#open.delete(id)) this.#open.add(id);
    this.redraw();
  }

  // `accuracy` is the address of what measured values say, or undefined.
  template({ ledger, unit, accuracy }) {
    const all = rows(ledger);
    const stages = new Set(ledger.entries.flatMap((entry) => entry.stages)).size;
    // An entry of some stages only says of which, where there are several entries of its name.
    const when = (entry) => (entry.stages.length < stages && all.some((row) => row.entry !== entry && row.entry.label === entry.label) ? html` <small>${entry.stages.map(stage).join(', ')}</small>` : nothing);
    const several = new Set(ledger.entries.map((entry) => entry.device)).size > 1;
    const columns = several ? 4 : 3;
    const open = (id) => this.#open.has(id);
    const ids = all.map(({ entry, devices }) => `${entry.kind}-${entry.label}-${devices[0]}`);
    const allOpen = ids.length > 0 && ids.every(open);
    return html`<table>
      <caption>
        <h2>${t('ledger-heading')}</h2>
        <button type="button" class="link" @click=${() => {
          this.#open = new Set(allOpen ? [] : ids);
          this.redraw();
        }}>${t(allOpen ? 'ledger-hide' : 'ledger-show')}</button>
        ${accuracy ? html`<a class="link" href=${accuracy}>${t('accuracy-link')}</a>` : nothing}
      </caption>
      <thead>
        <tr>
          <th scope="col">${t('ledger-entry')}</th>
          ${several ? html`<th scope="col" class="where">${t('ledger-where')}</th>` : nothing}
          <th scope="col" class="number">${t('ledger-expected')}</th>
          <th scope="col" class="number">${t('ledger-range')}</th>
        </tr>
      </thead>
      <tbody>
        ${all.map(({ entry, devices }, index) => {
          const id = ids[index];
          return html`<tr class="entry">
              <th scope="row">
                <button type="button" aria-expanded=${open(id)} aria-controls=${`why-${index}`} @click=${() => this.toggle(id)}>
                  <i class="swatch fill-${entry.kind}"></i><span>${entry.label || kind(entry.kind)}${when(entry)}</span>
                </button>
                ${several ? html`<small class="where-inline">${deviceNames(devices)}</small>` : nothing}
              </th>
              ${several ? html`<td class="where">${deviceNames(devices)}</td>` : nothing}
              <td class="number">${size(entry.bytes.expected, unit)}</td>
              <td class="number quiet">${range(entry.bytes, unit)}</td>
            </tr>
            <tr class="why" id=${`why-${index}`} ?hidden=${!open(id)}>
              <td colspan=${columns}>${open(id) ? this.why(entry) : nothing}</td>
            </tr>`;
        })}
      </tbody>
      <tfoot>
        ${groupPeaks(ledger).map(
          ({ peak, devices }) => html`<tr>
            <th scope="row">${t('ledger-fullest', { stage: stage(peak.stage) })}${several ? html`<small class="where-inline">${deviceNames(devices)}</small>` : nothing}</th>
            ${several ? html`<td class="where">${deviceNames(devices)}</td>` : nothing}
            <td class="number">${size(peak.bytes.expected, unit)}</td>
            <td class="number quiet">${range(peak.bytes, unit)}</td>
          </tr>`,
        )}
      </tfoot>
    </table>`;
  }

  why({ formula, values, bytes, source, stages }) {
    const substituted = withNumbers(formula, values);
    const putIn = substituted === formula ? '' : substituted;
    const rest = Object.entries(values)
      .filter(([symbol]) => !symbols(formula).includes(symbol))
      .map(([symbol, number]) => `${symbol} = ${count(number)}`)
      .join(', ');
    return html`<dl>
      ${formula ? html`<dt>${t('why-formula')}</dt><dd><code>${formula}</code></dd>` : nothing}
      ${putIn ? html`<dt>${t('why-put-in')}</dt><dd><code>${putIn}</code></dd>` : nothing}
      ${rest ? html`<dt>${t('why-with')}</dt><dd><code>${rest}</code></dd>` : nothing}
      <dt>${t('why-bytes')}</dt><dd><code>${isExact(bytes) ? count(bytes.expected) : t('why-bytes-range', { expected: count(bytes.expected), low: count(bytes.low), high: count(bytes.high) })}</code></dd>
      <dt>${t('why-when')}</dt><dd>${stages.map(stage).join(', ')}</dd>
      ${source ? html`<dt>${t('why-source')}</dt><dd>${source}</dd>` : nothing}
    </dl>`;
  }
}
customElements.define('vram-ledger', LedgerTable);
