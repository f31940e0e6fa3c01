// GPU memory against context, one line for each type of the cache, the GPU's capacity across.
import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';
import { svg } from 'lit-html';
import { html, live, nothing } from '../elements/lit.js';
import { count, size } from '../js/format.js';
import { number, t } from '../js/i18n.js';
import { figure } from './figure.js';
import { grid, without } from './grid.js';

// Drawn for the screen it is on, so that its letters keep their size.
const narrow = () => globalThis.innerWidth < 560;
const box = { left: 46, right: 96, top: 14, bottom: 44 };

// The types worth a line: what is set, and the usual smaller ones this engine has.
const usual = ['f16', 'bf16', 'q8_0', 'fp8_e4m3', 'q4_0'];
export function typesFor(types, request) {
  const set = typeof request.kv_cache === 'object' ? request.kv_cache.k : request.kv_cache;
  const found = usual.filter((type) => types.includes(type) && !(type === 'bf16' && types.includes('f16')));
  return [...new Set([...(set ? [set] : []), ...found])].slice(0, 4);
}

// Powers of two and a half between, from 1,024 to what the model was made for (at least 32k), or further to what is set.
export function contextsFor(most, set) {
  const last = Math.max(Math.min(most || 131072, 1 << 20), 32768, typeof set === 'number' ? Math.min(set, 1 << 22) : 0);
  const list = [];
  for (let power = 10; 2 ** power <= last; power += 0.5) list.push(Math.round(2 ** power / 256) * 256);
  return list;
}

export async function contextData(engine, { request, lists, shown }) {
  const types = typesFor(lists.cacheTypes[request.engine.name] ?? [], request);
  const contexts = contextsFor(shown.model.max_position_embeddings, request.context);
  const cells = await grid(engine, without(request, 'kv_cache'), [{ path: '/kv_cache', values: types }, { path: '/context', values: contexts }]);
  const lines = types.map((type, row) => ({ type, cells: cells.slice(row * contexts.length, (row + 1) * contexts.length) }));
  return { contexts, set: request.context, lines: lines.filter(({ cells: own }) => own.some(({ error }) => !error)), capacity: shown.gpu?.memory_bytes ?? null };
}

