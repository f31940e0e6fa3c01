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
import { onAllGpus, sentence } from './words.js';

export function answer({ state, shown, verdict, complete, error, errorText, broken, partial, slow, jsonOpen }, on) {
  const unit = state.units;
  return html`
    ${broken
      ? html`<div class="problem" role="alert"><strong>${t('broken-title')}</strong> ${broken} ${t('broken-text')}</div>`
      : nothing}
    ${error
      ? html`<div class="problem" role="alert">${errorText} ${error.path ? html`<span class="quiet">${t('error-at')} <code>${error.path}</code></span>` : nothing}
          ${shown ? html`<br /><span class="quiet">${t('error-last-answer')}</span>` : nothing}</div>`
      : nothing}
    ${shown ? html`<div class="result ${error || broken ? 'stale' : ''} ${partial ? 'partial' : ''} ${slow ? 'slow' : ''}">${result(shown, { verdict, complete, unit, partial, jsonOpen }, on)}</div>` : error || broken ? nothing : html`<p class="waiting">${t('computing')}</p>`}
  `;
}

// Written once for each answer, not at every drawing.
let last = {};
function written(complete) {
  if (last.complete !== complete) last = { complete, text: JSON.stringify(complete, null, 2) };
  return last.text;
}

const warning = ({ path, message }) => html`<li title=${path}>${sentence(message)}</li>`;

// A few are read at once; many fold away below their number.
function warningList(warnings) {
  if (warnings.length <= 2) return html`<ul class="warnings" aria-label=${t('warnings')}>${warnings.map(warning)}</ul>`;
  return html`<details class="warnings"><summary>${t('warnings-many', { count: warnings.length, first: sentence(warnings[0].message) })}</summary><ul>${warnings.map(warning)}</ul></details>`;
}

// `complete` is the last {request, response} that has limits, advice and other formulas; on the first visit they are to come.
function result(response, { verdict, complete, unit, partial, jsonOpen }, on) {
  const { ledger, gpu, warnings } = response;
  const rest = complete?.response ?? response;
  return html`
    <vram-verdict .data=${verdict}></vram-verdict>
    ${trust(response, { unit, accuracy: accuracyPage() })}
    ${warnings?.length ? warningList(warnings) : nothing}
    <vram-bar .data=${{ ledger, capacity: gpu?.memory_bytes ?? null, nominal: gpu?.memory_bytes_nominal, reported: gpu?.memory_reported, unit }}></vram-bar>
    <vram-limits .data=${{ response: rest, unit, partial: !complete && partial && Boolean(gpu) }}></vram-limits>
    <vram-ledger .data=${{ ledger, unit, accuracy: accuracyPage() }}></vram-ledger>
    <div class="pair">
      <vram-advice .data=${{ advice: rest.advice, unit }}></vram-advice>
      <vram-references .data=${{ references: rest.references, ours: onAllGpus(rest), unit }}></vram-references>
    </div>
    <details class="json" @toggle=${(event) => on.showJson(event.target.open)}>
      <summary>${t('request-response')}</summary>
      ${jsonOpen && complete ? html`<pre id="json" tabindex="0" aria-label=${t('request-response-json')}>${written(complete)}</pre>` : nothing}
    </details>
  `;
}
