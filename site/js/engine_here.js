// The engine on the page's own thread, from the page itself: for the pages that are opened from a disk, where neither a
// worker nor a second file may be loaded.
import { wholeEngine } from './whole_engine.js';

export async function engineHere() {
  const packed = Uint8Array.from(atob(document.getElementById('engine').textContent.trim()), (character) => character.charCodeAt(0));
  const wasm = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'))).arrayBuffer();
  return wholeEngine(wasm);
}
