// vram-estimator in node: the engine's bytes come from the file beside this one.
import { readFile as readDisk } from 'node:fs/promises';
import { load as loadEngine } from './index.js';

export { call, estimate, readFile, sweep } from './index.js';

export async function load({ wasm = new URL('./vram.wasm', import.meta.url) } = {}) {
  const isFile = typeof wasm === 'string' || (wasm instanceof URL && wasm.protocol === 'file:');
  return loadEngine({ wasm: isFile ? await readDisk(wasm) : wasm });
}
