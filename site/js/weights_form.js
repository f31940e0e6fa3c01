// The form's part for the visitor's own weights: an address, files, what is being read, what was found.
import { html, live, nothing } from '../elements/lit.js';
import { field, text } from './controls.js';
import { count, size } from './format.js';
import { t } from './i18n.js';

const problems = new Set(['empty', 'offline', 'denied', 'missing', 'busy', 'short', 'wrong', 'no-range', 'status', 'changed']);

function problem({ code, url, detail, message, value, expected }) {
  const words = problems.has(code) ? t(`source-${code}`, { detail: String(detail ?? '') }) : message;
  const given = url || (value === null || value === undefined || value === '' ? '' : String(value));
  return html`<div class="problem" role="alert"><strong>${words}</strong>${given ? html`<br /><code>${given}</code>` : nothing}${expected ? html`<br />${t('expected', { expected })}` : nothing}</div>`;
}

function choices(view, on) {
  const { shown } = view.weights;
  const { state } = view;
  return html`<ul class="choices" aria-label=${t('choices-label')}>
    ${shown.choices.map(
      ({ name, kind, bytes, left }) => html`<li>
        <button type="button" @click=${() => on.place(shown.typed ?? state.place, name)}>
          <span>${name}</span>
          <span class="quiet">${bytes ? size(bytes, state.units) : ''}${kind === 'gguf' ? '' : ` · ${kind}`}</span>
          <span class=${left === undefined ? 'quiet' : left >= 0 ? 'fits' : 'does_not_fit'}>${left === undefined ? '' : left >= 0 ? t('choice-fits', { left: size(left, state.units) }) : t('choice-too-large', { missing: size(-left, state.units) })}</span>
        </button>
      </li>`,
    )}
  </ul>`;
}

function found({ state, weights: { shown } }) {
  const { file, readBytes } = state;
  const types = (file.types ?? []).slice(0, 4);
  return html`<dl class="found">
    <div><dt>${t('found-model')}</dt><dd>${file.name || file.files?.[0] || state.fileName} <span class="quiet">${[file.format, file.architecture].filter(Boolean).join(', ')}</span></dd></div>
    <div><dt>${t('found-weights')}</dt><dd>${size(file.tensor_bytes, state.units)} <span class="quiet">${t('found-parameters', { count: count(file.elements), tensors: count(file.tensor_count) })}</span></dd></div>
    <div><dt>${t('found-types')}</dt><dd>${types.map(({ type, bytes }) => html`<span class="type">${type} ${Math.round((100 * bytes) / Math.max(file.tensor_bytes, 1))} %</span> `)}</dd></div>
    ${shown.kept ? html`<div><dt>${t('found-read')}</dt><dd>${t(`found-kept-${shown.kept}`)}</dd></div>` : readBytes ? html`<div><dt>${t('found-read')}</dt><dd>${t('found-read-of', { read: size(readBytes, state.units), whole: size(file.file_bytes ?? file.tensor_bytes, state.units) })}</dd></div>` : nothing}
  </dl>`;
}

function settings(view, on) {
  const { shown } = view.weights;
  return html`<details class="more" ?open=${shown.settings} @toggle=${(event) => (shown.settings = event.target.open)}>
    <summary>${t('source-settings')}</summary>
    <div class="grid">
      ${field(view, { id: 'endpoint', label: t('field-endpoint'), hint: t('field-endpoint-hint'), wide: false }, text(shown.endpoint, (endpoint) => on.weights({ endpoint }), { placeholder: 'https://huggingface.co', mode: 'url' }))}
      ${field(view, { id: 'token', label: t('field-token'), hint: t('field-token-hint'), wide: false }, ({ id, describedBy }) => html`<input id=${id} type="password" autocomplete="off" spellcheck="false" aria-describedby=${describedBy || nothing} .value=${live(shown.token)} @input=${(event) => on.weights({ token: event.target.value.trim() })} />
        <label class="check"><input type="checkbox" .checked=${live(shown.keepToken)} @change=${(event) => on.weights({ keepToken: event.target.checked })} /> ${t('keep-token')}</label>`)}
    </div>
  </details>`;
}

export function weightsForm(view, on) {
  const { state } = view;
  const { shown } = view.weights;
  const place = shown.typed ?? state.place;
  const asked = !state.file && !shown.busy && !shown.problem && !shown.choices;
  return html`
    ${field(
      view,
      { id: 'place', label: t('field-place'), help: t('help-place'), paths: ['/model/file', '/text'] },
      ({ id, describedBy }) => html`<div class="place">
        <input id=${id} type="text" inputmode="url" autocomplete="off" autocapitalize="off" spellcheck="false" placeholder="org/name · hf.co/org/name:Q4_K_M · https://…" aria-describedby=${describedBy || nothing}
          .value=${live(place)} @input=${(event) => on.weights({ typed: event.target.value })} @keydown=${(event) => event.key === 'Enter' && on.place(event.target.value)} />
        ${shown.busy ? html`<button type="button" @click=${on.cancel}>${t('cancel')}</button>` : html`<button type="button" @click=${() => on.place(place)}>${t('read')}</button>`}
      </div>`,
    )}
    <div class="pick">
      <label class="link file">${t('choose-files')}<input type="file" multiple @change=${(event) => on.files(event.target.files)} /></label>
      <label class="link file">${t('choose-folder')}<input type="file" webkitdirectory @change=${(event) => on.files(event.target.files)} /></label>
      <span class="quiet">${t('drop-anywhere')}</span>
    </div>
    <p class="hint" role="status">${shown.busy ? t('reading', { read: size(shown.read, state.units) }) : asked ? (state.fileName ? t('file-again', { name: state.fileName }) : place ? t('place-asked') : t('files-private')) : nothing}</p>
    ${shown.problem ? problem(shown.problem) : nothing}
    ${shown.choices ? choices(view, on) : nothing}
    ${state.file ? found(view) : nothing}
    ${settings(view, on)}
  `;
}
