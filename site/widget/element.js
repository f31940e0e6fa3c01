// <vram-estimator model="llama-3.1-8b" gpu="rtx-4090">: a live estimate inside somebody's page. The attributes are the
// state: each is read when it changes, and the widget's own inputs write them. What stands inside the element is shown
// until the estimate is there, and where scripts or WebAssembly are off.
//   model gpu gpus memory-gib weights context sequences kv-cache engine profile units   what to estimate
//   variant="badge"   one line            readonly   no inputs            theme="light"|"dark"   else as the system
//   `config` (property)   a config.json as an object, instead of a model of the catalogue
// Event "vram-change" {request, response} bubbles out of the shadow tree after every new answer.
// Parts: card verdict subject bar segment legend inputs link badge error. Custom properties: --vram-background --vram-ink
// --vram-quiet --vram-line --vram-accent --vram-good --vram-warn --vram-bad --vram-font --vram-radius.
import { LitElement, html, nothing, unsafeCSS } from 'lit';
import { css } from '../elements/lit.js';
import colours from '../css/colours.css';
import fills from '../css/fills.css';
import english from '../i18n/en/widget.js';
import { kind, size } from '../js/format.js';
import { languages, speak, t, use } from '../js/i18n.js';
import { typedCount, typedNumber } from '../js/request.js';
import { defaults, formatHash } from '../js/state.js';
import { errorText, verdict } from '../js/words.js';
import { engine, lists } from './engine.js';
import styles from './widget.css';

speak(english, { es: () => import('../i18n/es/widget.js'), zh: () => import('../i18n/zh/widget.js') });

// The page's language is the widgets' language.
const spoken = () => {
  const name = document.documentElement.lang.toLowerCase().split('-')[0];
  return use(Object.hasOwn(languages, name) ? name : 'en').catch(() => {});
};

const marks = { fits: '✓', tight: '≈', does_not_fit: '✕', unknown: 'Σ' };

export class VramEstimator extends LitElement {
  static properties = {
    model: { reflect: true },
    gpu: { reflect: true },
    gpus: { reflect: true },
    memoryGib: { attribute: 'memory-gib', reflect: true },
    weights: { reflect: true },
    context: { reflect: true },
    sequences: { reflect: true },
    kvCache: { attribute: 'kv-cache', reflect: true },
    engine: { reflect: true },
    profile: { reflect: true },
    units: { reflect: true },
    variant: { reflect: true },
    readonly: { type: Boolean, reflect: true },
    config: { attribute: false },
    _response: { state: true },
    _problem: { state: true },
    _lists: { state: true },
  };
  static styles = [unsafeCSS(colours), unsafeCSS(fills), unsafeCSS(styles)];

  #seen = false;
  #watcher;
  #asked = 0;
  #link = '';

  // The last good answer, and what went wrong since (or null): objects of docs/api.md.
  get response() {
    return this._response ?? null;
  }
  get error() {
    return this._problem ?? null;
  }

  // The request that the attributes stand for.
  get request() {
    const request = { op: 'estimate', model: this.config ? { config: this.config, ...(this.model ? { name: this.model } : {}) } : { id: this.model || defaults.model } };
    if (this.weights) request.weights = this.weights;
    if (this.kvCache) request.kv_cache = this.kvCache;
    if (this.context) request.context = typedCount(String(this.context));
    if (this.sequences) request.sequences = typedCount(String(this.sequences));
    request.engine = { name: this.engine || defaults.engine };
    if (this.profile) request.profile = this.profile;
    const count = typedCount(String(this.gpus || '1'));
    if (this.memoryGib) request.gpu = { memory_gib: typedNumber(String(this.memoryGib)), count };
    else if (this.gpu) request.gpu = { id: this.gpu, count };
    return request;
  }

  connectedCallback() {
    super.connectedCallback();
    if (this.#seen) return;
    // Nothing is loaded for a widget that nobody scrolls to.
    this.#watcher = new IntersectionObserver((entries) => entries.some(({ isIntersecting }) => isIntersecting) && this.#wake(), { rootMargin: '300px' });
    this.#watcher.observe(this);
  }
  disconnectedCallback() {
    super.disconnectedCallback();
    this.#watcher?.disconnect();
  }

  #wake() {
    this.#watcher?.disconnect();
    this.#seen = true;
    this.#estimate();
  }

