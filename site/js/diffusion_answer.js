// The answer of images and video: verdict, timeline, ways to take less, how far it can be pushed, why.
import '../elements/ledger.js';
import '../elements/verdict.js';
import { html, live, nothing } from '../elements/lit.js';
import { idsOf, offloads, recipeOf } from './diffusion_state.js';
import { count, isExact, kind, parameters, range, size, stage } from './format.js';
import { accuracyPage } from './frame.js';
import { has, number, t } from './i18n.js';
import { sentence, verdict } from './words.js';

// "FLUX.1 [dev] (23.8 B parameters), 1,024 × 1,024, bf16, GeForce RTX 3060 12GB"
export function subjectOf({ pipeline, width, height, frames, batch, gpu }) {
  const all = pipeline.components.reduce((sum, part) => sum + part.parameters, 0);
  return [
    t('subject-model', { name: pipeline.name || pipeline.id, parameters: parameters(all) }),
    t('subject-size', { width: count(width), height: count(height) }),
    frames > 1 ? t('subject-frames', { count: count(frames) }) : '',
    batch > 1 ? t('subject-batch', { count: count(batch) }) : '',
    gpu ? `${gpu.count > 1 ? `${gpu.count} × ` : ''}${gpu.name || gpu.id}` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

const percent = (share) => number(share, { style: 'percent', maximumFractionDigits: 0 });

export function slowerWords({ low, high }) {
  if (low < 0 && high <= 0) return t('technique-faster', { to: percent(-low) });
  if (high <= 0) return t('technique-free');
  if (low === high) return t('technique-about', { share: percent(low) });
  return t('technique-slower', { from: percent(Math.max(low, 0)), to: percent(high) });
}

export function answer(view, on) {
  const { state, shown, error, errorText, broken, request, jsonOpen } = view;
  return html`
    ${broken ? html`<div class="problem" role="alert"><strong>${t('broken-title')}</strong> ${broken} ${t('broken-text')}</div>` : nothing}
    ${error ? html`<div class="problem" role="alert">${errorText} ${error.path ? html`<span class="quiet">${t('error-at')} <code>${error.path}</code></span>` : nothing}${shown ? html`<br /><span class="quiet">${t('error-last-answer')}</span>` : nothing}</div>` : nothing}
    ${shown ? html`<div class="result ${error || broken ? 'stale' : ''}">${result(shown, { state, view, unit: state.units, request, jsonOpen }, on)}</div>` : error || broken ? nothing : html`<p class="waiting">${t('computing')}</p>`}
  `;
}

function result(response, { state, view, unit, request, jsonOpen }, on) {
  return html`
    <vram-verdict .data=${verdict(response, unit, subjectOf(response))}></vram-verdict>
    ${response.warnings?.length ? html`<ul class="warnings" aria-label=${t('warnings')}>${response.warnings.map(({ message }) => html`<li>${sentence(message)}</li>`)}</ul>` : nothing}
    <section class="panel">${view.timeline ? view.timeline(response, unit) : html`<p class="waiting short"></p>`}</section>
    ${response.savings ? techniques(response, { state, unit }, on) : nothing}
    ${reach(response, { unit }, on)}
    <div class="pair">${levels(response, { state, unit }, on)}${memory(response, unit)}</div>
    <vram-ledger .data=${{ ledger: response.ledger, unit, accuracy: accuracyPage() }}></vram-ledger>
    ${runs(response, unit)}
    <details class="json" @toggle=${(event) => on.showJson(event.target.open)}>
      <summary>${t('request-response')}</summary>
      ${jsonOpen ? html`<pre id="json" tabindex="0" aria-label=${t('request-response-json')}>${JSON.stringify({ request, response }, null, 2)}</pre>` : nothing}
    </details>
  `;
}

// What a click on a technique sets: offloads replace each other; a level in use becomes the techniques it stood for; what
// belongs to another engine is an option of that engine.
export function toggled(state, savings, id, wanted, memory, denoisers) {
  const own = recipeOf(state, id, wanted, memory, denoisers);
  if (own) return own;
  const active = state.level ? savings.filter((item) => item.active && item.technique !== 'sdpa').map(({ technique }) => technique) : idsOf(state.techniques);
  let ids = active.filter((one) => one !== id && !(wanted && offloads.includes(id) && offloads.includes(one)));
  if (id === 'sdpa') ids = wanted ? ids.filter((one) => one !== 'eager') : [...ids, 'eager'];
  else if (wanted) ids.push(id);
  return { level: '', techniques: ids.join(',') };
}

const memoryOf = (gpu) => (gpu ? gpu.memory_bytes / 2 ** 30 : 0);

function techniques({ pipeline, savings, weakest, verdict: fit, gpu, vram_limit: limit }, { state, unit }, on) {
  const denoisers = pipeline.components.map(({ role }) => role).filter((role) => /^transformer|^unet$/.test(role));
  const effect = ({ active, saves_bytes: saves }) => {
    if (active) return saves > 0 ? t('technique-active', { size: size(saves, unit) }) : t('technique-active-nothing');
    if (saves > 0) return t('technique-saves', { size: size(saves, unit) });
    return saves < 0 ? t('technique-costs', { size: size(-saves, unit) }) : t('technique-nothing');
  };
  const change = (id, wanted) => on.set(toggled(state, savings, id, wanted, memoryOf(gpu), denoisers));
  return html`<section class="panel">
    <h2>${t('techniques-heading')}</h2>
    <p class="hint">${t('techniques-hint')}</p>
    ${weakest ? mildest(weakest, { state, savings, fit, gpu, unit }, on) : nothing}
    ${typeof limit === 'number' ? html`<p class="mildest">${t('vram-limit-largest', { limit: number(limit) })} <button type="button" class="link" @click=${() => on.set({ vramLimit: String(limit) })}>${t('weakest-use')}</button></p>` : nothing}
    <ul class="switches">
      ${savings.map(
        (item) => html`<li class=${item.active ? 'active' : ''}>
          <label class="check" title=${item.source ?? nothing}><input type="checkbox" role="switch" .checked=${live(item.active)} @change=${(event) => change(item.technique, event.target.checked)} /><span>${item.name}</span></label>
          <span class="effect ${!item.active && item.saves_bytes > 0 ? 'saves' : 'quiet'}">${effect(item)}</span>
          <span class="effect quiet" title=${item.source ?? nothing}>${slowerWords(item.slower)}${item.timed ? '' : html` <small>${t('technique-own')}</small>`}</span>
          <span class="effect fits-then">${gpu && fit === 'does_not_fit' && item.fits && !item.active ? t('technique-fits') : ''}</span>
        </li>`,
      )}
    </ul>
  </section>`;
}

function mildest({ fits, techniques: ids, slower, nvidia_smi: peak, blocked_by: what }, { state, savings, fit, gpu, unit }, on) {
  if (!fits) return html`<p class="mildest">${t('weakest-none')} ${what ? t('weakest-binds', { stage: stage(what.stage), what: what.label || kind(what.kind) }) : ''}</p>`;
  if (!ids.length) return fit === 'does_not_fit' ? nothing : html`<p class="mildest">${t('weakest-already')}</p>`;
  const names = ids.map((id) => savings.find(({ technique }) => technique === id)?.name ?? id).join(' + ');
  // Those of the request stay; each is switched on as by a click.
  const use = () => on.set(ids.filter((id) => id !== 'sdpa').reduce((set, id) => ({ ...set, ...toggled({ ...state, ...set }, savings, id, true, memoryOf(gpu)) }), ids.includes('sdpa') ? toggled(state, savings, 'sdpa', true, 0) : {}));
  return html`<p class="mildest"><strong>${t('weakest-heading')}</strong> ${names}: ${size(peak.expected, unit)}, ${slowerWords(slower)}.
    <button type="button" class="primary" @click=${use}>${t('weakest-use')}</button></p>`;
}

function reach(response, { unit }, on) {
  const { max_resolution: sides, max_frames: frames, max_batch: batch, max_loras: loras, smallest_gpu: gpu } = response;
  const binds = ({ bounded_by: by, blocked_by: what }) => (by === 'memory' && what ? t('reach-binds', { stage: stage(what.stage), what: what.label || kind(what.kind) }) : t('reach-limit'));
  const tile = (name, item, words, use) =>
    item
      ? html`<div class="tile"><span class="name">${name}</span><span class="value">${item.value > 0 ? words : t('reach-none')}</span><span class="why">${binds(item)}</span>
          ${item.value > 0 ? html`<button type="button" class="link" @click=${() => on.set(use)}>${t('reach-use-this')}<span class="only-heard">: ${name} ${words}</span></button>` : nothing}</div>`
      : nothing;
  const picture = ({ width, height }) => `${count(width)} × ${count(height)}`;
  const shape = sides && (sides.square.width !== sides.at_aspect_ratio.width || sides.square.height !== sides.at_aspect_ratio.height);
  return html`<div class="tiles">
    ${sides ? tile(t('reach-square'), sides.square, sides.square.value > 0 ? picture(sides.square) : '', { width: String(sides.square.width), height: String(sides.square.height) }) : nothing}
    ${shape ? tile(t('reach-aspect'), sides.at_aspect_ratio, sides.at_aspect_ratio.value > 0 ? picture(sides.at_aspect_ratio) : '', { width: String(sides.at_aspect_ratio.width), height: String(sides.at_aspect_ratio.height) }) : nothing}
    ${tile(t('reach-frames'), frames, frames ? count(frames.value) : '', { frames: String(frames?.value) })}
    ${tile(t('reach-batch'), batch, batch ? count(batch.value) : '', { batch: String(batch?.value) })}
    ${tile(t('reach-loras'), loras, loras ? count(loras.value) : '', { loras: String(loras?.value) })}
    ${gpu ? html`<div class="tile"><span class="name">${t('smallest-gpu')}</span><span class="value small">${gpu.name || gpu.id}</span><span class="why">${t('smallest-spare', { size: size(gpu.headroom_bytes, unit) })}</span>
      <button type="button" class="link" @click=${() => on.set({ gpuSource: 'catalogue', gpu: gpu.id, count: '1' })}>${t('reach-use-this')}<span class="only-heard">: ${gpu.name || gpu.id}</span></button></div>` : nothing}
  </div>`;
}

function levels({ levels: list, gpu }, { state, unit }, on) {
  if (!list?.length) return nothing;
  const slower = ({ low, high }) => (high <= 0 ? '0' : t('percent-range', { from: percent(low), to: percent(high) }));
  return html`<section class="panel">
    <h2>${t('levels-heading')}</h2>
    <p class="hint">${t('levels-hint')}</p>
    <div class="scroll" tabindex="0" role="group" aria-label=${t('levels-heading')}><table class="plain">
      <thead><tr><th scope="col">${t('levels-level')}</th><th scope="col" class="number">${t('levels-peak')}</th><th scope="col" class="number">${t('levels-slower')}</th></tr></thead>
      <tbody>${list.map(
        ({ level, name, slower: cost, nvidia_smi: peak, fits, chosen }) => html`<tr class=${state.level === level ? 'chosen' : ''}>
          <th scope="row"><button type="button" class="link" aria-pressed=${state.level === level} @click=${() => on.set({ level: state.level === level ? '' : level, techniques: '' })}>${name}</button>${chosen ? html`<small>${t('levels-for-gpu')}</small>` : nothing}</th>
          <td class="number ${gpu ? `word ${fits ? 'fits' : 'does_not_fit'}` : ''}">${gpu ? (fits ? '✓ ' : '✕ ') : ''}${size(peak.expected, unit)}</td>
          <td class="number">${slower(cost)}</td>
        </tr>`,
      )}</tbody>
    </table></div>
  </section>`;
}

function memory({ memory: sums, references }, unit) {
  const rows = [['allocated', sums.allocated], ['reserved', sums.reserved], ['shown', sums.nvidia_smi]];
  return html`<section class="panel">
    <h2>${t('memory-heading')}</h2>
    <div class="scroll"><table class="plain"><tbody>${rows.map(
      ([id, bytes]) => html`<tr><th scope="row">${t(`memory-${id}`)}<small>${t(`memory-${id}-text`)}</small></th><td class="number">${size(bytes.expected, unit)}<small>${isExact(bytes) ? t('exact') : range(bytes, unit)}</small></td></tr>`,
    )}
    ${(references ?? []).map(({ name, predicted_vram_gb: total, note }) => html`<tr><th scope="row">${name}<small>${note}</small></th><td class="number">${size(total * 2 ** 30, unit)}</td></tr>`)}</tbody></table></div>
  </section>`;
}

function runs({ stages, pipeline }, unit) {
  const roles = new Map(pipeline.components.map((part) => [part.role, part]));
  return html`<details class="panel fold"><summary>${t('runs-heading')}</summary>
    <div class="scroll" tabindex="0" role="group" aria-label=${t('runs-heading')}><table class="plain">
      <thead><tr><th scope="col">${t('timeline-stage')}</th><th scope="col">${t('runs-part')}</th><th scope="col" class="number">${t('runs-activations')}</th><th scope="col" class="number">${t('runs-allocated')}</th><th scope="col" class="number">${t('runs-shown')}</th><th scope="col" class="number">${t('runs-host')}</th><th scope="col">${t('runs-fullest')}</th></tr></thead>
      <tbody>${stages.map(
        (run) => html`<tr><th scope="row">${has(`stage-${run.stage}`) ? stage(run.stage) : run.stage}</th><td>${run.component}<small>${roles.get(run.component)?.class ?? ''}</small></td>
          <td class="number">${size(run.activations.expected, unit)}</td><td class="number">${size(run.allocated.expected, unit)}</td><td class="number">${size(run.nvidia_smi.expected, unit)}</td><td class="number">${size(run.host.expected, unit)}</td><td>${run.fullest_at}</td></tr>`,
      )}</tbody>
    </table></div>
  </details>`;
}
