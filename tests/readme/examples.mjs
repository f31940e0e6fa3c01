// Runs the commands README shows and puts what they print beneath them: <!-- run COMMAND --> ... <!-- ran -->.
//   node tests/readme/examples.mjs            rewrites README.md
//   node tests/readme/examples.mjs --check    fails when README.md shows anything else than what is printed now
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readme } from './blocks.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const env = {
  ...process.env,
  PATH: `${root}build/release/cli${path.delimiter}${process.env.PATH}`,
  NO_COLOR: '1',
  COLUMNS: '100',
};

const before = readFileSync(readme, 'utf8');
let count = 0;
const after = before.replace(/<!-- run (.*?) -->\n[^]*?<!-- ran -->/g, (_, command) => {
  const { stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: root, env, encoding: 'utf8' });
  ++count;
  return `<!-- run ${command} -->\n\`\`\`console\n$ ${command}\n${stdout}${stderr}\`\`\`\n<!-- ran -->`;
});
if (count === 0) throw new Error('README.md has no examples');

if (!process.argv.includes('--check')) {
  writeFileSync(readme, after);
} else if (before !== after) {
  console.error('README.md shows other output than the commands print now: run `make readme` and look at the difference');
  process.exit(1);
}
console.log(`README: ${count} examples ${process.argv.includes('--check') ? 'are true' : 'written'}`);
