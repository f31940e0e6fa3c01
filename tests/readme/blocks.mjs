// README's generated parts stand between <!-- begin NAME --> and <!-- end NAME -->.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const readme = fileURLToPath(new URL('../../README.md', import.meta.url));

// `text` with the inside of block `name` replaced.
export function withBlock(text, name, inside) {
  const [begin, end] = [`<!-- begin ${name} -->\n`, `<!-- end ${name} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`README.md has no block '${name}'`);
  return `${text.slice(0, from)}${begin}${inside.trim()}\n${text.slice(to)}`;
}

export function fillBlock(name, inside) {
  writeFileSync(readme, withBlock(readFileSync(readme, 'utf8'), name, inside));
}
