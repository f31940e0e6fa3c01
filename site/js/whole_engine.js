// Everything the engine answers, and reading weights with it: in a worker when something asks for it, or on the page's own
// thread in the offline copy.
import { call, load } from 'vram-estimator';
import { reader } from '../files/open.js';

export async function wholeEngine(wasm) {
  await load({ wasm });
  return { answer: call, ...reader() };
}
