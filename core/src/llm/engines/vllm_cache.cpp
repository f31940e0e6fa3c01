// vLLM 0.11: vllm/v1/core/kv_cache_utils.py (_get_kv_cache_groups_uniform_page_size, get_num_blocks,
// get_max_concurrency_for_kv_cache_config), vllm/v1/kv_cache_interface.py (max_memory_usage_bytes of each spec),
// vllm/model_executor/models/config.py (HybridAttentionMambaModelConfig: the attention block grows to the state's
// page). V0: vllm/worker/cache_engine.py (get_cache_block_size), vllm/config.py (get_head_size).
#include "llm/engines/vllm_cache.hpp"

#include <algorithm>

#include "llm/engines/vllm_extras.hpp"
#include "llm/parts.hpp"

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

// Before MLA had a cache of its own: full keys and values in heads of 256, the next size FlashAttention had (0.6.6
// config.py, get_head_size).
Bytes expanded_token_bytes(const LatentAttention& latent, const TensorType& k, std::int64_t tp) {
  return mul(2, row_bytes(k, mul(ceil_div(latent.num_attention_heads, tp), 256), 1));
}

void put_layer(std::vector<Bucket>& buckets, const LlmRequest& request, const VllmRules& rules, const Layer& layer,
               std::int64_t tp) {
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
  if (layer.latent) {
    const Bytes bytes = rules.latent_cache
                            ? round_up(latent_token_bytes(*layer.latent, *request.type_k), rules.latent_alignment)
                            : expanded_token_bytes(*layer.latent, *request.type_k, tp);
    put(buckets, Type::full, bytes, 0);
  }
  if (layer.state) {
    const StateMixer& s = *layer.state;
    put(buckets, Type::state,
        add(mul(ceil_div(s.state_elements, tp), state_bytes_per_element(*request.model, s)),
            mul(ceil_div(s.conv_elements, tp), 2)),
        0);
  }
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

CacheLayout grouped(const std::vector<Bucket>& buckets, const VllmRules& rules, const VllmOptions& options) {
  std::int64_t block_size = options.block_size;
  Bytes largest_token = 0;
  Bytes state = 0;
  bool all_full = true;
  for (const Bucket& bucket : buckets) {
    all_full = all_full && bucket.type == Type::full;
    (bucket.type == Type::state ? state : largest_token) =
        std::max(bucket.type == Type::state ? state : largest_token, bucket.token_bytes);
  }
  if (all_full) return one_group(buckets, block_size);
  if (!rules.hybrid_groups && state == 0) return one_group(buckets, block_size);  // every layer keeps every token
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
  const bool alike = static_cast<double>(most) < static_cast<double>(fewest) * rules.group_ratio;
  const std::int64_t size = alike ? most : fewest;
  layout.block_bytes = mul(page, size);
  for (const Bucket& bucket : buckets) {
    const std::int64_t tokens = bucket.type == Type::state ? options.max_model_len : page / bucket.token_bytes;
    layout.groups.push_back({bucket.type, ceil_div(bucket.layers, size), tokens, bucket.window});
  }
  return layout;
}

}  // namespace

CacheLayout cache_layout(const LlmRequest& request, const VllmRules& rules, const VllmOptions& options,
                         std::int64_t first, std::int64_t last) {
  const Model& model = *request.model;
  std::vector<Bucket> buckets;
  bool compressed = false;
  const auto put_layers = [&](const LlmRequest& of, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) {
      const Layer& layer = of.model->layers[static_cast<std::size_t>(i)];
      put_layer(buckets, of, rules, layer, options.tensor_parallel_size);
      if (!layer.compressed) continue;
      compressed = true;
      const Bytes bytes = tight_cache_bytes(layer, *of.type_k, *of.type_v, options.max_model_len, 1);
      put(buckets, Type::full, ceil_div(bytes, options.max_model_len), 0);
    }
  };
  put_layers(request, first, last);
  // A draft's layers are on the last stage and share the blocks (v1/spec_decode/eagle.py). The model's own prediction
  // layer is one more of its last kind.
  const auto count = static_cast<std::int64_t>(model.layers.size());
  if (last == count && count > 0) {
    const Speculation& speculation = options.speculative_config;
    if (speculation.method == Speculation::Method::mtp) put_layers(request, count - 1, count);
    if (speculation.draft) {
      const LlmRequest own = draft_request(request, *speculation.draft);
      put_layers(own, 0, static_cast<std::int64_t>(own.model->layers.size()));
    }
  }
  CacheLayout layout;
  if (!rules.v1) {
    // V0 keeps recurrent states apart, for every sequence of a batch (worker caches of the models themselves).
    for (const Bucket& bucket : buckets) {
      if (bucket.type == Type::state) {
        layout.state_bytes =
            add(layout.state_bytes, product({bucket.token_bytes, bucket.layers, options.max_num_seqs}));
      }
    }
    std::erase_if(buckets, [](const Bucket& bucket) { return bucket.type == Type::state; });
  }
  if (buckets.empty()) return layout;
  const Bytes state_bytes = layout.state_bytes;
  layout = grouped(buckets, rules, options);
  layout.state_bytes = state_bytes;
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

}  // namespace vram
