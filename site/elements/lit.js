// lit-html and the two things we add: styles through CSSOM (our CSP forbids style attributes) and a base element that
// draws into its own light DOM what it is given.
import { html, nothing, render } from 'lit-html';
import { Directive, directive } from 'lit-html/directive.js';
import { live } from 'lit-html/directives/live.js';
import { repeat } from 'lit-html/directives/repeat.js';

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

// Assign `element.data = value`; template(value) is drawn in its place.
export class DrawnElement extends HTMLElement {
  #data;
  get data() {
    return this.#data;
  }
  set data(value) {
    this.#data = value;
    this.redraw();
  }
  connectedCallback() {
    this.redraw();
  }
  redraw() {
    if (this.isConnected) render(this.#data === undefined ? nothing : this.template(this.#data), this);
  }
  template() {
    return nothing;
  }
}
