// Published peaks of diffusion pipelines, each held against what was counted: what torch allocated, what its allocator
// reserved, or what the driver shows. Where that is not stated, against what the allocator reserved. Rows in the common
// form; what the rules refuse is counted.
import { figureOf } from '../rows.mjs';

export const refusals = true;
export const request = (row) => row.request;

const memory = { 'peak allocated': 'allocated', 'peak reserved': 'reserved', 'nvidia-smi': 'nvidia_smi', 'peak, counting not stated': 'reserved' };

// stable-diffusion.cpp logs each buffer by itself.
const buffers = { 'unet compute buffer': 'denoise', 'vae compute buffer': 'vae_decode' };
const part = (answer, term) => {
  if (buffers[term]) return answer.stages.find(({ stage }) => stage === buffers[term]).activations;
  const { bytes } = answer.pipeline.components.find(({ role }) => `weights of ${role}` === term);
  return { low: bytes, expected: bytes, high: bytes };
};

export const samples = (answer, row) =>
  Object.keys(row.measured).map((term) => ({ term, arch: row.arch, ...figureOf(row, term), ...(memory[term] ? answer.memory[memory[term]] : part(answer, term)) }));