  willUpdate(changed) {
    const ours = ['_response', '_problem', '_lists', 'variant', 'readonly', 'units'];
    if (this.#seen && [...changed.keys()].some((name) => !ours.includes(name))) this.#estimate();
  }

  async #estimate() {
    const asked = ++this.#asked;
    try {
      const [{ call }] = await Promise.all([engine(), spoken()]);
      if (asked !== this.#asked) return;
      const { request } = this;
      const response = await call(request);
      this.#link = await this.#pageLink();
      if (asked !== this.#asked) return;
      if (response.ok) {
        this._response = response;
        this._problem = null;
      } else {
        this._problem = response.error;
      }
      this.dispatchEvent(new CustomEvent('vram-change', { bubbles: true, composed: true, detail: { request, response } }));
    } catch (error) {
      this._problem = { path: '', message: t('broken-not-loaded', { problem: error.message }) };
    }
  }

  // The same state in the full page, which lies beside this script.
  async #pageLink() {
    const state = { ...defaults, weights: this.weights || '' };
    if (this.config) Object.assign(state, { source: 'config', config: JSON.stringify(this.config), configName: this.model ?? '' });
    else state.model = this.model || defaults.model;
    if (this.context) state.context = String(this.context);
    if (this.sequences) state.sequences = String(this.sequences);
    if (this.kvCache) state.kvK = state.kvV = this.kvCache;
    if (this.engine) state.engine = this.engine;
    if (this.profile) state.profile = this.profile;
    state.count = String(this.gpus || '1');
    if (this.memoryGib) Object.assign(state, { gpuSource: 'size', memory: String(this.memoryGib) });
    else if (this.gpu) state.gpu = this.gpu;
    else state.gpuSource = 'none';
    return new URL(`./#${(await formatHash(state)).hash}`, import.meta.url).href;
  }

  render() {
    if (!this._response) return html`<slot></slot>${this._problem ? html`<p class="error" part="error">${errorText(this._problem)}</p>` : nothing}`;
    return this.variant === 'badge' ? this.#badge() : this.#card();
  }

  #badge() {
    const { state, word, brief } = verdict(this._response, this.units);
    const { model, weights, gpu } = this._response;
    const of = [model.name || model.id, weights.name || weights.format, gpu?.name ?? gpu?.id].filter(Boolean).join(', ');
    return html`<a class="badge ${state}" part="badge" href=${this.#link} target="_blank" rel="noopener"><span class="mark">${marks[state]} ${word}</span> <span>${brief}</span> <span class="quiet">${of}</span></a>`;
  }

  #card() {
    const response = this._response;
    const { state, word, sentence, subject } = verdict(response, this.units);
    return html`<div class="card" part="card">
      <p class="verdict ${state}" part="verdict"><strong>${marks[state]} ${word}</strong>${state === 'unknown' ? ' ' : ': '}${sentence}</p>
      <p class="subject" part="subject">${subject}</p>
      ${this.#bar(response)}
      ${this._problem ? html`<p class="error" part="error" role="alert">${errorText(this._problem)}</p>` : nothing}
      ${this.readonly ? nothing : this.#inputs()}
      <p class="quiet"><a part="link" href=${this.#link} target="_blank" rel="noopener">${t('widget-open')}</a></p>
    </div>`;
  }

  #bar({ ledger, gpu }) {
    const peak = ledger.peaks.filter(({ device }) => device.startsWith('gpu')).reduce((most, item) => (most && most.bytes.expected >= item.bytes.expected ? most : item), undefined);
    if (!peak) return nothing;
    const entries = ledger.entries.filter((entry) => entry.device === peak.device && entry.stages.includes(peak.stage) && entry.bytes.expected > 0);
    const capacity = gpu?.memory_bytes ?? null;
    const full = Math.max(capacity ?? 0, peak.bytes.expected);
    const share = (bytes) => `${((100 * bytes) / full).toFixed(3)}%`;
    return html`<div class="track" part="bar" role="img" aria-label=${entries.map((entry) => `${entry.label || kind(entry.kind)} ${size(entry.bytes.expected, this.units)}`).join(', ')}>
        <span class="segments">${entries.map((entry) => html`<span class="segment fill-${entry.kind}" part="segment" title=${`${entry.label}: ${size(entry.bytes.expected, this.units)}`} ${css({ '--share': share(entry.bytes.expected) })}></span>`)}</span>
        ${capacity ? html`<span class="capacity" ${css({ '--at': share(capacity) })}></span>` : nothing}
      </div>
      <ul class="legend" part="legend">${entries.map((entry) => html`<li><i class="swatch fill-${entry.kind}"></i>${entry.label || kind(entry.kind)} <b>${size(entry.bytes.expected, this.units)}</b></li>`)}</ul>`;
  }

  async #fill() {
    this._lists ??= await lists().catch(() => undefined);
  }

  #inputs() {
    const found = this._lists;
    const { model, weights, gpu } = this._response;
    const choice = (label, name, value, fallback, rows) => html`<label>${label}
      <select .value=${value ?? ''} @change=${(event) => (this[name] = event.target.value)}>
        ${rows ? rows.map((row) => html`<option value=${row.id} .selected=${row.id === value}>${row.name}</option>`) : html`<option value=${value ?? ''} selected>${fallback}</option>`}
      </select></label>`;
    return html`<div class="inputs" part="inputs" @focusin=${() => this.#fill()} @pointerenter=${() => this.#fill()}>
      ${this.config ? nothing : choice(t('widget-model'), 'model', this.model || defaults.model, model.name || model.id, found?.models)}
      ${choice(t('widget-weights'), 'weights', this.weights ?? '', weights.name || weights.format, found && [{ id: '', name: t('widget-checkpoint') }, ...found.weights])}
      <label>${t('widget-context')} <input inputmode="numeric" .value=${String(this.context || this._response.context)} @change=${(event) => (this.context = event.target.value)} /></label>
      ${this.memoryGib ? nothing : choice(t('widget-gpu'), 'gpu', this.gpu ?? '', gpu?.name ?? t('widget-no-gpu'), found && [{ id: '', name: t('widget-no-gpu') }, ...found.gpus])}
    </div>`;
  }
}
