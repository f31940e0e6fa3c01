// The widget's engine: one for all widgets of a page, loaded when the first of them is seen. It runs on the page's own
// thread, because a worker may not come from another origin; an estimate takes a few milliseconds.
import * as whole from 'vram-estimator';
import * as language from 'vram-estimator/language';
import { listsRequest } from '../js/lists_request.js';
/* global ENGINE_FILES, ENGINE_INTEGRITY */

const loading = {};

// A part of the engine, its file fetched when it is first asked for.
function load(part, module) {
  loading[part] ??= (async () => {
    if (typeof WebAssembly !== 'object') throw new Error('WebAssembly is switched off');
    const response = await fetch(new URL(ENGINE_FILES[part], import.meta.url), { integrity: ENGINE_INTEGRITY[part], credentials: 'omit' });
    if (!response.ok) throw new Error(`${response.status} for ${ENGINE_FILES[part]}`);
    await module.load({ wasm: await response.arrayBuffer() });
    return module;
  })().catch((error) => {
    delete loading[part]; // the next widget may try again
    throw error;
  });
  return loading[part];
}

// Promises {call}, which promises an answer: of the small part, or of the whole engine where that one has none.
export async function engine() {
  const { call } = await load('language', language);
  return { call: async (request) => call(request) ?? (await load('whole', whole)).call(request) };
}

let listed;
export function lists() {
  listed ??= engine().then(({ call: ask }) => ask(listsRequest));
  return listed;
}
