// Every text a page asks for is there, in every language, with the same places for values.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { languages } from '../../site/js/i18n.js';
import { textsOf } from '../../site/texts.mjs';
import { root } from './browser.mjs';

const site = path.join(root, 'site');
const english = await textsOf('en');
const idsOf = (resource) => resource.body.map(({ id }) => id);

// The variables of a pattern of Fluent's syntax tree, wherever they stand.
function variables(pattern, found = new Set()) {
  if (Array.isArray(pattern)) for (const part of pattern) variables(part, found);
  else if (pattern && typeof pattern === 'object') {
    if (pattern.type === 'var') found.add(pattern.name);
    for (const value of Object.values(pattern)) variables(value, found);
  }
  return found;
}

for (const language of Object.keys(languages).filter((name) => name !== 'en')) {
  test(`nothing is missing in ${languages[language]}`, async () => {
    const { rooms } = await textsOf(language);
    for (const [file, resource] of Object.entries(english.rooms)) {
      assert.ok(rooms[file], `i18n/${language}/${file} is missing`);
      const ours = new Map(rooms[file].body.map((message) => [message.id, message]));
      assert.deepEqual(idsOf(resource).filter((id) => !ours.has(id)), [], `missing in ${language}/${file}`);
      assert.deepEqual([...ours.keys()].filter((id) => !idsOf(resource).includes(id)), [], `unknown in ${language}/${file}`);
      for (const message of resource.body) {
        const wanted = [...variables(message.value)].sort();
        const used = [...variables(ours.get(message.id).value)].sort();
        assert.deepEqual(used.filter((name) => !wanted.includes(name)), [], `${language}/${file}: ${message.id} uses a value that is not given`);
      }
    }
  });
}

test('no id is used twice', () => {
  const all = Object.values(english.rooms).flatMap(idsOf);
  assert.deepEqual(all.filter((id, index) => all.indexOf(id) !== index), []);
});

test('every text that scripts and pages ask for exists', async () => {
  const known = new Set(Object.values(english.rooms).flatMap(idsOf));
  const missing = [];
  for (const folder of ['js', 'elements', 'pages', 'charts', '.']) {
    for (const file of await readdir(path.join(site, folder)).catch(() => [])) {
      if (!/\.(js|html)$/.test(file) || file === 'i18n.js') continue;
      const text = await readFile(path.join(site, folder, file), 'utf8');
      const asked = [
        ...[...text.matchAll(/\bt\((?:[^'()`]*\? )?'([a-z][\w-]*)'/g)].map(([, id]) => id),
        ...[...text.matchAll(/\bt\([^'()`]*\? '[\w-]+' : '([a-z][\w-]*)'/g)].map(([, id]) => id),
        ...[...text.matchAll(/data-l10n="([\w-]+)"/g)].map(([, id]) => id),
        ...[...text.matchAll(/data-l10n-attr="([^"{]+)"/g)].flatMap(([, list]) => list.split(';').map((pair) => pair.split(':')[1])),
      ];
      for (const id of asked) if (!known.has(id)) missing.push(`${folder}/${file}: ${id}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('the page offers every language, each in its own name', async () => {
  const html = await readFile(path.join(site, 'frame.html'), 'utf8');
  for (const [id, name] of Object.entries(languages)) assert.ok(html.includes(`<option value="${id}" lang="${id}">${name}</option>`), name);
});
