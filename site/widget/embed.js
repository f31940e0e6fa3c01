// embed.html, the widget for pages that take no scripts: the attributes come from the address,
// embed.html#model=llama-3.1-8b&gpu=rtx-4090&readonly
import { VramEstimator } from './element.js';

customElements.define('vram-estimator', VramEstimator);
const known = new Set([...VramEstimator.observedAttributes, 'theme']);

function show() {
  const element = document.createElement('vram-estimator');
  for (const [name, value] of new URLSearchParams(location.hash.slice(1) || location.search)) {
    if (name === 'lang') document.documentElement.lang = value;
    else if (known.has(name)) element.setAttribute(name, value);
  }
  document.getElementById('widget').replaceChildren(element);
}
addEventListener('hashchange', show);
show();
