// vLLM 0.11: vllm/v1/core/kv_cache_utils.py (_get_kv_cache_groups_uniform_page_size, get_num_blocks,
// get_max_concurrency_for_kv_cache_config), vllm/v1/kv_cache_interface.py (max_memory_usage_bytes of each spec),
// vllm/model_executor/models/config.py (HybridAttentionMambaModelConfig: the attention block grows to the state's
// page).
#include "llm/engines/vllm_cache.hpp"

#include <algorithm>

#include "llm/parts.hpp"
#include "vram/solve.hpp"

namespace vram {
namespace {

using Type = CacheGroup::Type;

// Layers with the same specification.
struct Bucket {
  Type type = Type::full;
  std::int64_t token_bytes = 0;  // per token and layer; state: bytes per sequence and layer
  std::int64_t window = 0;
  std::int64_t layers = 0;
};

void put(std::vector<Bucket>& buckets, Type type, Bytes bytes, std::int64_t window) {
  if (bytes == 0) return;
  for (Bucket& bucket : buckets) {
    if (bucket.type == type && bucket.token_bytes == bytes && bucket.window == window) {
      ++bucket.layers;
      return;
    }
  }
  buckets.push_back({type, bytes, window, 1});
}

// Key and value heads are repeated where there are more ranks than heads.
std::int64_t heads_per_rank(std::int64_t heads, std::int64_t tp) { return std::max<std::int64_t>(1, heads / tp); }

// Bytes per element of the recurrent state: the model's own 16-bit type unless its config asks for 32 bits
// (mamba_ssm_dtype of Qwen3.5, mamba_ssm_cache_dtype of Nemotron-H, KDA's fixed float32).
std::int64_t state_bytes_per_element(const Model& model, const StateMixer& mixer) {
  const bool asks = model.model_type.rfind("qwen3_5", 0) == 0 || model.model_type.rfind("nemotron_h", 0) == 0;
  return asks || mixer.kind == StateMixer::Kind::kda ? 4 : 2;
}

Bytes latent_token_bytes(const LatentAttention& latent, const TensorType& k) {
  const std::int64_t rank = latent.kv_lora_rank;
  if (latent.index_n_heads == 0) return row_bytes(k, rank + latent.qk_rope_head_dim, 1);
  // Sparse attention: index keys as bytes with one FP32 scale per 128; with an 8-bit cache the latent has one FP32
  // scale per 128 and the rotary key stays in 16 bits (656 bytes for DeepSeek-V3.2; flashmla_sparse.py).
  const Bytes index = add(latent.index_head_dim, ceil_div(latent.index_head_dim, 128) * 4);
  const bool bytes = k.block_elements == 1 && k.block_bytes == 1;
  const Bytes main = bytes ? add(rank, ceil_div(rank, 128) * 4 + 2 * latent.qk_rope_head_dim)
                           : row_bytes(k, rank + latent.qk_rope_head_dim, 1);
  return add(main, index);
}

void put_layer(std::vector<Bucket>& buckets, const LlmRequest& request, const Layer& layer, std::int64_t tp) {
  if (layer.attention && layer.attention->caches) {
    const Attention& a = *layer.attention;
    const std::int64_t heads = heads_per_rank(a.num_key_value_heads, tp);
    const Bytes bytes = add(row_bytes(*request.type_k, mul(heads, a.head_dim), 1),
                            row_bytes(*request.type_v, mul(heads, a.v_head_dim), 1));
    switch (a.span) {
      case Span::full: put(buckets, Type::full, bytes, 0); break;
      case Span::sliding: put(buckets, a.window > 0 ? Type::sliding : Type::full, bytes, a.window); break;
      case Span::chunked: put(buckets, a.window > 0 ? Type::chunked : Type::full, bytes, a.window); break;
      case Span::cross: put(buckets, Type::cross, bytes, a.cross_tokens); break;
    }
  }
  if (layer.latent) put(buckets, Type::full, latent_token_bytes(*layer.latent, *request.type_k), 0);
  if (layer.state) {
    const StateMixer& s = *layer.state;
    put(buckets, Type::state,
        add(mul(ceil_div(s.state_elements, tp), state_bytes_per_element(*request.model, s)),
            mul(ceil_div(s.conv_elements, tp), 2)),
        0);
  }
}

std::int64_t group_blocks(const CacheGroup& group, const VllmOptions& options, std::int64_t tokens) {
  switch (group.type) {
    case Type::full: return ceil_div(tokens, group.block_size);
    case Type::sliding:
      return ceil_div(std::min(group.window - 1 + options.max_num_batched_tokens, tokens), group.block_size) + 1;
    case Type::chunked:
      return ceil_div(std::min(group.window + options.max_num_batched_tokens, tokens), group.block_size);
    case Type::cross: return ceil_div(group.window, group.block_size);
    case Type::state: return 1;
  }
  return 0;
}

// One group in which every layer keeps every token.
CacheLayout one_group(const std::vector<Bucket>& buckets, std::int64_t block_size) {
  CacheLayout layout;
  for (const Bucket& bucket : buckets) {
    layout.block_bytes = add(layout.block_bytes, product({bucket.token_bytes, bucket.layers, block_size}));
  }
  layout.groups.push_back({Type::full, 1, block_size, 0});
  return layout;
}

CacheLayout grouped(const std::vector<Bucket>& buckets, std::int64_t block_size, const VllmOptions& options) {
  Bytes largest_token = 0;
  Bytes state = 0;
  bool all_full = true;
  for (const Bucket& bucket : buckets) {
    all_full = all_full && bucket.type == Type::full;
    (bucket.type == Type::state ? state : largest_token) =
        std::max(bucket.type == Type::state ? state : largest_token, bucket.token_bytes);
  }
  if (all_full) return one_group(buckets, block_size);
  if (state > 0 && largest_token > 0) {
    block_size = std::max(block_size, mul(16, ceil_div(state, mul(16, largest_token))));
  }
  const Bytes page = largest_token > 0 ? mul(largest_token, block_size) : state;

  CacheLayout layout;
  std::int64_t fewest = INT64_MAX;
  std::int64_t most = 0;
  for (const Bucket& bucket : buckets) {
    fewest = std::min(fewest, bucket.layers);
    most = std::max(most, bucket.layers);
    // Pages of different size cannot share a pool: then every layer keeps every token.
    if (bucket.type != Type::state && page % mul(bucket.token_bytes, block_size) != 0)
      return one_group(buckets, block_size);
  }
  const std::int64_t size = 4 * most < 5 * fewest ? most : fewest;
  layout.block_bytes = mul(page, size);
  for (const Bucket& bucket : buckets) {
    const std::int64_t tokens = bucket.type == Type::state ? options.max_model_len : page / bucket.token_bytes;
    layout.groups.push_back({bucket.type, ceil_div(bucket.layers, size), tokens, bucket.window});
  }
  return layout;
}

}  // namespace

CacheLayout cache_layout(const LlmRequest& request, const VllmOptions& options, std::int64_t first, std::int64_t last) {
  const Model& model = *request.model;
  std::vector<Bucket> buckets;
  bool compressed = false;
  for (std::int64_t i = first; i < last; ++i) {
    const Layer& layer = model.layers[static_cast<std::size_t>(i)];
    put_layer(buckets, request, layer, options.tensor_parallel_size);
    if (!layer.compressed) continue;
    compressed = true;
    const Bytes bytes = tight_cache_bytes(layer, *request.type_k, *request.type_v, options.max_model_len, 1);
    put(buckets, Type::full, ceil_div(bytes, options.max_model_len), 0);
  }
  CacheLayout layout;
  if (buckets.empty()) return layout;
  layout = grouped(buckets, options.block_size, options);
  layout.approximated = compressed;
  layout.min_block_size = INT64_MAX;
  for (const CacheGroup& group : layout.groups) {
    layout.total_groups += group.groups;
    layout.min_block_size = std::min(layout.min_block_size, group.block_size);
  }
  for (const Bucket& bucket : buckets) {
    if (bucket.type == Type::state || bucket.type == Type::cross) continue;
    layout.bytes_per_token += static_cast<double>(bucket.token_bytes) * static_cast<double>(bucket.layers);
  }
  return layout;
}

std::int64_t blocks_per_request(const CacheLayout& layout, const VllmOptions& options, std::int64_t tokens) {
  std::int64_t sum = 0;
  for (const CacheGroup& group : layout.groups) {
    sum = add(sum, mul(group.groups, group_blocks(group, options, tokens)));
  }
  return sum;
}

std::int64_t printed_tokens(const CacheLayout& layout, std::int64_t blocks) {
  return layout.total_groups > 0 ? mul(blocks / layout.total_groups, layout.min_block_size) : 0;
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
