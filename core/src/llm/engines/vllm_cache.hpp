// vLLM's paged cache: layers in groups, groups in blocks of one size. Internal to the vLLM engine.
#pragma once

#include <cstdint>
#include <vector>

#include "llm/engines/vllm_rules.hpp"

namespace vram {

// Layers that share a block table.
struct CacheGroup {
  enum class Type : std::uint8_t { full, sliding, chunked, cross, state };
  Type type = Type::full;
  std::int64_t groups = 1;       // groups of this kind
  std::int64_t block_size = 16;  // tokens per block
  std::int64_t window = 0;       // sliding, chunked: tokens; cross: tokens held
};

// The cache of one rank.
struct CacheLayout {
  std::vector<CacheGroup> groups;  // empty: nothing is cached
  Bytes block_bytes = 0;           // one block in the pool: a page of every layer of a group
  std::int64_t total_groups = 0;
  std::int64_t min_block_size = 16;
  Bytes state_bytes = 0;       // V0: recurrent states, beside the blocks
  double bytes_per_token = 0;  // of all layers that keep every token, before any grouping
  bool approximated = false;   // compressed attention: vLLM's own layout is not modelled
};

// `first`..`last`: the layers of this pipeline stage.
CacheLayout cache_layout(const LlmRequest& request, const VllmRules& rules, const VllmOptions& options,
                         std::int64_t first, std::int64_t last);

// Blocks that one request of `tokens` tokens can hold at most, over all groups. Never decreases with `tokens`.
std::int64_t blocks_per_request(const CacheLayout& layout, const VllmOptions& options, std::int64_t tokens);

// Requests of max_model_len tokens that so many blocks hold; 0 when nothing is cached.
double max_concurrency(const CacheLayout& layout, const VllmOptions& options, std::int64_t blocks);

// What vLLM prints as "GPU KV cache size" for so many blocks.
std::int64_t printed_tokens(const CacheLayout& layout, const VllmRules& rules, const VllmOptions& options,
                            std::int64_t blocks);

// The longest request that fits in so many blocks; 0 when none does.
std::int64_t longest_request(const CacheLayout& layout, const VllmOptions& options, std::int64_t blocks);

}  // namespace vram
