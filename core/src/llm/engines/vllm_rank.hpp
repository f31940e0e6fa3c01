// What one GPU of a vLLM server holds. Internal to the vLLM engine.
#pragma once

#include <algorithm>

#include "llm/engines/vllm_cache.hpp"

namespace vram {

// Everything one rank of a pipeline stage holds.
struct Rank {
  Bytes weights = 0;  // of the checkpoint, with what the engine derives from it
  Interval adapters;  // LoRA slots
  Interval repacked;  // what another kernel for the same weights would take besides
  Bytes draft = 0;    // weights of a draft model or of prediction layers
  Bytes tower = 0;
  Bytes offloaded = 0;  // of `weights`, in RAM
  Interval forward;     // while prompts pass through
  Interval encoder;     // while images or clips pass through the tower
  Interval sampler;     // while the next tokens are drawn
  Interval framework;   // inside the budget
  Interval outside;     // display and driver context where the budget counts them, else nothing
  Interval communication;
  Interval graphs;  // captured graphs: inside the budget from 0.21 on
  bool graphs_inside = false;
  CacheLayout layout;
  std::int64_t wanted_blocks = 0;
  Bytes cache = 0;  // for the sequences asked for

  // The checkpoint's weights on the GPU, as sure as logs show them to be: 26 text models are within 0.45 % of 31
  // printed figures but for one of 0.2 GiB and one with an unstated mix of formats; with towers up to 2.3 % more was
  // printed.
  Interval held() const;
  // What the budget must hold besides the cache.
  Interval fixed() const;
};

Rank rank_of(const LlmRequest& request, const VllmRules& rules, const VllmOptions& options, int stage);

// What the CUDA runtime reports as total; 0 for a GPU of unknown size.
Bytes runtime_bytes(const Machine& machine);

// The memory that vLLM allows itself on one GPU; 0 for a GPU of unknown size.
Bytes budget_bytes(const LlmRequest& request, const VllmOptions& options);

// What is left for the cache on this rank, or what kv_cache_memory_bytes says.
Interval available_bytes(const LlmRequest& request, const VllmOptions& options, const Rank& rank);

}  // namespace vram
