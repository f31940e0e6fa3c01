// The widget's engine: one for all widgets of a page, loaded when the first of them is seen. It runs on the page's own
// thread, because a worker may not come from another origin; an estimate takes a few milliseconds.
import { call, load } from 'vram-estimator/language';
import { listsRequest } from '../js/lists_request.js';
/* global WASM_FILE, WASM_INTEGRITY */

let loading;

export function engine() {
  loading ??= (async () => {
    if (typeof WebAssembly !== 'object') throw new Error('WebAssembly is switched off');
    const response = await fetch(new URL(WASM_FILE, import.meta.url), { integrity: WASM_INTEGRITY, credentials: 'omit' });
    if (!response.ok) throw new Error(`${response.status} for ${WASM_FILE}`);
    await load({ wasm: await response.arrayBuffer() });
    return { call };
  })().catch((error) => {
    loading = undefined; // the next widget may try again
    throw error;
  });
  return loading;
}

let listed;
export function lists() {
  listed ??= engine().then(({ call: ask }) => ask(listsRequest));
  return listed;
}
