// What vLLM's profile run allocates besides the weights. Internal to the vLLM engine.
#pragma once

#include "vram/llm.hpp"

namespace vram {

// Peak of live tensors while `max_num_batched_tokens` tokens pass through the largest of the layers first..last.
Bytes forward_peak_bytes(const Model& model, const VllmOptions& options, std::int64_t first, std::int64_t last);

// Peak of live tensors while the sampler sorts the logits of every sequence (top-k, top-p).
Bytes sampler_peak_bytes(const Model& model, const VllmOptions& options);
// The same for a sampler that needs no sort (FlashInfer, and vLLM's own kernels in later versions).
Bytes sampler_without_sort_bytes(const Model& model, const VllmOptions& options);

// cuBLAS workspace, which PyTorch takes from its own pool.
Bytes cublas_workspace_bytes(const Gpu& gpu);

}  // namespace vram
