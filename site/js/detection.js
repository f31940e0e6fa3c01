// The "which GPU is this" part of the form: what hardware.js found, for the person to choose from.
import { t } from './i18n.js';
import { html, nothing } from '../elements/lit.js';

// `detected`: null before it was asked for, else {found, says, note, applied} of candidates(); `mine`: {id, name} of the GPU
// that was chosen as this computer's before, or null; `gpu`: the one in the form.
export function detection({ detected, mine, state: { gpu, gpuSource } }, on) {
  const other = mine && (gpuSource !== 'catalogue' || gpu !== mine.id);
  return html`<div class="detection">
    ${mine
      ? html`<p class="mine">
          ${other ? html`<button type="button" @click=${() => on.useMine(mine.id)}>${t('detect-use-mine', { name: mine.name })}</button>` : html`<span class="quiet">${t('detect-mine')}</span>`}
          <button type="button" class="link" @click=${() => on.useMine(null)}>${t('detect-forget')}</button>
        </p>`
      : nothing}
    ${mine && !detected ? nothing : html`<button type="button" id="detect" @click=${on.detect}>${t('detect')}</button>`}
    <div role="status">
      ${detected
        ? html`
            ${detected.applied ? html`<p>${t('detect-applied')}</p>` : nothing}
            ${detected.note ? html`<p>${detected.note}</p>` : nothing}
            ${detected.found.length
              ? html`<ul>
                  ${detected.found.map(
                    ({ row, reason, confidence }) => html`<li>
                      <button type="button" class="link" @click=${() => on.useMine(row.id)}>${row.name}</button>
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
