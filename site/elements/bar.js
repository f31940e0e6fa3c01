// <vram-bar>: what fills each device at its fullest stage, against its capacity.
// data: {ledger, capacity (bytes or null), nominal, reported, unit}.
import { device, isExact, kind, range, size, stage as stageName } from '../js/format.js';
import { t } from '../js/i18n.js';
import { DrawnElement, css, html, nothing, repeat } from './lit.js';

const alive = (entry, peak) => entry.device === peak.device && entry.stages.includes(peak.stage);

// Devices that hold the same things share one bar: [{peak, entries, devices: [name]}].
export function groupPeaks(ledger) {
  const groups = [];
  for (const peak of ledger.peaks) {
    const entries = ledger.entries.filter((entry) => alive(entry, peak) && entry.bytes.high > 0);
    const key = JSON.stringify([peak.device.replace(/\d+/, ''), peak.bytes, entries.map((entry) => [entry.kind, entry.label, entry.bytes])]);
    const same = groups.find((group) => group.key === key);
    if (same) same.devices.push(peak.device);
    else groups.push({ key, peak, entries, devices: [peak.device] });
  }
  return groups;
}

export function deviceNames(names) {
  if (names.length === 1) return device(names[0]);
  const numbers = names.map((name) => Number(name.slice(4)));
  const run = numbers.every((number, index) => index === 0 || number === numbers[index - 1] + 1);
  return t('bar-each', { numbers: run ? `${numbers[0]}–${numbers.at(-1)}` : numbers.join(', ') });
}

class Bar extends DrawnElement {
  // All devices share one scale, so that their bars compare.
  template({ ledger, capacity, ...rest }) {
    const groups = groupPeaks(ledger).map((group) => ({ ...group, capacity: group.peak.device.startsWith('gpu') ? capacity : null }));
    const full = Math.max(1, ...groups.map((group) => Math.max(group.capacity ?? 0, group.peak.bytes.high)));
    return repeat(groups, (group) => group.devices[0], (group) => this.device(group, full, rest));
  }

  device({ peak, entries, devices, capacity }, full, { unit, nominal, reported }) {
    const { stage, bytes } = peak;
    const share = (part) => `${((100 * part) / full).toFixed(3)}%`;
    const main = peak.device.startsWith('gpu');
    const known = capacity !== null;
    const says = t(known ? 'bar-says-of' : 'bar-says', {
      device: deviceNames(devices),
      need: size(bytes.expected, unit),
      capacity: known ? size(capacity, unit) : '',
      stage: stageName(stage),
      parts: entries.map((entry) => `${entry.label} ${size(entry.bytes.expected, unit)}`).join(', '),
    });
    const box = nominal && nominal !== capacity ? t('bar-box', { size: size(nominal, unit) }) : '';
    return html`<figure class="bar ${main ? '' : 'small'}">
      <figcaption>
        <span><b>${deviceNames(devices)}</b>, ${t('bar-fullest', { stage: stageName(stage) })}</span>
        <span class="number">${size(bytes.expected, unit)}${known ? html` <span class="quiet">${t(reported ? 'bar-of-driver' : 'bar-of-estimated', { capacity: size(capacity, unit), box })}</span>` : nothing}</span>
      </figcaption>
      <div class="track" role="img" aria-label=${says}>
        ${known ? html`<span class="beyond" ${css({ '--at': share(capacity) })}></span><span class="capacity" ${css({ '--at': share(capacity) })}></span>` : nothing}
        <span class="segments">
          ${entries.map(
            (entry) => html`<span class="segment fill-${entry.kind}" title=${`${entry.label}: ${size(entry.bytes.expected, unit)}`} ${css({ '--share': share(entry.bytes.expected) })}>
              ${main ? html`<span>${kind(entry.kind)}</span>` : nothing}
            </span>`,
          )}
        </span>
        ${isExact(bytes) ? nothing : html`<span class="interval" ${css({ '--low': share(bytes.low), '--wide': share(bytes.high - bytes.low) })}></span>`}
      </div>
      ${main
        ? html`<div class="scale" aria-hidden="true">
            <span>0</span>
            ${isExact(bytes) ? nothing : html`<span class="between"><i></i>${range(bytes, unit)}</span>`}
            <span>${size(full, unit)}</span>
          </div>`
        : nothing}
      <ul class="legend">
        ${entries.map((entry) => html`<li><i class="swatch fill-${entry.kind}"></i>${entry.label} <b>${size(entry.bytes.expected, unit)}</b></li>`)}
        ${known && capacity > bytes.expected ? html`<li><i class="swatch free"></i>${t('free')} <b>${size(capacity - bytes.expected, unit)}</b></li>` : nothing}
        ${known && capacity < full ? html`<li><i class="swatch end"></i>${t('capacity')} <b>${size(capacity, unit)}</b></li>` : nothing}
      </ul>
    </figure>`;
  }
}
customElements.define('vram-bar', Bar);
