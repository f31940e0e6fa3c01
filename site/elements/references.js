// <vram-references>: what other people's formulas say of the same request. data: {references, ours (bytes on all GPUs), unit}.
import { size } from '../js/format.js';
import { number, t } from '../js/i18n.js';
import { DrawnElement, html, nothing } from './lit.js';

const difference = (theirs, ours) => {
  const percent = (100 * (theirs - ours)) / ours;
  if (!Number.isFinite(percent)) return '';
  const text = Math.abs(percent) < 0.05 ? '0' : number(percent, { maximumFractionDigits: Math.abs(percent) < 10 ? 1 : 0, signDisplay: 'exceptZero' });
  return `${text.replace('-', '−')} %`;
};

class References extends DrawnElement {
  template({ references, ours, unit }) {
    if (!references?.length) return nothing;
    return html`<section class="panel">
      <h2>${t('references-heading')}</h2>
      <p class="hint">${t('references-hint', { size: size(ours, unit) })}</p>
      <table class="plain">
        <thead><tr><th scope="col">${t('references-formula')}</th><th scope="col" class="number">${t('references-says')}</th><th scope="col" class="number">${t('references-difference')}</th></tr></thead>
        <tbody>
          ${references.map(
            ({ name, total_bytes: total, note }) => html`<tr>
              <th scope="row">${name}${note ? html`<small>${note}</small>` : nothing}</th>
              <td class="number">${size(total, unit)}</td>
              <td class="number">${difference(total, ours)}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </section>`;
  }
}
customElements.define('vram-references', References);
