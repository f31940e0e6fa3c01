// <vram-verdict>: does it fit, in one sentence. data: {state, word, sentence, subject, detail} of words.js.
import { DrawnElement, html, nothing } from './lit.js';

const marks = { fits: '✓', tight: '≈', does_not_fit: '✕', unknown: 'Σ' };

class Verdict extends DrawnElement {
  template({ state, word, sentence, subject, detail }) {
    return html`<div class="verdict ${state}">
      <span class="mark" aria-hidden="true">${marks[state]}</span>
      <div>
        <p class="sentence"><strong>${word}</strong>${state === 'unknown' ? ' ' : ': '}${sentence}</p>
        ${detail ? html`<p class="detail">${detail}</p>` : nothing}
        <p class="subject">${subject}</p>
      </div>
    </div>`;
  }
}
customElements.define('vram-verdict', Verdict);
