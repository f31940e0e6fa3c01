// vram-estimator for browsers and workers; in node the package's exports lead to node.js, which wraps this file.
// Text in, text out; object in, object out. Requests and responses: index.d.ts and docs/api.md.
import createModule from './vram.js';

// The core refuses longer requests (docs/api.md). A character is at least a byte, so this much is enough for it to see
// that a request is too long, and the rest need not be copied into its memory.
const REQUEST_LIMIT_BYTES = 8 * 1024 * 1024;

const decoder = new TextDecoder();
let loading;
let engine;

/** Loads the engine once; later calls return the same promise. A failed load may be tried again. */
export function load({ wasm = new URL('./vram.wasm', import.meta.url) } = {}) {
  loading ??= createModule(typeof wasm === 'string' || wasm instanceof URL
      ? { locateFile: () => String(wasm) }
      : { wasmBinary: wasm })
    .then(module => { engine = module; })
    .catch(error => { loading = undefined; throw error; });
  return loading;
}

/** Answers one request. Never throws for what is in the request: errors come back as {ok: false, error}. */
export function call(request) {
  if (!engine) throw new Error("vram-estimator: 'await load()' before the first call");
  if (typeof request === 'string') {
    return decoder.decode(engine.call(request.slice(0, REQUEST_LIMIT_BYTES + 1)));
  }
  return JSON.parse(call(JSON.stringify(request) ?? ''));
}

/** call({op: 'estimate', ...request}) */
export const estimate = request => call({ op: 'estimate', ...request });

/** call({op: 'sweep', ...request}) with its columns as typed arrays: NaN stands where JSON has null. */
export function sweep(request) {
  if (!engine) throw new Error("vram-estimator: 'await load()' before the first call");
  const bytes = engine.sweep(JSON.stringify({ op: 'sweep', ...request }).slice(0, REQUEST_LIMIT_BYTES + 1));
  const end = bytes.indexOf(0);
  if (end < 0) return JSON.parse(decoder.decode(bytes));
  const { columns, ...answer } = JSON.parse(decoder.decode(bytes.subarray(0, end)));
  const numbers = end + 1;
  const verdicts = numbers + columns.length * 8 * answer.cells;
  answer.verdict = new Uint8Array(bytes.slice(verdicts).buffer);
  columns.forEach(({ name, group }, index) => {
    const from = numbers + index * 8 * answer.cells;
    const home = group ? (answer[group] ??= {}) : answer;
    home[name] = new Float64Array(bytes.slice(from, from + 8 * answer.cells).buffer);
  });
  return answer;
}

/**
 * Reads what a file or folder of weights holds, by its headers: GGUF, safetensors, Diffusers folders and so on.
 * `sources`: {files: [{name, bytes}], complete}. `read(name, offset, length)` gives a promise of a Uint8Array (at most
 * `length` bytes; fewer where the file ends), or of null when the file cannot be had. The answer is
 * {ok: true, file} or {ok: false, error}; `file` goes into a request as {model: {file}}. docs/api.md, "Files".
 */
export async function readFile(sources, read, { signal } = {}) {
  if (!engine) throw new Error("vram-estimator: 'await load()' before the first call");
  const reader = new engine.FileReader(JSON.stringify(sources));
  try {
    let answer = JSON.parse(reader.next());
    while (answer.need) {
      // Side by side: a model in many parts is as fast as the source can be.
      const parts = await Promise.all(answer.need.map(
        async need => ({ need, bytes: await read(need.file, need.offset, need.length, need) })));
      for (const { need, bytes } of parts) {
        signal?.throwIfAborted();
        if (bytes) reader.room(bytes.length).set(bytes);
        const next = bytes ? reader.push(need.file, need.offset, bytes.length) : reader.missing(need.file);
        answer = JSON.parse(next);
        if (!answer.need) break;
      }
    }
    return answer;
  } finally {
    reader.delete();
  }
}
