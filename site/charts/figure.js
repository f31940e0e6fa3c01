// The frame of every chart: its title, what it says in words, the drawing, exports, and the same as a table.
import { html, nothing } from '../elements/lit.js';
import english from '../i18n/en/charts.js';
import { speak, t } from '../js/i18n.js';
import { take } from './export.js';

speak(english, { es: () => import('../i18n/es/charts.js'), zh: () => import('../i18n/zh/charts.js') });

// `table` is {name, columns, rows} in the words shown; `data` the same with plain numbers, for CSV and JSON.
export function figure({ level = 3, title, hint, body, table, data = table, twin = true, pictures = true }) {
  const forms = pictures ? ['svg', 'png', 'csv', 'json', 'markdown'] : ['csv', 'json', 'markdown'];
  const choose = (event, form) => {
    const around = event.target.closest('.chart');
    around.querySelector('.menu').open = false;
    take(form, form === 'markdown' ? table : data, around.querySelector('svg.drawing'));
  };
  return html`<figure class="chart">
    <figcaption>
      ${level === 2 ? html`<h2>${title}</h2>` : html`<h3>${title}</h3>`}
      <details class="menu">
        <summary>${t('export')}</summary>
        <ul>${forms.map((form) => html`<li><button type="button" @click=${(event) => choose(event, form)}>${t(`export-${form}`)}</button></li>`)}</ul>
      </details>
    </figcaption>
    ${hint ? html`<p class="hint">${hint}</p>` : nothing}
    ${body}
    ${twin ? html`<details class="twin"><summary>${t('table-twin')}</summary>${plainTable(table)}</details>` : nothing}
  </figure>`;
}

export const plainTable = ({ name, columns, rows }) => html`<div class="scroll" tabindex="0" role="group" aria-label=${name}><table class="plain">
  <thead><tr>${columns.map((column, index) => html`<th scope="col" class=${index ? 'number' : ''}>${column}</th>`)}</tr></thead>
  <tbody>${rows.map(([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td class="number">${cell}</td>`)}</tr>`)}</tbody>
</table></div>`;
