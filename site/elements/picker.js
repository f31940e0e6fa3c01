// <vram-picker>: a text field that searches a long list (ARIA combobox with a listbox).
// items: [{value, label, detail, group, search}], value: the chosen one's. `inputId` is for the label.
// Emits "vram-pick" with the value. What was typed and not chosen goes back to the last choice on leaving.
import { t } from '../js/i18n.js';
import { html, live, nothing, render } from './lit.js';

const words = (text) => text.toLowerCase().replace(/[-_./\s]+/g, ' ').trim();

// Items that contain every word typed: first the one of that very name, those whose name begins like that, those where
// words start at word borders.
export function matching(items, query) {
  const tokens = words(query).split(' ').filter(Boolean);
  if (!tokens.length) return items;
  const found = [];
  for (const [index, item] of items.entries()) {
    const text = ` ${words(`${item.label} ${item.value} ${item.search ?? ''}`)}`;
    const glued = text.replaceAll(' ', '');
    if (!tokens.every((token) => text.includes(token) || glued.includes(token))) continue;
    const misses = tokens.filter((token) => !text.includes(` ${token}`)).length;
    const name = words(item.value);
    const rank = name === words(query) ? 0 : name.startsWith(words(query)) ? 1 : 2 + misses;
    found.push({ item, index, rank });
  }
  return found.sort((a, b) => a.rank - b.rank || a.index - b.index).map(({ item }) => item);
}

class Picker extends HTMLElement {
  #items = [];
  #value = '';
  #query = null; // what is typed while the list is open; null: nothing typed
  #open = false;
  #active = 0;

  set items(items) {
    if (items === this.#items) return;
    this.#items = items;
    this.draw();
  }
  get value() {
    return this.#value;
  }
  set value(value) {
    if (value === this.#value) return;
    this.#value = value;
    this.draw();
  }
  inputId = '';
  describedBy = '';
  #invalid = false;
  set invalid(value) {
    if (value === this.#invalid) return;
    this.#invalid = value;
    this.draw();
  }
  placeholder = '';

  connectedCallback() {
    this.addEventListener('focusout', (event) => {
      if (!this.contains(event.relatedTarget)) this.close();
    });
    this.draw();
  }

  get input() {
    return this.querySelector('input');
  }
  get shown() {
    return this.#open ? matching(this.#items, this.#query ?? '') : [];
  }
  get label() {
    return this.#items.find((item) => item.value === this.#value)?.label ?? this.#value;
  }

  open() {
    if (this.#open) return;
    this.#open = true;
    this.#query = null;
    this.#active = Math.max(0, this.#items.findIndex((item) => item.value === this.#value));
    this.draw();
    this.reveal();
  }
  close() {
    if (!this.#open && this.#query === null) return;
    this.#open = false;
    this.#query = null;
    this.draw();
  }
  choose(item) {
    if (!item) return;
    this.#value = item.value;
    this.close();
    this.draw();
    this.dispatchEvent(new CustomEvent('vram-pick', { bubbles: true, composed: true, detail: item.value }));
  }
  move(to) {
    const last = this.shown.length - 1;
    this.#active = Math.min(Math.max(to, 0), Math.max(last, 0));
    this.draw();
    this.reveal();
  }
  reveal() {
    this.querySelector('[role=option][aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }

  onKey(event) {
    const { key, altKey, isComposing } = event;
    if (isComposing) return;
    const page = 8;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    if (key in steps) {
      event.preventDefault();
      if (!this.#open) this.open();
      else if (altKey && key === 'ArrowUp') this.close();
      else this.move(this.#active + steps[key]);
    } else if (this.#open && key === 'Enter') {
      event.preventDefault();
      this.choose(this.shown[this.#active]);
    } else if (this.#open && key === 'Escape') {
      event.preventDefault();
      this.close();
      this.input.select();
    } else if (this.#open && key === 'Tab' && this.#query !== null) {
      this.choose(this.shown[this.#active]);
    }
  }

  onInput(event) {
    this.#open = true;
    this.#query = event.target.value;
    this.#active = 0;
    this.draw();
    this.querySelector('[role=listbox]').scrollTop = 0;
  }

  draw() {
    if (!this.isConnected) return;
    const shown = this.shown;
    const listId = `${this.inputId}-list`;
    const optionId = (index) => `${this.inputId}-option-${index}`;
    render(
      html`<input
          id=${this.inputId}
          type="text"
          role="combobox"
          autocomplete="off"
          autocapitalize="off"
          spellcheck="false"
          aria-autocomplete="list"
          aria-expanded=${this.#open}
          aria-controls=${listId}
          aria-activedescendant=${this.#open && shown.length ? optionId(this.#active) : nothing}
          aria-invalid=${this.#invalid ? 'true' : nothing}
          aria-describedby=${this.describedBy || nothing}
          placeholder=${this.placeholder}
          .value=${live(this.#query ?? this.label)}
          @input=${(event) => this.onInput(event)}
          @keydown=${(event) => this.onKey(event)}
          @click=${() => this.open()}
          @focus=${(event) => event.target.select()}
        />
        <div class="list" ?hidden=${!this.#open} @mousedown=${(event) => event.preventDefault()}>
          <div role="listbox" id=${listId} aria-label=${t('choices')}>${this.options(shown, optionId)}</div>
          ${this.#open && !shown.length ? html`<p class="none">${t('nothing-called')}</p>` : nothing}
        </div>`,
      this,
    );
  }

  options(shown, optionId) {
    let group;
    return shown.map((item, index) => {
      const heading = item.group !== group && this.#query === null ? item.group : nothing;
      group = item.group;
      return html`${heading === nothing ? nothing : html`<div class="group" role="presentation">${heading}</div>`}
        <div role="option" id=${optionId(index)} aria-selected=${index === this.#active} class=${item.value === this.#value ? 'chosen' : ''} @click=${() => this.choose(item)}>
          <span>${item.label}</span><span class="quiet">${item.detail ?? ''}</span>
        </div>`;
    });
  }
}
customElements.define('vram-picker', Picker);
