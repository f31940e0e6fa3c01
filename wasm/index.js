// vram-estimator for browsers and workers; in node the package's exports lead to node.js, which wraps this file.
import { engineOf } from './engine.js';
import createModule from './vram.js';

const engine = engineOf(createModule, new URL('./vram.wasm', import.meta.url));
export const { load, call, estimate, sweep } = engine;

/**
 * Reads what a file or folder of weights holds, by its headers: GGUF, safetensors, Diffusers folders and so on.
 * `sources`: {files: [{name, bytes}], complete}. `read(name, offset, length)` gives a promise of a Uint8Array (at most
 * `length` bytes; fewer where the file ends), or of null when the file cannot be had. The answer is
 * {ok: true, file} or {ok: false, error}; `file` goes into a request as {model: {file}}. docs/api.md, "Files".
 */
export async function readFile(sources, read, { signal } = {}) {
  const reader = new (engine.loaded().FileReader)(JSON.stringify(sources));
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
