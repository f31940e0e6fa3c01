// The right side: the newest good response, or why there is none.
import '../elements/advice.js';
import '../elements/bar.js';
import '../elements/ledger.js';
import '../elements/limits.js';
import '../elements/references.js';
import '../elements/verdict.js';
import { trust } from '../elements/trust.js';
import { html, nothing } from '../elements/lit.js';
import { accuracyPage } from './frame.js';
import { t } from './i18n.js';
import { onAllGpus, sentence, verdict } from './words.js';

export function answer({ state, shown, request, error, errorText, broken, partial, jsonOpen }, on) {
  const unit = state.units;
  return html`
    ${broken
      ? html`<div class="problem" role="alert"><strong>${t('broken-title')}</strong> ${broken} ${t('broken-text')}</div>`
      : nothing}
    ${error
      ? html`<div class="problem" role="alert">${errorText} ${error.path ? html`<span class="quiet">${t('error-at')} <code>${error.path}</code></span>` : nothing}
          ${shown ? html`<br /><span class="quiet">${t('error-last-answer')}</span>` : nothing}</div>`
      : nothing}
    ${shown ? html`<div class="result ${error || broken ? 'stale' : ''} ${partial ? 'partial' : ''}">${result(shown, { request, unit, partial, jsonOpen }, on)}</div>` : error || broken ? nothing : html`<p class="waiting">${t('computing')}</p>`}
  `;
}

const warning = ({ path, message }) => html`<li title=${path}>${sentence(message)}</li>`;

// A few are read at once; many fold away below their number.
function warningList(warnings) {
  if (warnings.length <= 2) return html`<ul class="warnings" aria-label=${t('warnings')}>${warnings.map(warning)}</ul>`;
  return html`<details class="warnings"><summary>${t('warnings-many', { count: warnings.length, first: sentence(warnings[0].message) })}</summary><ul>${warnings.map(warning)}</ul></details>`;
}

function result(response, { request, unit, partial, jsonOpen }, on) {
  const { ledger, gpu, warnings } = response;
  return html`
    <vram-verdict .data=${verdict(response, unit)}></vram-verdict>
    ${trust(response, { unit, accuracy: accuracyPage() })}
    ${warnings?.length ? warningList(warnings) : nothing}
    <vram-bar .data=${{ ledger, capacity: gpu?.memory_bytes ?? null, nominal: gpu?.memory_bytes_nominal, reported: gpu?.memory_reported, unit }}></vram-bar>
    <vram-limits .data=${{ response, unit, partial: partial && gpu }}></vram-limits>
    <vram-ledger .data=${{ ledger, unit, accuracy: accuracyPage() }}></vram-ledger>
    <div class="pair">
      <vram-advice .data=${{ advice: response.advice, unit }}></vram-advice>
      <vram-references .data=${{ references: response.references, ours: onAllGpus(response), unit }}></vram-references>
    </div>
    <details class="json" @toggle=${(event) => on.showJson(event.target.open)}>
      <summary>${t('request-response')}</summary>
      ${jsonOpen ? html`<pre id="json" tabindex="0" aria-label=${t('request-response-json')}>${JSON.stringify({ request, response }, null, 2)}</pre>` : nothing}
    </details>
  `;
}
