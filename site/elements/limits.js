// <vram-limits>: how far it can be pushed. data: {response, unit, partial: whether
// the limits are still being searched}. Emits "vram-use" {field, value}.
import { count, kind, size } from '../js/format.js';
import { number as localNumber, t } from '../js/i18n.js';
import { DrawnElement, html, nothing } from './lit.js';

class Limits extends DrawnElement {
  use(field, value) {
    this.dispatchEvent(new CustomEvent('vram-use', { bubbles: true, composed: true, detail: { field, value: String(value) } }));
  }

  template({ response, unit, partial }) {
    const { max_context: context, max_batch: batch, model, weights, engine } = response;
    const perToken = model.kv_bytes_per_token ?? {};
    return html`<div class="tiles">
      ${context ? this.tile(t('limit-context'), t('limit-context-unit'), context, 'context', this.whyContext(context, model), context.within_model) : partial ? this.coming(t('limit-context')) : nothing}
      ${batch ? this.tile(t('limit-batch'), t('limit-batch-unit', { tokens: count(response.context) }), batch, 'sequences', this.stop(batch), batch.value) : partial ? this.coming(t('limit-batch')) : nothing}
      ${perToken.full || perToken.windowed
        ? html`<div class="tile"><span class="name">${t('limit-per-token')}</span><span class="value">${size(perToken.full, unit)}</span>
            <span class="why">${perToken.windowed ? t('limit-per-token-window', { size: size(perToken.windowed, unit) }) : t('limit-per-token-every')}${model.state_bytes_per_sequence ? t('limit-state', { size: size(model.state_bytes_per_sequence, unit) }) : ''}</span></div>`
        : nothing}
      <div class="tile"><span class="name">${t('limit-weights')}</span><span class="value">${size(weights.bytes, unit)}</span>
        <span class="why">${t(weights.bits_per_weight ? 'limit-bits' : 'limit-bits-unknown', { name: weights.name || weights.format, bits: weights.bits_per_weight ? localNumber(weights.bits_per_weight, { minimumFractionDigits: 2, maximumFractionDigits: 2 }) : '' })}</span></div>
    </div>
    ${engine.figures?.length ? html`<p class="figures">${t('engine-words', { engine: engine.name })} ${engine.figures.map((figure) => this.figure(figure, unit))}</p>` : nothing}`;
  }

  figure({ name, number, unit: of }, unit) {
    const value = of === 'bytes' ? size(number, unit) : count(Math.round(number * 100) / 100);
    return html`<span><code>${name}</code> <b>${value}</b>${of && of !== 'bytes' ? ` ${of}` : ''}</span>`;
  }

  coming(name) {
    return html`<div class="tile"><span class="name">${name}</span><span class="value">…</span><span class="why">${t('limit-coming')}</span></div>`;
  }

  tile(name, what, limit, field, why, value) {
    return html`<div class="tile">
      <span class="name">${name}</span>
      <span class="value">${value > 0 ? count(value) : t('limit-none')} <small>${value > 0 ? what : ''}</small></span>
      <span class="why">${why}</span>
      ${value > 0 ? html`<button type="button" class="link" @click=${() => this.use(field, value)}>${t('limit-use')}<span class="only-heard">${t(field === 'context' ? 'limit-use-context' : 'limit-use-sequences', { count: count(value) })}</span></button>` : nothing}
    </div>`;
  }

  stop(limit) {
    if (limit.value === 0) return limit.blocked_by ? t('limit-not-one-kind', { kind: kind(limit.blocked_by.kind) }) : t('limit-not-one');
    if (limit.bounded_by !== 'memory') return t('limit-ends', { limit: count(limit.limit) });
    return limit.blocked_by ? t('limit-then', { kind: kind(limit.blocked_by.kind) }) : t('limit-then-memory');
  }

  whyContext(limit, model) {
    const own = model.max_position_embeddings;
    if (limit.within_model < limit.value && own) return t('limit-made-for-all', { count: count(limit.value) });
    return `${this.stop(limit)}${own && limit.value > 0 ? t('limit-made-for', { count: count(own) }) : ''}`;
  }
}
customElements.define('vram-limits', Limits);
