// The "Embed" dialog: the snippet that puts the current state into somebody's page. Loaded when it is asked for.
import { html, live, nothing, render } from '../elements/lit.js';
import english from '../i18n/en/embed.js';
import { copyText, say } from './frame.js';
import { settled, speak, t } from './i18n.js';
import { defaults } from './state.js';
/* global WIDGET */

speak(english, { es: () => import('../i18n/es/embed.js'), zh: () => import('../i18n/zh/embed.js') });
const forms = ['element', 'badge', 'iframe', 'markdown'];
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

// The widget's attributes of a state: [[name, value]].
export function attributesOf(state) {
  const list = [['model', state.model], ['weights', state.weights], ['context', state.context]];
  if (state.sequences !== '1') list.push(['sequences', state.sequences]);
  if (state.kvK) list.push(['kv-cache', state.kvK]);
  if (state.engine !== defaults.engine) list.push(['engine', state.engine]);
  if (state.profile !== 'auto') list.push(['profile', state.profile]);
  if (state.gpuSource === 'catalogue') list.push(['gpu', state.gpu]);
  if (state.gpuSource === 'size') list.push(['memory-gib', state.memory]);
  if (state.gpuSource !== 'none' && state.count !== '1') list.push(['gpus', state.count]);
  if (state.units !== 'GiB') list.push(['units', state.units]);
  return list.filter(([, value]) => value !== '');
}

// `base` is the folder of this site, `words` what stands there without scripts, `link` the address of the state.
export function snippet({ form, state, base, widget, pin, readonly, words, link }) {
  const attributes = attributesOf(state);
  const written = attributes.map(([name, value]) => ` ${name}="${escape(value)}"`).join('');
  const script = pin
    ? `<script type="module" src="${base}${widget.file}" integrity="${widget.integrity}" crossorigin="anonymous"></script>`
    : `<script type="module" src="${base}vram-estimator.js"></script>`;
  const fallback = `<a href="${escape(link)}">${escape(words)}</a>`;
  if (form === 'element') return `${script}\n<vram-estimator${written}${readonly ? ' readonly' : ''}>${fallback}</vram-estimator>`;
  if (form === 'badge') return `${script}\n<vram-estimator variant="badge"${written}>${fallback}</vram-estimator>`;
  if (form === 'iframe') {
    const query = new URLSearchParams([...attributes, ...(readonly ? [['readonly', '']] : [])]);
    return `<iframe src="${base}embed.html#${escape(String(query))}" title="${escape(words)}" width="100%" height="300" loading="lazy" referrerpolicy="no-referrer"></iframe>`;
  }
  return `[${words.replace(/[[\]\\]/g, '\\$&')}](${link.replace(/[()\s]/g, encodeURIComponent)})`;
}

export async function openEmbedDialog({ state, words, link }) {
  await settled();
  const dialog = document.createElement('dialog');
  dialog.className = 'embed';
  dialog.setAttribute('aria-labelledby', 'embed-heading');
  const view = { form: 'element', pin: true, readonly: false };
  const set = (changes) => draw(Object.assign(view, changes));
  const close = () => dialog.close();
  const draw = () => {
    const text = snippet({ ...view, state, words, link, widget: WIDGET, base: new URL('./', location.href.split('#')[0]).href });
    const scripted = view.form === 'element' || view.form === 'badge';
    render(
      html`<h2 id="embed-heading">${t('embed-heading')}</h2>
        <div class="segments-choice" role="radiogroup" aria-label=${t('embed-form')}>
          ${forms.map((form) => html`<label><input type="radio" name="embed-form" value=${form} .checked=${live(form === view.form)} @change=${() => set({ form })} /><span>${t(`embed-${form}`)}</span></label>`)}
        </div>
        <p class="hint">${t(`embed-${view.form}-help`)}</p>
        ${state.source !== 'catalogue' && view.form !== 'markdown' ? html`<p class="warnings">${t('embed-config')}</p>` : nothing}
        ${scripted ? html`<label class="check"><input type="checkbox" .checked=${live(view.pin)} @change=${(event) => set({ pin: event.target.checked })} /> ${t('embed-pin')}</label>` : nothing}
        ${view.form === 'element' || view.form === 'iframe' ? html`<label class="check"><input type="checkbox" .checked=${live(view.readonly)} @change=${(event) => set({ readonly: event.target.checked })} /> ${t('embed-readonly')}</label>` : nothing}
        <textarea readonly rows="7" aria-label=${t('embed-snippet')} .value=${text}></textarea>
        <div class="tools">
          <button type="button" class="primary" @click=${async () => say(t((await copyText(text)) ? 'embed-copied' : 'embed-not-copied'))}>${t('embed-copy')}</button>
          <button type="button" @click=${close}>${t('embed-close')}</button>
        </div>`,
      dialog,
    );
  };
  draw();
  document.body.append(dialog);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.showModal();
}
