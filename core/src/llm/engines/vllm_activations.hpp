// What vLLM's profile run allocates besides the weights. Internal to the vLLM engine.
#pragma once

#include "llm/engines/vllm_rules.hpp"

namespace vram {

// Peak of live tensors while `max_num_batched_tokens` tokens pass through the largest of the layers first..last.
Bytes forward_peak_bytes(const Model& model, const VllmOptions& options, std::int64_t first, std::int64_t last);

// Peak of live tensors while the sampler draws a token for every sequence with top-k and top-p.
Bytes sampler_peak_bytes(const Model& model, const VllmOptions& options, VllmSampler sampler);
// Logits alone, in 16 and in 32 bits, and the hidden states they are made from.
Bytes logits_bytes(const Model& model, const VllmOptions& options);

// Profile run of a vision or audio tower: the peak inside it, and what it leaves behind for the text model's own run.
struct EncoderRun {
  Interval peak;
  Interval outputs;
};
EncoderRun encoder_run(const Model& model, const VllmRules& rules, const VllmOptions& options);

// cuBLAS workspace, which PyTorch takes from its own pool.
Bytes cublas_workspace_bytes(const Gpu& gpu);

}  // namespace vram
