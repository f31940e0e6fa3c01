// The worker side of core.js: loads the engine, answers one request after the other.
/* global WASM_FILE */
import { call, load } from 'vram-estimator';

const ready = load({ wasm: new URL(WASM_FILE, import.meta.url) });
ready.catch((error) => postMessage({ failed: String(error?.message ?? error) }));

onmessage = async ({ data: { id, request } }) => {
  await ready;
  postMessage({ id, response: call(request) });
};
