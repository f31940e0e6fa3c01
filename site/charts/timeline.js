// The stages of a pipeline across, what is in memory stacked up, the GPU's capacity as a line.
import { scaleBand, scaleLinear } from 'd3-scale';
import { svg } from 'lit-html';
import { html, nothing } from '../elements/lit.js';
import { kind, size, stage as stageName } from '../js/format.js';
import { number, t } from '../js/i18n.js';
import { figure } from './figure.js';

const narrow = () => globalThis.innerWidth < 560;

// {stages: [{stage, total, entries}]} of the ledger's GPU, in the order in which they run.
export function stagesOf({ ledger, stages: runs }) {
  const gpu = ledger.peaks.find(({ device }) => device.startsWith('gpu'))?.device ?? 'gpu:0';
  const order = [...new Set([...runs.map(({ stage }) => stage), ...ledger.entries.flatMap(({ stages }) => stages)])];
  return order
    .map((stage) => {
      const entries = ledger.entries.filter((entry) => entry.device === gpu && entry.stages.includes(stage) && entry.bytes.expected > 0);
      return { stage, entries, total: entries.reduce((sum, entry) => sum + entry.bytes.expected, 0), high: entries.reduce((sum, entry) => sum + entry.bytes.high, 0) };
    })
    .filter(({ entries }) => entries.length);
}

export function timeline(response, unit) {
  const list = stagesOf(response);
  const capacity = response.gpu?.memory_bytes ?? null;
  const divisor = unit === 'GB' ? 1e9 : 2 ** 30;
  const [width, height] = narrow() ? [400, 320] : [800, 330];
  const box = { left: 46, right: 12, top: 22, bottom: 34 };
  const most = Math.max(1, ...list.map(({ total }) => total));
  const top = (capacity && capacity < 3 * most ? Math.max(most, capacity) : most) / divisor;
  const x = scaleBand().domain(list.map(({ stage }) => stage)).range([box.left, width - box.right]).paddingInner(0.06).paddingOuter(0.02);
  const y = scaleLinear().domain([0, top * 1.06]).range([height - box.bottom, box.top]);
  const line = capacity && capacity / divisor <= y.domain()[1] ? y(capacity / divisor) : null;
  const column = ({ stage, entries, total }) => {
    let from = 0;
    const over = capacity && total > capacity;
    return svg`${entries.map((entry) => {
      const [low, high] = [y(from / divisor), y((from + entry.bytes.expected) / divisor)];
      from += entry.bytes.expected;
      const room = low - high;
      const name = entry.label || kind(entry.kind);
      const letters = Math.floor(x.bandwidth() / 7);
      return svg`<g><title>${name}: ${size(entry.bytes.expected, unit)}</title><rect class=${`block block-${entry.kind}`} x=${x(stage)} width=${x.bandwidth()} y=${high} height=${Math.max(room, 0.5)}></rect>${room > 15 ? svg`<text class="block-label" x=${x(stage) + 7} y=${(low + high) / 2 + 4}>${name.length > letters ? `${name.slice(0, Math.max(letters - 1, 1))}…` : name}</text>` : nothing}</g>`;
    })}
    <text class=${`total ${over ? 'over' : ''}`} text-anchor="middle" x=${x(stage) + x.bandwidth() / 2} y=${y(total / divisor) - 6}>${over ? '✕ ' : ''}${size(total, unit)}</text>
    <text class="tick" text-anchor="middle" x=${x(stage) + x.bandwidth() / 2} y=${height - box.bottom + 18}>${stageName(stage)}</text>`;
  };
  const plate = capacity ? t('chart-capacity', { size: size(capacity, unit) }) : '';
  const says = list.map(({ stage, total }) => t('timeline-says', { stage: stageName(stage), size: size(total, unit) })).join(' ');
  const drawing = html`<svg class="drawing" viewBox="0 0 ${width} ${height}" role="img" aria-label=${`${t('timeline-title')}. ${says}${capacity ? ` ${t('chart-capacity', { size: size(capacity, unit) })}.` : ''}`}>
    ${y.ticks(5).map((tick) => svg`<line class="gridline" x1=${box.left} x2=${width - box.right} y1=${y(tick)} y2=${y(tick)}></line><text class="tick" text-anchor="end" x=${box.left - 8} y=${y(tick) + 4}>${number(tick)}</text>`)}
    ${list.map(column)}
    ${line === null ? nothing : svg`<line class="limit" x1=${box.left} x2=${width - box.right} y1=${line} y2=${line}></line><rect class="plate" x=${box.left + 6} y=${line - 10} width=${7 * plate.length + 12} height="20" rx="4"></rect><text class="limit-label" x=${box.left + 12} y=${line + 4}>${plate}</text>`}
  </svg>`;
  const rows = list.flatMap(({ stage, entries, total }) => [...entries.map((entry) => [stageName(stage), entry.label || kind(entry.kind), size(entry.bytes.expected, unit)]), [stageName(stage), t('timeline-total'), size(total, unit)]]);
  return figure({
    level: 2,
    title: t('timeline-title'),
    hint: t('timeline-hint', { unit }),
    body: drawing,
    table: { name: 'stages', columns: [t('timeline-stage'), t('timeline-entry'), unit], rows },
    data: { name: 'stages', columns: ['stage', 'kind', 'label', 'bytes_low', 'bytes_expected', 'bytes_high'], rows: list.flatMap(({ stage, entries }) => entries.map((entry) => [stage, entry.kind, entry.label, entry.bytes.low, entry.bytes.expected, entry.bytes.high])) },
  });
}
