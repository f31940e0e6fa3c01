// <vram-advice>: machines on which it fits, smallest first. data: {advice, unit}. Emits "vram-gpu" {id, count}.
import { size } from '../js/format.js';
import { t } from '../js/i18n.js';
import { DrawnElement, html, nothing } from './lit.js';

class Advice extends DrawnElement {
  template({ advice, unit }) {
    if (!advice) return nothing;
    return html`<section class="panel">
      <h2>${t('advice-heading')}</h2>
      ${advice.length === 0
        ? html`<p>${t('advice-none')}</p>`
        : html`<ul class="machines">
            ${advice.map(
              ({ gpu, text, verdict, headroom_bytes: headroom }) => html`<li>
                <button type="button" class="link" @click=${() => this.pick(gpu)}>${text || `${gpu.count > 1 ? `${gpu.count} × ` : ''}${gpu.name || gpu.id}`}</button>
                <span class="number quiet">${t(verdict === 'tight' ? 'advice-tight' : 'advice-spare', { size: size(headroom, unit) })}</span>
              </li>`,
            )}
          </ul>`}
    </section>`;
  }

  pick({ id, count }) {
    this.dispatchEvent(new CustomEvent('vram-gpu', { bubbles: true, composed: true, detail: { id, count: String(count ?? 1) } }));
  }
}
customElements.define('vram-advice', Advice);
