// The "which GPU is this" part of the form: what hardware.js found, for the person to choose from.
import { t } from './i18n.js';
import { html, nothing } from '../elements/lit.js';

// `detected`: null before it was asked for, else {found, says, note} of candidates().
export function detection(detected, on) {
  return html`<div class="detection">
    <button type="button" id="detect" @click=${on.detect}>${t('detect')}</button>
    <div role="status">
      ${detected
        ? html`
            ${detected.note ? html`<p>${detected.note}</p>` : nothing}
            ${detected.found.length
              ? html`<ul>
                  ${detected.found.map(
                    ({ row, reason, confidence }) => html`<li>
                      <button type="button" class="link" @click=${() => on.set({ gpuSource: 'catalogue', gpu: row.id })}>${row.name}</button>
                      <span class="quiet">${t(`detect-${confidence}`)}: ${reason}</span>
                    </li>`,
                  )}
                </ul>`
              : nothing}
            <p class="hint">${t('detect-no-memory')} ${detected.says ? html`${t('detect-said')} <q>${detected.says}</q>` : nothing}</p>
          `
        : nothing}
    </div>
  </div>`;
}
