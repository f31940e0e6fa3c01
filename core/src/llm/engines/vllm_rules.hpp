// What changed from one release of vLLM to the next, as far as memory is concerned. Internal to the vLLM engine.
#pragma once

#include <string_view>

#include "vram/llm.hpp"

namespace vram {

// Bytes that the sampler needs per request and vocabulary entry, logits included.
enum class VllmSampler : std::uint8_t {
  sort,      // PyTorch: sorts the whole vocabulary
  in_place,  // FlashInfer or Triton: a copy for the masked logits, one for the probabilities
};

struct VllmRules {
  bool v1 = true;                  // the engine's core: V0 or V1
  bool context_in_budget = false;  // all memory in use counts against the budget: driver context, other programs
  bool graphs_in_budget = false;   // captured graphs are profiled and taken off the cache
  double gpu_memory_utilization = 0.9;
  std::int64_t max_num_batched_tokens = 0;
  std::int64_t max_num_seqs = 0;
  bool chunked_prefill = true;
  std::int64_t block_size = 16;
  VllmSampler sampler = VllmSampler::sort;
  VllmSampler least_sampler = VllmSampler::sort;  // what the same release does when it finds the library, or not
  VllmSampler most_sampler = VllmSampler::sort;
  bool profiles_sampler = true;
  bool latent_cache = true;            // multi-head latent attention keeps latents; false: full keys and values
  bool latent_absorbed = false;        // and products of its projections, beside them
  std::int64_t latent_alignment = 1;   // bytes that a cache entry of one token is padded to
  bool hybrid_groups = true;           // layers with windows get blocks of their own
  double group_ratio = 1;              // the larger kind of layer sets the group size up to this ratio
  bool tokens_by_concurrency = false;  // "KV cache size" is concurrency x max_model_len
  bool text_only_by_limit = false;     // limit_mm_per_prompt 0 leaves the tower out
  std::int64_t largest_graph = 512;    // default of the largest captured batch
  bool wide_graph_steps = false;       // above 256 in steps of 16
};

// The rules of this release on this GPU. Reads the request as far as the release itself decides by it: model, context,
// data type of the cache, and those of `options` that are given.
VllmRules vllm_rules(const LlmRequest& request, const VllmOptions& options);

// Captured batch sizes: how many, with every default filled in.
std::int64_t captured_sizes(const VllmRules& rules, const VllmOptions& options);

}  // namespace vram
