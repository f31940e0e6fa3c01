// Texts in the reader's language (Fluent), and that language's numbers (Intl). English is part of each page's bundle;
// another language is loaded when it is wanted. A page says speak(english, {es, zh}) for its texts, then awaits spoken().
import { FluentBundle } from '@fluent/bundle';
import { resourceOf } from './fluent_source.js';
import { recall, remember } from './memory.js';

export const languages = { en: 'English', es: 'Español', zh: '中文' };
const locales = { en: 'en-US', es: 'es', zh: 'zh-CN' };

const bundleFor = (name) => new FluentBundle(locales[name], { useIsolating: false });
const english = bundleFor('en');
const rooms = []; // loaders of the other languages, {es: () => import(...), zh: ...}
let bundle = english;
let current = 'en';

export const language = () => current;
export const locale = () => locales[current];

// Adds texts: English at once, the other languages by functions that load them. What is loaded late (a chart's module)
// brings its own: settled() says when they are there.
let loading = Promise.resolve();
export function speak(source, others = {}) {
  english.addResource(resourceOf(source));
  rooms.push(others);
  if (current === 'en') return;
  const into = bundle;
  loading = Promise.all([loading, others[current]().then(({ default: text }) => into.addResource(resourceOf(text)))]).catch(() => {});
}
export const settled = () => loading;

// The text of an id in the language chosen; in English when that language lacks it; the id itself when none has it.
export function t(id, args) {
  for (const place of bundle === english ? [english] : [bundle, english]) {
    const message = place.getMessage(id);
    if (message?.value) return place.formatPattern(message.value, args, []);
  }
  return id;
}
export const has = (id) => bundle.hasMessage(id) || english.hasMessage(id);

// What the reader chose before, else the first of the browser's languages that we have, else English.
function wanted() {
  const chosen = recall('language');
  if (Object.hasOwn(languages, chosen)) return chosen;
  const asked = (globalThis.navigator?.languages ?? []).map((tag) => tag.toLowerCase().split('-')[0]);
  return asked.find((name) => Object.hasOwn(languages, name)) ?? 'en';
}

// Changes the language of t() and number(); an embedded widget uses the page's.
export async function use(name) {
  if (name === current) return;
  const next = name === 'en' ? english : bundleFor(name);
  if (name !== 'en') {
    const loaded = await Promise.all(rooms.map((others) => others[name]?.()).filter(Boolean));
    for (const { default: source } of loaded) next.addResource(resourceOf(source));
  }
  bundle = next;
  current = name;
}

// Resolves when the texts are in the reader's language; a language that does not load leaves English.
export async function spoken() {
  await use(wanted()).catch(() => {});
  localize();
}

// The reader's choice, kept in this browser. Pages hear of it by the event "vram-language" on the document.
export async function choose(name) {
  await use(name);
  remember('language', name);
  localize();
  document.dispatchEvent(new Event('vram-language'));
}

// Puts the texts of the HTML into the language: data-l10n="id", data-l10n-attr="name:id;name:id".
export function localize(root = document) {
  if (root === document) {
    if (current === document.documentElement.lang) return;
    document.documentElement.lang = current;
  }
  for (const element of root.querySelectorAll('[data-l10n]')) element.textContent = t(element.dataset.l10n);
  for (const element of root.querySelectorAll('[data-l10n-attr]')) {
    for (const pair of element.dataset.l10nAttr.split(';')) {
      const [name, id] = pair.split(':');
      element.setAttribute(name, t(id));
    }
  }
}

// Numbers in the reader's language: number(0.5, {style: 'percent'}).
// What was written once is kept: an answer has a hundred numbers, of which a key pressed changes a few.
const formats = new Map();
const MOST_WRITTEN = 2000;
export function number(value, options = {}) {
  const key = `${current} ${JSON.stringify(options)}`;
  let known = formats.get(key);
  if (!known) formats.set(key, (known = { format: new Intl.NumberFormat(locale(), options), written: new Map() }));
  let text = known.written.get(value);
  if (text === undefined) {
    if (known.written.size >= MOST_WRITTEN) known.written.clear();
    known.written.set(value, (text = known.format.format(value)));
  }
  return text;
}
