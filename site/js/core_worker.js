// The worker side of core.js: takes the engine's bytes, then answers one request after the other.
import { call, load } from 'vram-estimator';
import { readFiles } from './read_files.js';

let started;
const ready = new Promise((resolve) => (started = resolve));

onmessage = async ({ data: { wasm, id, request, files } }) => {
  try {
    if (wasm) return started(await load({ wasm }));
    await ready;
    postMessage({ id, response: files ? await readFiles(files) : call(request) });
  } catch (error) {
    postMessage({ failed: String(error?.message ?? error) });
  }
};
