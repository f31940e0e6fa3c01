// Where the build leaves what these tests look at (Makefile).
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const dist = `${root}build/wasm/dist/`;
export const cli = process.env.VRAM_CLI ?? `${root}build/release/cli/vram-estimator`;
