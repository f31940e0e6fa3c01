// lit-html and the two things we add: styles through CSSOM (our CSP forbids style attributes) and a base element that
// draws into its own light DOM what it is given.
import { html, nothing, render } from 'lit-html';
import { Directive, directive } from 'lit-html/directive.js';
import { live } from 'lit-html/directives/live.js';
import { repeat } from 'lit-html/directives/repeat.js';
import { language } from '../js/i18n.js';

export { html, live, nothing, render, repeat };

class Css extends Directive {
  render() {
    return nothing;
  }
  update(part, [properties]) {
    for (const [name, value] of Object.entries(properties)) part.element.style.setProperty(name, value);
    return nothing;
  }
}
// html`<i ${css({ '--share': '12%' })}></i>`
export const css = directive(Css);

// Whether two plain objects hold the same values: what is shown changes at every key pressed, most of it does not.
const alike = (a, b) => {
  if (a === undefined || b === undefined) return a === b;
  const names = Object.keys(b);
  return names.length === Object.keys(a).length && names.every((name) => Object.is(a[name], b[name]));
};

// Assign `element.data = value`; template(value) is drawn in its place, unless nothing in it has changed: what is drawn is
// a function of the values of `data`, which nobody changes in place.
export class DrawnElement extends HTMLElement {
  #data;
  #language; // of the last drawing
  get data() {
    return this.#data;
  }
  set data(value) {
    const same = this.#language === language() && alike(this.#data, value);
    this.#data = value;
    if (!same) this.redraw();
  }
  connectedCallback() {
    this.redraw();
  }
  redraw() {
    if (!this.isConnected) return;
    this.#language = language();
    render(this.#data === undefined ? nothing : this.template(this.#data), this);
  }
  template() {
    return nothing;
  }
}
