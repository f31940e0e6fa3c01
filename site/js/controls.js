// The controls of forms: labels, fields with their errors, choices. `view` has {error, errorText}.
import { html, live, nothing } from '../elements/lit.js';
import '../elements/picker.js';
import english from '../i18n/en/help.js';
import { has, speak, t } from './i18n.js';

speak(english, { es: () => import('../i18n/es/help.js'), zh: () => import('../i18n/zh/help.js') });

export const section = (title, body) => html`<fieldset><legend>${title}</legend>${body}</fieldset>`;

// Whether the error is about this field: the path itself or anything below it.
const concerns = (view, paths) => view.error && paths.some((path) => view.error.path === path || view.error.path.startsWith(`${path}/`));

// A label, a control and, when the error is about it, the error. `control(attributes)` gets {id, invalid, describedBy}. What
// the input is, in a sentence, is the text help-<id>, or `help`.
// ("part-vae" is one of many: help-part.)
const helpOf = (id) => {
  const known = [id, id.split('-')[0]].find((name) => has(`help-${name}`));
  return known ? t(`help-${known}`) : '';
};
export function field(view, { id, label, aside, paths = [], hint, help = helpOf(id), wide = true, name }, control) {
  const wrong = concerns(view, paths);
  const describedBy = [wrong && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(' ');
  return html`<div class="field ${wide ? '' : 'half'} ${wrong ? 'wrong' : ''}">
    <div class="label"><label for=${id} class=${name ? 'own' : ''}>${label}</label>${help ? explained(label, help) : nothing}${aside ?? nothing}</div>
    ${control({ id, invalid: wrong, describedBy })}
    ${hint ? html`<p class="hint" id="${id}-hint">${hint}</p>` : nothing}
    ${wrong ? html`<p class="error" id="${id}-error">${view.errorText}</p>` : nothing}
  </div>`;
}

// One sentence on demand, over the form and not in it, so that nothing moves.
const explained = (label, help) => html`<details class="help" @focusout=${(event) => event.currentTarget.contains(event.relatedTarget) || (event.currentTarget.open = false)} @keydown=${(event) => event.key === 'Escape' && (event.currentTarget.open = false)}>
  <summary aria-label=${t('explain', { label })}><span aria-hidden="true">?</span></summary>
  <p>${help}</p>
</details>`;

export const text = (value, change, { placeholder = '', mode = 'text' } = {}) =>
  ({ id, invalid, describedBy }) =>
    html`<input id=${id} type="text" inputmode=${mode} autocomplete="off" spellcheck="false" placeholder=${placeholder}
      aria-invalid=${invalid ? 'true' : nothing} aria-describedby=${describedBy || nothing}
      .value=${live(value)} @input=${(event) => change(event.target.value)} />`;

export const choice = (value, options, change) =>
  ({ id, invalid, describedBy }) =>
    html`<select id=${id} aria-invalid=${invalid ? 'true' : nothing} aria-describedby=${describedBy || nothing} .value=${live(value)} @change=${(event) => change(event.target.value)}>
      ${options.map((option) => html`<option value=${option.value} .selected=${option.value === value}>${option.label}</option>`)}
    </select>`;

export const picker = (items, value, change, placeholder) =>
  ({ id, invalid, describedBy }) =>
    html`<vram-picker .inputId=${id} .describedBy=${describedBy} .placeholder=${placeholder} .invalid=${Boolean(invalid)} .items=${items} .value=${value}
      @vram-pick=${(event) => change(event.detail)}></vram-picker>`;

// A box to tick; its sentence is the text help-<id>.
export const tick = (id, label, on, change) =>
  html`<div class="tick"><label class="check"><input type="checkbox" id=${id} .checked=${live(on)} @change=${(event) => change(event.target.checked)} /> ${label}</label>${helpOf(id) ? explained(label, helpOf(id)) : nothing}</div>`;

export const segments = (name, label, value, options, change) =>
  html`<div class="segments-choice" role="radiogroup" aria-label=${label}>
    ${options.map(
      ([key, title]) => html`<label><input type="radio" name=${name} value=${key} .checked=${live(key === value)} @change=${() => change(key)} /><span>${title}</span></label>`,
    )}
  </div>`;

