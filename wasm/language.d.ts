// vram-estimator/language: estimates, searches and sweeps of language models run by llama.cpp or a program around it, lists
// and references. What only the whole engine answers (other engines, diffusion, training, files, logs, the lists of
// pipelines) is undefined here: ask vram-estimator then.
import type {
  CatalogueRequest, CatalogueResponse, EstimateRequest, EstimateResponse, Failure, Largest, MaxContext, Success,
  SweepRequest, SweepResponse,
} from './index.js';

/** Loads this part of the engine once. `wasm`: where vram-language.wasm is, or its bytes. */
export function load(options?: { wasm?: string | URL | ArrayBuffer | Uint8Array }): Promise<void>;
export function call(request: string): string | undefined;
export function call(request: EstimateRequest & { op: 'estimate' }): EstimateResponse | Failure | undefined;
export function call(request: EstimateRequest & { op: 'max_context' }): (EstimateResponse & { max_context: MaxContext }) | Failure | undefined;
export function call(request: EstimateRequest & { op: 'max_batch' }): (EstimateResponse & { max_batch: Largest }) | Failure | undefined;
export function call(request: CatalogueRequest): CatalogueResponse | Failure | undefined;
export function call(request: { op: string; [key: string]: unknown }): Success | Failure | undefined;
export function estimate(request: EstimateRequest): EstimateResponse | Failure | undefined;
export function sweep(request: SweepRequest): SweepResponse | Failure | undefined;
