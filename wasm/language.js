// vram-estimator/language: inference of language models alone, in a fraction of the bytes. For browsers and workers; in node
// the package's exports lead to node_language.js, which wraps this file.
import { engineOf } from './engine.js';
import createModule from './vram-language.js';

export const { load, call, estimate, sweep } = engineOf(createModule, new URL('./vram-language.wasm', import.meta.url));
