// The worker side of core.js: takes the engine's bytes, then answers one request after the other.
import { call, load } from 'vram-estimator';
import { reader } from '../files/open.js';

let started;
const ready = new Promise((resolve) => (started = resolve));
const { openWeights, cancelled } = reader();

onmessage = async ({ data: { wasm, id, request, open, cancel } }) => {
  try {
    if (wasm) return started(await load({ wasm }));
    if (cancel) return cancelled(cancel);
    await ready;
    const response = open ? await openWeights(id, open, (progress) => postMessage({ id, progress })) : call(request);
    postMessage({ id, response });
  } catch (error) {
    postMessage({ failed: String(error?.message ?? error) });
  }
};
