// <vram-limits>: how far it can be pushed. data: {response, unit, partial: whether
// the limits are still being searched}. Emits "vram-use" {field, value}.
import { count, kind, size } from '../js/format.js';
import { DrawnElement, html, nothing } from './lit.js';

class Limits extends DrawnElement {
  use(field, value) {
    this.dispatchEvent(new CustomEvent('vram-use', { bubbles: true, composed: true, detail: { field, value: String(value) } }));
  }

  template({ response, unit, partial }) {
    const { max_context: context, max_batch: batch, model, weights, engine } = response;
    const perToken = model.kv_bytes_per_token ?? {};
    return html`<div class="tiles">
      ${context ? this.tile('Longest context', 'tokens', context, 'context', this.whyContext(context, model), context.within_model) : partial ? this.coming('Longest context') : nothing}
      ${batch ? this.tile('Most sequences', `of ${count(response.context)} tokens`, batch, 'sequences', this.stop(batch), batch.value) : partial ? this.coming('Most sequences') : nothing}
      ${perToken.full || perToken.windowed
        ? html`<div class="tile"><span class="name">Cache per token</span><span class="value">${size(perToken.full, unit)}</span>
            <span class="why">${perToken.windowed ? `and ${size(perToken.windowed, unit)} inside the sliding window` : 'for every token of every sequence'}${model.state_bytes_per_sequence ? `; state ${size(model.state_bytes_per_sequence, unit)} a sequence` : ''}</span></div>`
        : nothing}
      <div class="tile"><span class="name">Weights</span><span class="value">${size(weights.bytes, unit)}</span>
        <span class="why">${weights.name || weights.format}, ${weights.bits_per_weight ? `${weights.bits_per_weight.toFixed(2)} bits a weight` : 'parameter count unknown'}</span></div>
    </div>
    ${engine.figures?.length ? html`<p class="figures">In ${engine.name}’s own words: ${engine.figures.map((figure) => this.figure(figure, unit))}</p>` : nothing}`;
  }

  figure({ name, number, unit: of }, unit) {
    const value = of === 'bytes' ? size(number, unit) : count(Math.round(number * 100) / 100);
    return html`<span><code>${name}</code> <b>${value}</b>${of && of !== 'bytes' ? ` ${of}` : ''}</span>`;
  }

  coming(name) {
    return html`<div class="tile"><span class="name">${name}</span><span class="value">…</span><span class="why">being searched</span></div>`;
  }

  tile(name, what, limit, field, why, value) {
    return html`<div class="tile">
      <span class="name">${name}</span>
      <span class="value">${value > 0 ? count(value) : 'none'} <small>${value > 0 ? what : ''}</small></span>
      <span class="why">${why}</span>
      ${value > 0 ? html`<button type="button" class="link" @click=${() => this.use(field, value)}>Use this<span class="only-heard">: ${count(value)} ${field === 'context' ? 'tokens of context' : 'sequences'}</span></button>` : nothing}
    </div>`;
  }

  stop(limit) {
    if (limit.value === 0) return `not even one fits${limit.blocked_by ? `: ${kind(limit.blocked_by.kind)}` : ''}`;
    return limit.bounded_by === 'memory' ? `then the ${limit.blocked_by ? kind(limit.blocked_by.kind) : 'memory'} no longer fits` : `the search ends at ${count(limit.limit)}`;
  }

  whyContext(limit, model) {
    const own = model.max_position_embeddings;
    if (limit.within_model < limit.value && own) return `all the model was made for; memory would take ${count(limit.value)}`;
    return `${this.stop(limit)}${own && limit.value > 0 ? `; the model was made for ${count(own)}` : ''}`;
  }
}
customElements.define('vram-limits', Limits);
