// The texts of i18n/ for the build and the tests: the HTML carries them in English, so that a page reads without a script.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { FluentBundle, FluentResource } from '@fluent/bundle';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), 'i18n');

// Every text of a language: {bundle, rooms: {file: resource}}. Throws on what Fluent can't read.
export async function textsOf(language) {
  const bundle = new FluentBundle(language, { useIsolating: false });
  const rooms = {};
  for (const file of (await readdir(path.join(folder, language))).sort()) {
    const { default: source } = await import(pathToFileURL(path.join(folder, language, file)));
    const resource = new FluentResource(source);
    const written = source.split('\n').filter((line) => /^[a-z]/i.test(line)).length;
    if (resource.body.length !== written) throw new Error(`${language}/${file}: ${written} messages written, ${resource.body.length} read`);
    const errors = bundle.addResource(resource);
    if (errors.length) throw new Error(`${language}/${file}: ${errors.join('; ')}`);
    rooms[file] = resource;
  }
  return { bundle, rooms };
}

export const englishTexts = async () => (await textsOf('en')).bundle;

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

// Puts the texts where data-l10n="id" (content) and data-l10n-attr="name:id;..." (attributes) ask for them.
export function fillTexts(html, bundle, file) {
  const text = (id) => {
    const message = bundle.getMessage(id);
    if (!message) throw new Error(`${file}: no text ${id} in i18n/en`);
    return escape(bundle.formatPattern(message.value, {}));
  };
  return html
    .replace(/(<[^>]*\sdata-l10n="([^"]+)"[^>]*>)\s*(?=<\/)/g, (_, tag, id) => tag + text(id))
    .replace(/\sdata-l10n-attr="([^"]+)"/g, (all, list) => `${all} ${list.split(';').map((pair) => `${pair.split(':')[0]}="${text(pair.split(':')[1])}"`).join(' ')}`);
}