export function contextChart({ contexts, set, lines, capacity }, { unit, at, read }) {
  const [WIDTH, HEIGHT] = narrow() ? [400, 300] : [800, 340];
  const divisor = unit === 'GB' ? 1e9 : 2 ** 30;
  const all = lines.flatMap(({ cells }) => cells.map(({ need }) => need ?? 0));
  const top = Math.max(1, ...all, capacity ? Math.min(capacity, 4 * Math.max(...all)) : 0) * 1.04;
  const x = scaleLog().base(2).domain([contexts[0], contexts.at(-1)]).range([box.left, WIDTH - box.right]);
  const y = scaleLinear().domain([0, top / divisor]).range([HEIGHT - box.bottom, box.top]).nice(5);
  const yOf = (bytes) => y(bytes / divisor);
  const path = line()
    .defined(({ need }) => need !== undefined)
    .x((_, index) => x(contexts[index]))
    .y(({ need }) => yOf(need));
  const nearest = (tokens) => contexts.reduce((best, context, place) => (Math.abs(Math.log(context / tokens)) < Math.abs(Math.log(contexts[best] / tokens)) ? place : best), 0);
  const index = Math.min(at ?? (typeof set === 'number' ? nearest(set) : 0), contexts.length - 1);
  const reading = lines.map(({ type, cells }) => `${t('chart-cache-type', { type })} ${cells[index].error ?? size(cells[index].need, unit)}`).join(', ');
  const short = (tokens) => (tokens >= 1 << 20 ? `${number(tokens / (1 << 20), { maximumFractionDigits: 1 })}M` : `${number(tokens / 1024, { maximumFractionDigits: 0 })}k`);
  // End labels, pushed apart where lines meet.
  const labels = lines.map(({ type, cells }, row) => ({ type, row, y: yOf(cells.at(-1).need ?? 0) })).sort((a, b) => a.y - b.y);
  labels.forEach((label, place) => place && (label.y = Math.max(label.y, labels[place - 1].y + 15)));
  const says = lines.map(({ type, cells }) => t('chart-context-says', { type, low: size(cells[0].need ?? 0, unit), from: count(contexts[0]), high: size(cells.at(-1).need ?? 0, unit), to: count(contexts.at(-1)) })).join(' ');
  const within = capacity && yOf(capacity) >= box.top - 1;
  const move = (event) => {
    const frame = event.currentTarget.getBoundingClientRect();
    read(nearest(x.invert(((event.clientX - frame.left) / frame.width) * WIDTH)));
  };
  const drawing = html`<svg class="drawing" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${`${t('chart-context-title')}. ${says}${capacity ? ` ${t('chart-capacity', { size: size(capacity, unit) })}.` : ''}`} @pointermove=${move} @pointerdown=${move}>
    ${y.ticks(5).map((tick) => svg`<line class="gridline" x1=${box.left} x2=${WIDTH - box.right} y1=${y(tick)} y2=${y(tick)}></line><text class="tick" text-anchor="end" x=${box.left - 8} y=${y(tick) + 4}>${number(tick)}</text>`)}
    ${contexts.filter((_, place) => place % (narrow() ? 4 : 2) === 0).map((context) => svg`<text class="tick" text-anchor="middle" x=${x(context)} y=${HEIGHT - box.bottom + 18}>${short(context)}</text>`)}
    <text class="axis" text-anchor="middle" x=${(box.left + WIDTH - box.right) / 2} y=${HEIGHT - 6}>${t('chart-axis-context')}</text>
    ${within ? svg`<line class="limit" x1=${box.left} x2=${WIDTH - box.right} y1=${yOf(capacity)} y2=${yOf(capacity)}></line><text class="limit-label" x=${box.left + 6} y=${yOf(capacity) - 5}>${t('chart-capacity', { size: size(capacity, unit) })}</text>` : nothing}
    ${lines.map(({ cells }, row) => svg`<path class="line line-${row}" d=${path(cells) ?? ''}></path>`)}
    ${labels.map(({ type, row, y: place }) => svg`<text class="line-label label-${row}" x=${WIDTH - box.right + 8} y=${place + 4}>${t('chart-cache-type', { type })}</text>`)}
    <line class="cross" x1=${x(contexts[index])} x2=${x(contexts[index])} y1=${box.top} y2=${HEIGHT - box.bottom}></line>
    ${lines.map(({ cells }, row) => (cells[index].need === undefined ? nothing : svg`<circle class="dot dot-${row}" r="4" cx=${x(contexts[index])} cy=${yOf(cells[index].need)}></circle>`))}
  </svg>`;
  const columns = [t('chart-column-context'), ...lines.map(({ type }) => t('chart-cache-type', { type }))];
  return figure({
    title: t('chart-context-title'),
    hint: t('chart-axis-memory', { unit }),
    body: html`${drawing}
      <div class="reading">
        <label for="chart-at">${t('chart-context-at')}</label>
        <input id="chart-at" type="range" min="0" max=${contexts.length - 1} step="1" .value=${live(String(index))} aria-valuetext=${`${t('tokens', { count: count(contexts[index]) })}: ${reading}`} @input=${(event) => read(Number(event.target.value))} />
        <output>${t('chart-context-reading', { tokens: count(contexts[index]) })} <b>${reading}</b></output>
      </div>`,
    table: { name: 'memory-by-context', columns, rows: contexts.map((context, place) => [count(context), ...lines.map(({ cells }) => cells[place].error ?? size(cells[place].need, unit))]) },
    data: { name: 'memory-by-context', columns: ['context', ...lines.map(({ type }) => `${type}_bytes`)], rows: contexts.map((context, place) => [context, ...lines.map(({ cells }) => cells[place].need ?? null)]) },
  });
}
