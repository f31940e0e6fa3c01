// The worker side of core.js: takes the engine's bytes, then answers one request after the other. It starts with the part
// that answers for language models; the whole engine is loaded with the first request that needs it, or at once where
// the page says so, and answers everything from then on.
import { call, load } from 'vram-estimator/language';
/* global WHOLE_FILE */

let started;
const ready = new Promise((resolve) => (started = resolve));

class NotLoaded extends Error {}

let loading;
let whole; // once it is there
function wholeEngine(wasm = new URL(WHOLE_FILE, import.meta.url)) {
  loading ??= import('./whole_engine.js')
    .then(async (module) => (whole = await module.wholeEngine(wasm)))
    .catch((error) => {
      loading = undefined; // the next request may try again
      throw new NotLoaded(error.message);
    });
  return loading;
}

async function answer({ id, request, open, cancel }) {
  if (cancel) return (await loading)?.cancelled(cancel);
  if (open) return (await wholeEngine()).openWeights(id, open, (progress) => postMessage({ id, progress }));
  return whole ? whole.answer(request) : (call(request) ?? (await wholeEngine()).answer(request));
}

onmessage = async ({ data }) => {
  const { wasm, part, id } = data;
  try {
    if (wasm) return started(await (part === 'whole' ? wholeEngine(wasm) : load({ wasm })));
    await ready;
    const response = await answer(data);
    if (id) postMessage({ id, response });
  } catch (error) {
    // A part that did not load is missed by the request that needs it; after anything else the engine is not to be trusted.
    postMessage({ id: error instanceof NotLoaded ? id : undefined, failed: String(error?.message ?? error) });
  }
};
