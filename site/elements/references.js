// <vram-references>: what other people's formulas say of the same request. data: {references, ours (bytes on all GPUs), unit}.
import { size } from '../js/format.js';
import { DrawnElement, html, nothing } from './lit.js';

const difference = (theirs, ours) => {
  const percent = (100 * (theirs - ours)) / ours;
  if (!Number.isFinite(percent)) return '';
  const text = Math.abs(percent) < 0.05 ? '0' : percent.toLocaleString('en-US', { maximumFractionDigits: Math.abs(percent) < 10 ? 1 : 0, signDisplay: 'exceptZero' });
  return `${text.replace('-', '−')} %`;
};

class References extends DrawnElement {
  template({ references, ours, unit }) {
    if (!references?.length) return nothing;
    return html`<section class="panel">
      <h2>Other formulas</h2>
      <p class="hint">As their authors state them, for the same request. Ours is ${size(ours, unit)} on all GPUs together.</p>
      <table class="plain">
        <thead><tr><th scope="col">Formula</th><th scope="col" class="number">Says</th><th scope="col" class="number">Difference</th></tr></thead>
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
