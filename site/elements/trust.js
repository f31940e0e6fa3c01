// How sure the total is, and what that rests on. `accuracy` is the address of the accuracy page, or undefined.
import { count, isExact, size } from '../js/format.js';
import { t } from '../js/i18n.js';
import { html, nothing } from './lit.js';

export function trust({ ledger, engine }, { unit, accuracy }) {
  const peak = ledger.peaks.filter(({ device }) => device.startsWith('gpu')).reduce((most, one) => (most && most.bytes.expected >= one.bytes.expected ? most : one), undefined);
  if (peak?.checked_on === undefined) return nothing;
  const { low, high } = peak.bytes;
  const sure = isExact(peak.bytes) ? t('exact') : `± ${size((high - low) / 2, unit)}`;
  const basis = peak.checked_on > 0 ? t('trust-checked', { count: count(peak.checked_on) }) : t('trust-unchecked');
  const address = accuracy && engine?.name ? `${accuracy}#engine=${encodeURIComponent(engine.name)}` : undefined;
  return html`<p class="trust">${t('trust-total')} ${sure}, ${address ? html`<a href=${address}>${basis}</a>` : basis}</p>`;
}
