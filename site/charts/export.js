// What was drawn, to take away: SVG, PNG, CSV, JSON, Markdown. A table is {name, columns: [text], rows: [[cell]]}.
import { copyText, say } from '../js/frame.js';
import { t } from '../js/i18n.js';

function download(name, type, content) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// A cell that begins like a formula is kept a text in spreadsheets.
const csvCell = (value) => {
  const text = typeof value === 'number' ? String(value) : String(value ?? '').replace(/^(?=[=+@\t\r]|-\D)/, "'");
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
export const csv = ({ columns, rows }) => [columns, ...rows].map((row) => row.map(csvCell).join(',')).join('\r\n');

const markdownCell = (value) => String(value ?? '').replace(/([\\|`*_<>[\]])/g, '\\$1').replaceAll('\n', ' ');
export const markdown = ({ columns, rows }) =>
  [columns, columns.map(() => '---'), ...rows].map((row, index) => `| ${row.map((cell) => (index === 1 ? cell : markdownCell(cell))).join(' | ')} |`).join('\n');

export const json = ({ columns, rows }) => JSON.stringify(rows.map((row) => Object.fromEntries(row.map((cell, index) => [columns[index], cell]))), null, 2);

// The drawing by itself: what style sheets gave its parts is written into them.
const kept = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'font-family', 'font-size', 'font-weight', 'text-anchor', 'opacity'];
export function standalone(svg) {
  const copy = svg.cloneNode(true);
  const originals = svg.querySelectorAll('*');
  copy.querySelectorAll('*').forEach((element, index) => {
    const style = getComputedStyle(originals[index]);
    for (const name of kept) {
      const value = style.getPropertyValue(name);
      if (value) element.setAttribute(name, value);
    }
    element.removeAttribute('class');
  });
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', width);
  copy.setAttribute('height', height);
  const back = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  back.setAttribute('width', '100%');
  back.setAttribute('height', '100%');
  back.setAttribute('fill', getComputedStyle(document.documentElement).getPropertyValue('--card').trim() || '#fff');
  copy.prepend(back);
  return { text: new XMLSerializer().serializeToString(copy).replace(/<!--.*?-->/g, ''), width, height };
}

async function png({ text, width, height }) {
  const image = new Image();
  const address = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
  image.src = address;
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [2 * width, 2 * height];
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

export async function take(form, table, svg) {
  if (form === 'svg') download(`${table.name}.svg`, 'image/svg+xml', standalone(svg).text);
  if (form === 'png') download(`${table.name}.png`, 'image/png', await png(standalone(svg)));
  if (form === 'csv') download(`${table.name}.csv`, 'text/csv', csv(table));
  if (form === 'json') download(`${table.name}.json`, 'application/json', json(table));
  if (form === 'markdown') say(t((await copyText(markdown(table))) ? 'export-copied' : 'export-not-copied'));
}
