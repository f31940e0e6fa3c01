// The one door to the engine. It runs in a worker: a call with everything asked for can take tens of milliseconds on a
// phone, and compiling wasm takes longer still; typing and scrolling must not wait for either.
import { t } from './i18n.js';
/* global WORKER_FILE, ENGINE_FILES, OFFLINE */

// Failures that are not the engine's answer: no WebAssembly, a file that did not load, a worker that died.
export class EngineUnavailable extends Error {}

// Fetched here, while the worker starts, unless early.js has asked for it already.
async function engineBytes(part) {
  const response = await (globalThis.engineFile ??= fetch(new URL(ENGINE_FILES[part], import.meta.url)));
  if (!response.ok) throw new Error(`${response.status} for ${ENGINE_FILES[part]}`);
  return response.arrayBuffer();
}

// Starts the engine: the `part` that the page asks for first (pages.mjs), 'language' or 'whole'; the worker fetches the
// whole when something else is asked. `call(request)` gives a promise of the response object of docs/api.md.
export function startEngine(part = 'language') {
  const waiting = new Map(); // id -> {resolve, reject}
  let next = 1;
  let broken = null;

  const fail = (message) => {
    broken = new EngineUnavailable(message);
    for (const { reject } of waiting.values()) reject(broken);
    waiting.clear();
  };

  let worker;
  if (typeof WebAssembly !== 'object') {
    fail(t('broken-no-wasm'));
  } else if (OFFLINE) {
    const here = import('./engine_here.js').then(({ engineHere }) => engineHere());
    here.catch((error) => fail(t('broken-not-loaded', { problem: error.message })));
    const finish = (id, response) => {
      waiting.get(id)?.resolve(response);
      waiting.delete(id);
    };
    worker = {
      postMessage: ({ id, request, open, cancel }) =>
        here.then(({ answer, openWeights, cancelled }) => {
          if (cancel) cancelled(cancel);
          else if (open) openWeights(id, open, (bytes) => waiting.get(id)?.progress?.(bytes)).then((response) => finish(id, response));
          else setTimeout(() => finish(id, answer(request))); // after what is being drawn
        }, () => {}),
    };
  } else {
    worker = new Worker(new URL(WORKER_FILE, import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }) => {
      if (data.failed !== undefined && !data.id) return fail(data.failed);
      if (data.progress !== undefined) return waiting.get(data.id)?.progress?.(data.progress);
      if (data.failed === undefined) waiting.get(data.id)?.resolve(data.response);
      else waiting.get(data.id)?.reject(new EngineUnavailable(t('broken-not-loaded', { problem: data.failed })));
      waiting.delete(data.id);
    };
    worker.onerror = (event) => fail(t('broken-not-loaded', { problem: event.message ?? '' }));
    engineBytes(part).then(
      (wasm) => worker.postMessage({ wasm, part }, [wasm]),
      (error) => fail(t('broken-not-loaded', { problem: error.message })),
    );
  }

  const send = (message, progress, signal) => {
    if (broken) return Promise.reject(broken);
    const id = next++;
    signal?.addEventListener('abort', () => worker.postMessage({ cancel: id }), { once: true });
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject, progress });
      worker.postMessage({ id, ...message });
    });
  };
  return {
    call: (request) => send({ request }),
    // Reads weights: files of this computer or an address, see files/open.js. `progress(bytes)` hears how far it is.
    // Resolves in any case: {ok: false} with `source` (the way there) or `error` says what went wrong.
    open: (source, { progress, signal }) =>
      send({ open: source }, progress, signal).catch(({ message }) => ({ ok: false, error: { path: '', message } })),
  };
}

// Answers only the newest question. While one call runs, later requests replace each other; an answer that a newer
// request has overtaken is dropped. `draw(request, response)` and `failed(error)` are called for what is left.
export function newestOnly(engine, draw, failed) {
  let running = false;
  let pending = null;

  async function run() {
    running = true;
    while (pending) {
      const request = pending;
      pending = null;
      try {
        const response = await engine.call(request);
        if (!pending) draw(request, response);
      } catch (error) {
        if (!pending) failed(error);
      }
    }
    running = false;
  }

  return (request) => {
    pending = request;
    if (!running) run();
  };
}
