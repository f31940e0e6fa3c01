// What one GPU of a vLLM server holds. Internal to the vLLM engine.
#pragma once

#include <algorithm>

#include "llm/engines/vllm_cache.hpp"
#include "vram/llm.hpp"

namespace vram {

// Everything one rank of a pipeline stage holds.
struct Rank {
  Bytes weights = 0;
  Bytes tower = 0;
  Interval forward;    // while prompts pass through
  Interval sampler;    // while the next tokens are drawn
  Interval framework;  // inside the budget
  Interval communication;
  Interval graphs;  // outside the budget
  CacheLayout layout;
  std::int64_t wanted_blocks = 0;
  Bytes cache = 0;  // for the sequences asked for

  // What the budget must hold besides the cache.
  Interval fixed() const {
    const Interval profile{std::max(forward.low, sampler.low), std::max(forward.expected, sampler.expected),
                           std::max(forward.high, sampler.high)};
    return Interval::exact(add(weights, tower)) + profile + framework + communication;
  }
};

Rank rank_of(const LlmRequest& request, const VllmOptions& options, int stage);

// Cosines and sines for every position, once per model, in the model's 16-bit type (rotary_embedding/base.py).
Bytes rotary_bytes(const Model& model);

// The memory that vLLM allows itself on one GPU; 0 for a GPU of unknown size.
Bytes budget_bytes(const LlmRequest& request, const VllmOptions& options);

}  // namespace vram
