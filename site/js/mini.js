// On a phone the answer is below the form: a line of it stays at the top of the screen while the form is in sight.
import { html, nothing } from '../elements/lit.js';
import { t } from './i18n.js';

// `verdict` of words.js, or null before the first answer; `wrong`: the form has an error, and the answer is an older one.
export function mini(verdict, wrong) {
  const state = wrong ? 'stale' : (verdict?.state ?? 'unknown');
  return html`<a class="mini ${state}" href="#answer-region"><strong>${wrong ? t('see-message') : (verdict?.word ?? t('computing'))}</strong>${wrong || !verdict ? nothing : html`<span>${verdict.brief} <span aria-hidden="true">↓</span></span>`}</a>`;
}
