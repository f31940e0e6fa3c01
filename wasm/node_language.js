// vram-estimator/language in node: the engine's bytes come from the file beside this one.
import { readFile as readDisk } from 'node:fs/promises';
import { load as loadEngine } from './language.js';

export { call, estimate, sweep } from './language.js';

export async function load({ wasm = new URL('./vram-language.wasm', import.meta.url) } = {}) {
  const isFile = typeof wasm === 'string' || (wasm instanceof URL && wasm.protocol === 'file:');
  return loadEngine({ wasm: isFile ? await readDisk(wasm) : wasm });
}
