// SGLang: a static share of what is free before the model is loaded holds weights and cache, the rest is for
// activations and graphs. Internal to the SGLang engine.
#pragma once

#include "vram/llm.hpp"

namespace vram {

// One rank of a pipeline stage.
struct SglangRank {
  Bytes weights = 0;
  Interval free_before;  // when loading starts: less display, driver context, NCCL
  Interval communication;
  Interval activations;  // of one chunk of prompts, logits included
  Interval graphs;
  double cell_bytes = 0;  // per token of max_total_num_tokens
  Bytes state_bytes = 0;  // recurrent state of one request
  Interval pool;          // for tokens and states together
  std::int64_t state_slots = 0;
  std::int64_t tokens = 0;  // max_total_num_tokens as this rank would have it
  Bytes request_table = 0;  // req_to_token_pool
};

SglangRank sglang_rank(const LlmRequest& request, const SglangOptions& options, int stage);

// Pool bytes that `sequences` requests of `context` tokens need on this rank.
Bytes sglang_wanted_bytes(const SglangRank& rank, const SglangOptions& options, std::int64_t sequences,
                          std::int64_t context);

std::int64_t sglang_running_requests(const SglangRank& rank, const SglangOptions& options);

}  // namespace vram
