// Estimated against measured on two logarithmic scales. Thousands of points are one canvas; axes and texts are SVG.
import { scaleLog } from 'd3-scale';
import { svg } from 'lit-html';
import { html, nothing } from '../elements/lit.js';
import { size } from '../js/format.js';
import { number, t } from '../js/i18n.js';

const margin = { left: 66, right: 12, top: 12, bottom: 46 };
const narrow = () => globalThis.innerWidth < 560;
const NEAR = 14; // pixels around the pointer

export const extent = () => (narrow() ? [340, 340] : [640, 560]);

// The scale of both axes: whole powers around all points.
export function scaleFor(points) {
  let low = Infinity;
  let high = 0;
  for (const { measured, estimated } of points) {
    low = Math.min(low, Math.max(1, Math.min(measured, estimated)));
    high = Math.max(high, measured, estimated);
  }
  if (!(high > 0)) [low, high] = [2 ** 20, 2 ** 40];
  return [low / 1.3, high * 1.3];
}

export function places(points, domain) {
  const [width, height] = extent();
  const x = scaleLog().domain(domain).range([margin.left, width - margin.right]);
  const y = scaleLog().domain(domain).range([height - margin.bottom, margin.top]);
  return { x, y, at: points.map(({ measured, estimated }) => [x(Math.max(measured, domain[0])), y(Math.max(estimated, domain[0]))]) };
}

// Powers of 32: 1 MiB, 32 MiB, 1 GiB, ...
function ticks([low, high]) {
  const found = [];
  for (let power = 0; power <= 60; power += narrow() ? 10 : 5) if (2 ** power >= low && 2 ** power <= high) found.push(2 ** power);
  return found;
}

// Draws in slices, so that no slice holds up the page.
export function paint(canvas, { points, at, chosen }) {
  const [width, height] = extent();
  const ratio = globalThis.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const draw = canvas.getContext('2d');
  draw.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(canvas);
  const colours = ['--k-weights', '--k-compute', '--k-cache', '--k-graphs', '--k-logits', '--k-fixed', '--k-state', '--k-vision'].map((name) => style.getPropertyValue(name));
  const turn = (canvas.turn = (canvas.turn ?? 0) + 1);
  let next = 0;
  const slice = () => {
    if (canvas.turn !== turn) return;
    const end = Math.min(points.length, next + 3000);
    for (; next < end; ++next) {
      draw.globalAlpha = points[next].inside ? 0.5 : 0.85;
      draw.fillStyle = colours[points[next].colour % colours.length];
      const [x, y] = at[next];
      draw.beginPath();
      if (points[next].inside) draw.arc(x, y, 2.6, 0, 7);
      else draw.rect(x - 2.8, y - 2.8, 5.6, 5.6);
      draw.fill();
    }
    if (next < points.length) return void requestAnimationFrame(slice);
    if (chosen === null) return;
    draw.globalAlpha = 1;
    draw.strokeStyle = style.getPropertyValue('--ink');
    draw.lineWidth = 2;
    draw.beginPath();
    draw.arc(...at[chosen], 6, 0, 7);
    draw.stroke();
  };
  slice();
}

export function nearest(at, x, y) {
  let best = null;
  let least = NEAR ** 2;
  for (let i = 0; i < at.length; ++i) {
    const distance = (at[i][0] - x) ** 2 + (at[i][1] - y) ** 2;
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}

export function axes({ x, y }, domain, unit, inBytes) {
  const [width, height] = extent();
  const whole = (bytes) => size(bytes, unit).replace(/[.,]0+(?=\D*$)/, ''); // ticks are whole: "32 GiB"
  const label = (value) => (inBytes ? whole(value) : number(value, { notation: 'compact' }));
  return html`<svg class="drawing" viewBox="0 0 ${width} ${height}" aria-hidden="true">
    ${ticks(domain).map((tick) => svg`<line class="gridline" x1=${x(tick)} x2=${x(tick)} y1=${margin.top} y2=${height - margin.bottom}></line><line class="gridline" x1=${margin.left} x2=${width - margin.right} y1=${y(tick)} y2=${y(tick)}></line>
      <text class="tick" text-anchor="middle" x=${x(tick)} y=${height - margin.bottom + 16}>${label(tick)}</text><text class="tick" text-anchor="end" x=${margin.left - 6} y=${y(tick) + 4}>${label(tick)}</text>`)}
    <line class="cross" x1=${x(domain[0])} y1=${y(domain[0])} x2=${x(domain[1])} y2=${y(domain[1])}></line>
    <text class="axis" text-anchor="end" x=${width - margin.right} y=${height - 8}>${t('accuracy-axis-measured')} →</text>
    <text class="axis" x=${margin.left + 4} y=${margin.top + 10}>↑ ${t('accuracy-axis-estimated')}</text>
    ${nothing}
  </svg>`;
}
