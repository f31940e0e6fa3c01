// What index.js (everything) and language.js (inference of language models) have in common: a module of the engine, loaded
// and called. Text in, text out; object in, object out. Requests and responses: index.d.ts and docs/api.md.

// The core refuses longer requests (docs/api.md). A character is at least a byte, so this much is enough for it to see
// that a request is too long, and the rest need not be copied into its memory.
const REQUEST_LIMIT_BYTES = 8 * 1024 * 1024;

const decoder = new TextDecoder();

/** `createModule`: the module's own JavaScript. `file`: the URL of its .wasm, if `load` is given no other. */
export function engineOf(createModule, file) {
  let loading;
  let engine;
  /** The module itself. */
  const loaded = () => {
    if (!engine) throw new Error("vram-estimator: 'await load()' before the first call");
    return engine;
  };

  /** Loads the engine once; later calls return the same promise. A failed load may be tried again. */
  function load({ wasm = file } = {}) {
    loading ??= createModule(typeof wasm === 'string' || wasm instanceof URL
        ? { locateFile: () => String(wasm) }
        : { wasmBinary: wasm })
      .then(module => { engine = module; })
      .catch(error => { loading = undefined; throw error; });
    return loading;
  }

  /**
   * Answers one request. Never throws for what is in the request: errors come back as {ok: false, error}. What only the
   * whole engine answers, language.js answers with undefined.
   */
  function call(request) {
    if (typeof request !== 'string') {
      const answer = call(JSON.stringify(request) ?? '');
      return answer && JSON.parse(answer);
    }
    return decoder.decode(loaded().call(request.slice(0, REQUEST_LIMIT_BYTES + 1))) || undefined;
  }

  /** call({op: 'estimate', ...request}) */
  const estimate = request => call({ op: 'estimate', ...request });

  /** call({op: 'sweep', ...request}) with its columns as typed arrays: NaN stands where JSON has null. */
  function sweep(request) {
    const bytes = loaded().sweep(JSON.stringify({ op: 'sweep', ...request }).slice(0, REQUEST_LIMIT_BYTES + 1));
    if (!bytes.length) return undefined;
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

  return { load, call, estimate, sweep, loaded };
}
