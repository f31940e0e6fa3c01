// What every page has around it: language, units, short messages, the offline copy.
import english from '../i18n/en/frame.js';
import { choose, language, speak, spoken } from './i18n.js';
import { recall, remember } from './memory.js';

speak(english, { es: () => import('../i18n/es/frame.js'), zh: () => import('../i18n/zh/frame.js') });

export const at = (id) => document.getElementById(id);

// "GiB" or "GB". Pages hear of a change by the event "vram-units" on the document.
let chosenUnits = recall('units') === 'GB' ? 'GB' : 'GiB';
export const units = () => chosenUnits;
export function showUnits(unit) {
  chosenUnits = unit === 'GB' ? 'GB' : 'GiB';
  at('units').querySelector(`[value=${chosenUnits}]`).checked = true;
}

// The page of measured values, where this site has one: every number leads there.
export const accuracyPage = () => document.querySelector('nav a[href="accuracy.html"]')?.getAttribute('href') ?? undefined;

// Short messages about what a button did.
let hushing;
export function say(text) {
  at('said').textContent = text;
  clearTimeout(hushing);
  hushing = setTimeout(() => (at('said').textContent = ''), 5000);
}

// Copies a text, and says so; false where the browser does not allow it.
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function drawFrame() {
  showUnits(chosenUnits);
  at('units').addEventListener('change', (event) => {
    remember('units', event.target.value);
    showUnits(event.target.value);
    document.dispatchEvent(new Event('vram-units'));
  });
  // On a phone the names of the pages do not fit beside each other.
  requestAnimationFrame(() => {
    const here = document.querySelector('header nav [aria-current]');
    if (here?.previousElementSibling) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.offsetLeft - 40;
  });
  const select = at('language');
  select.addEventListener('change', () => choose(select.value));
}

// The offline copy, and the offer of a newer version when one has been fetched.
async function keepOffline() {
  const registration = await navigator.serviceWorker.register('./sw.js');
  const offer = (worker) => {
    at('update').hidden = false;
    at('update').querySelector('button').onclick = () => {
      navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
      worker.postMessage('take-over');
    };
  };
  const watch = (worker) =>
    worker?.addEventListener('statechange', () => {
      if (worker.state === 'installed' && navigator.serviceWorker.controller) offer(worker);
    });
  if (registration.waiting && navigator.serviceWorker.controller) offer(registration.waiting);
  watch(registration.installing);
  registration.addEventListener('updatefound', () => watch(registration.installing));
}

// A gap for the browser between two pieces of work: to draw, to hear a key.
export const pause = () => globalThis.scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));

// A page's first step: its texts in the reader's language, the frame alive.
export async function openPage() {
  document.documentElement.classList.add('scripted');
  drawFrame();
  await Promise.all([spoken(), pause()]);
  at('language').value = language();
  // Not on localhost, unless asked for: its port is shared with whatever is served there next.
  if ('serviceWorker' in navigator && (location.protocol === 'https:' || recall('offline') === 'localhost')) keepOffline();
}
