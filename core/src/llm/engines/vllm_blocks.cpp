// Blocks that requests take. vLLM 0.11: vllm/v1/kv_cache_interface.py (max_memory_usage_bytes of each spec),
// vllm/v1/core/kv_cache_utils.py (get_max_concurrency_for_kv_cache_config, estimate_max_model_len).
#include <algorithm>

#include "llm/engines/vllm_cache.hpp"
#include "vram/solve.hpp"

namespace vram {
namespace {

using Type = CacheGroup::Type;

std::int64_t group_blocks(const CacheGroup& group, const VllmOptions& options, std::int64_t tokens) {
  switch (group.type) {
    case Type::full: return ceil_div(ceil_div(tokens, options.decode_context_parallel_size), group.block_size);
    case Type::sliding:
      return ceil_div(std::min(group.window - 1 + options.max_num_batched_tokens, tokens), group.block_size) + 1;
    case Type::chunked:
      return ceil_div(std::min(group.window + options.max_num_batched_tokens, tokens), group.block_size);
    case Type::cross: return ceil_div(group.window, group.block_size);
    case Type::state: return 1;
  }
  return 0;
}

}  // namespace

std::int64_t blocks_per_request(const CacheLayout& layout, const VllmOptions& options, std::int64_t tokens) {
  std::int64_t sum = 0;
  for (const CacheGroup& group : layout.groups) {
    sum = add(sum, mul(group.groups, group_blocks(group, options, tokens)));
  }
  return sum;
}

double max_concurrency(const CacheLayout& layout, const VllmOptions& options, std::int64_t blocks) {
  const std::int64_t needed = blocks_per_request(layout, options, options.max_model_len);
  return needed > 0 ? static_cast<double>(blocks) / static_cast<double>(needed) : 0;
}

std::int64_t printed_tokens(const CacheLayout& layout, const VllmRules& rules, const VllmOptions& options,
                            std::int64_t blocks) {
  if (layout.total_groups == 0) return 0;
  if (rules.tokens_by_concurrency) {
    return static_cast<std::int64_t>(max_concurrency(layout, options, blocks) *
                                     static_cast<double>(options.max_model_len));
  }
  const std::int64_t tokens = mul(blocks / layout.total_groups, layout.min_block_size);
  return mul(tokens, options.decode_context_parallel_size);
}

std::int64_t longest_request(const CacheLayout& layout, const VllmOptions& options, std::int64_t blocks) {
  std::int64_t low = 0;
  std::int64_t high = kContextLimit;
  while (low < high) {
    const std::int64_t middle = high - (high - low) / 2;
    if (blocks_per_request(layout, options, middle) <= blocks) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace vram
