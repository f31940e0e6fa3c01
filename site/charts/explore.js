// <vram-explore>: charts and comparing, one at a time, computed when looked at. Loaded when it comes into sight.
// data: {engine, view, on: {set, keep, remove, use}}.
import english from '../i18n/en/explore.js';
import { DrawnElement, html, live, nothing } from '../elements/lit.js';
import { speak, t } from '../js/i18n.js';
import { MOST_PINS, compare, compareData } from './compare.js';
import { contextChart, contextData } from './context_chart.js';
import { gpuData, gpuTable } from './gpu_table.js';
import { heatData, heatMap } from './heat_map.js';

speak(english, { es: () => import('../i18n/es/explore.js'), zh: () => import('../i18n/zh/explore.js') });
const tabs = { context: contextData, formats: heatData, gpus: gpuData, compare: compareData };

class Explore extends DrawnElement {
  #tab = 'context';
  #computed = { key: '', data: null, failed: '' };
  #at;
  #filter = {};
  #running = false;

  // Computes what is shown again when what it was computed from has changed; the newest wins.
  async #compute() {
    const { engine, view } = this.data;
    if (this.#running || !view.shown || !view.lists.gpuRows.length) return;
    const key = JSON.stringify([this.#tab, { ...view.request, also: 0 }, view.pins, view.shown.max_context?.value]);
    if (key === this.#computed.key) return;
    this.#running = true;
    try {
      this.#computed = { key, tab: this.#tab, data: await tabs[this.#tab](engine, view), failed: '' };
    } catch (error) {
      this.#computed = { key, tab: this.#tab, data: null, failed: error.message };
    }
    this.#running = false;
    this.redraw();
  }

  template({ view, on }) {
    this.#compute();
    const { tab, data, failed } = this.#computed;
    const unit = view.state.units;
    return html`<section class="panel explore" aria-label=${t('explore-heading')}>
      <div class="segments-choice" role="radiogroup" aria-label=${t('explore-what')}>
        ${Object.keys(tabs).map((name) => html`<label><input type="radio" name="explore" value=${name} .checked=${live(name === this.#tab)} @change=${() => this.#choose(name)} /><span>${t(`explore-${name}`)}</span></label>`)}
      </div>
      ${failed && tab === this.#tab ? html`<p class="problem">${t('explore-failed', { problem: failed })}</p>` : nothing}
      ${data && tab === this.#tab ? this.#draw(tab, data, { unit, view, on }) : failed ? nothing : html`<p class="waiting">${t('explore-computing')}</p>`}
    </section>`;
  }

  #choose(name) {
    this.#tab = name;
    this.redraw();
  }

  #draw(tab, data, { unit, view, on }) {
    if (tab === 'context') return contextChart(data, { unit, at: this.#at, read: (at) => ((this.#at = at), this.redraw()) });
    if (tab === 'formats') return heatMap(data, { unit, request: view.request, set: on.set });
    if (tab === 'gpus') return gpuTable(data, { unit, filter: this.#filter, change: (changes) => ((this.#filter = { ...this.#filter, ...changes }), this.redraw()), set: on.set });
    return compare(data, { unit, ...on, full: view.pins.length >= MOST_PINS });
  }
}
customElements.define('vram-explore', Explore);
