// transformers 4.57 cache_utils.py: DynamicLayer, DynamicSlidingWindowLayer (from 4.56; before, a dynamic cache knew no
// window), StaticLayer, StaticSlidingWindowLayer, QuantizedLayer. Keys and values are cached as the attention reads
// them, latent ones expanded (models/deepseek_v3/modeling_deepseek_v3.py).
#include "llm/engines/transformers_cache.hpp"

#include <algorithm>

#include "llm/parts.hpp"

namespace vram {
namespace {

using Cache = TransformersOptions::CacheImplementation;

// Gemma 2 and 3 had a cache of their own before the dynamic one learned windows: HybridCache, static.
bool knows_windows(const TransformersOptions& options) {
  return options.version >= 456 || options.cache_implementation == Cache::static_cache ||
         options.cache_implementation == Cache::offloaded_static;
}

// Packed integers, a scale and a zero point per group in the compute type, the newest tokens as they are.
Bytes quantized(const LlmRequest& request, const TransformersOptions& options, std::int64_t width, std::int64_t tokens,
                std::int64_t rows) {
  const std::int64_t plain = std::min(tokens, options.residual_length);
  const std::int64_t elements = product({width, std::max<std::int64_t>(0, tokens), rows});
  const Bytes packed = ceil_div(mul(elements, options.nbits), 8);
  const Bytes scales = product({ceil_div(elements, options.q_group_size), 2, compute_bytes(*request.model)});
  return add(add(packed, scales), product({width, plain, rows, compute_bytes(*request.model)}));
}

}  // namespace

LayerCache layer_cache(const LlmRequest& request, const TransformersOptions& options, const Layer& layer,
                       std::int64_t rows) {
  const TensorType& k = *request.type_k;
  const TensorType& v = *request.type_v;
  LayerCache cache;
  KvWidth width = kv_width(layer);
  std::int64_t kept = cached_tokens(layer, request.context);
  std::int64_t whole = kept;
  if (layer.latent) {
    const LatentAttention& a = *layer.latent;
    width = {mul(a.num_attention_heads, a.qk_nope_head_dim + a.qk_rope_head_dim),
             mul(a.num_attention_heads, a.v_head_dim)};
    kept = whole = request.context;
  } else if (layer.attention && layer.attention->caches && layer.attention->window > 0) {
    cache.sliding = true;
    whole = request.context;
    if (!knows_windows(options)) kept = whole;
  }
  const std::int64_t prompt = std::max<std::int64_t>(1, request.context - options.max_new_tokens);
  const bool fixed =
      options.cache_implementation == Cache::static_cache || options.cache_implementation == Cache::offloaded_static;
  const auto bytes = [&](std::int64_t tokens) {
    return add(row_bytes(k, width.k, mul(tokens, rows)), width.v > 0 ? row_bytes(v, width.v, mul(tokens, rows)) : 0);
  };
  if (layer.compressed) {
    cache.at_decode = tight_cache_bytes(layer, k, v, request.context, rows);
    cache.at_prefill = cache.at_decode;
  } else if (options.cache_implementation == Cache::quantized && !cache.sliding) {
    cache.at_decode =
        add(quantized(request, options, width.k, kept, rows), quantized(request, options, width.v, kept, rows));
    cache.at_prefill = cache.at_decode;
  } else {
    cache.at_decode = bytes(kept);
    // The window of a dynamic layer is a view: the whole prompt stays until the first token replaces it.
    cache.at_prefill = fixed ? cache.at_decode : bytes(std::min(whole, prompt));
  }
  cache.k = row_bytes(k, width.k, mul(kept, rows));
  cache.plain = bytes(kept);
  if (layer.state) {
    // The state in 32 bits; the convolution keeps d_conv columns, one more than it needs.
    const StateMixer& s = *layer.state;
    cache.state =
        mul(rows, add(mul(s.state_elements, 4), product({s.conv_channels, s.d_conv, compute_bytes(*request.model)})));
  }
  return cache;
}

}  // namespace vram
