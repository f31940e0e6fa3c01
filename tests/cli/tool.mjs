// Running the built tool: VRAM_ESTIMATOR names it. The environment is bare, so that no GPU of this machine gets in.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

export const tool = process.env.VRAM_ESTIMATOR;
if (!tool) throw new Error('VRAM_ESTIMATOR must name the built tool');

// A folder of this test file, gone at its end.
export const folder = mkdtempSync(join(tmpdir(), 'vram-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

export const bareEnvironment = { PATH: join(folder, 'bin'), LC_ALL: 'C.UTF-8' };

// {code, out, err}. `args` is a list, or a line without quotes.
export function run(args, { input = '', env = {}, timeout = 60000, cwd } = {}) {
  const list = Array.isArray(args) ? args : args.split(' ').filter(Boolean);
  const result = spawnSync(tool, list, {
    cwd, input, env: { ...bareEnvironment, ...env }, timeout, maxBuffer: 1 << 28, encoding: 'utf8',
  });
  if (result.error) throw result.error;
  return { code: result.status, signal: result.signal, out: result.stdout, err: result.stderr };
}

// The parsed --json response.
export function json(args, options) {
  const result = run(args, options);
  return { ...result, response: JSON.parse(result.out) };
}

// A reason to skip, or false: a build with VRAM_CATALOGUE=OFF knows no models by name.
export const noModels = json('models --json').response.models.length > 0 ? false : 'this build has no catalogue of models';

// An executable shell script in a new folder; returns {PATH: that folder}.
export function fakeProgram(name, script) {
  const bin = mkdtempSync(join(folder, 'path-'));
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  return { PATH: bin };
}

export function file(name, content) {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

export { spawn };
