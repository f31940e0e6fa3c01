// The public border, as any program can use it: `vram-estimator batch`, JSON lines in, JSON lines out.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export function findTool(build) {
  const folders = build ? [build] : ['release', 'quick', 'dev'].map((preset) => path.join(root, 'build', preset));
  for (const folder of folders) {
    const tool = path.resolve(root, folder, 'cli', 'vram-estimator');
    if (existsSync(tool)) return tool;
  }
  throw new Error(`no cli/vram-estimator in ${folders.join(', ')}: build it first, or name a build folder with --build`);
}

// Answers of `requests`, in their order, read by `take` (so that no more than a line is kept).
async function converse(tool, requests, take) {
  const child = spawn(tool, ['batch'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${tool} batch: exit code ${code}`))));
  });
  child.stdin.on('error', () => {}); // a tool that dies says so by its exit code
  child.stdin.end(requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
  const answers = [];
  let rest = [];
  for await (const chunk of child.stdout) {
    let from = 0;
    for (let to = chunk.indexOf(10); to >= 0; to = chunk.indexOf(10, from)) {
      rest.push(chunk.subarray(from, to));
      answers.push(take(JSON.parse(Buffer.concat(rest).toString('utf8')), answers.length));
      rest = [];
      from = to + 1;
    }
    rest.push(chunk.subarray(from));
  }
  await closed;
  if (answers.length !== requests.length) throw new Error(`${tool} batch: ${answers.length} answers to ${requests.length} requests`);
  return answers;
}

// take(answer, index) of every request, in order; several tools share the work when there is much.
export async function ask(tool, requests, take = (answer) => answer) {
  const shares = Math.max(1, Math.min(cpus().length, Math.ceil(requests.length / 500)));
  const size = Math.ceil(requests.length / shares);
  const parts = [];
  for (let from = 0; from < requests.length; from += size) {
    parts.push(converse(tool, requests.slice(from, from + size), (answer, i) => take(answer, from + i)));
  }
  return (await Promise.all(parts)).flat();
}
