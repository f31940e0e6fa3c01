// The cache of one layer, and per-token figures. Formulas: arXiv 1911.02150 and 2305.13245 (MQA, GQA),
// 2405.04434 section 2.1 (MLA: one latent and one rotary key per token), deepseek-ai/DeepSeek-V3.2 inference/model.py
// (index keys), deepseek-ai/DeepSeek-V4 config.json (compress_ratios).
#include <algorithm>

#include "llm/parts.hpp"

namespace vram {
namespace {

std::int64_t index_head_dim(const Layer& layer) {
  if (layer.latent && layer.latent->index_n_heads > 0) return layer.latent->index_head_dim;
  if (layer.compressed && layer.compressed->index_n_heads > 0) return layer.compressed->index_head_dim;
  return 0;
}

double bytes_per_token(const KvWidth& width, const TensorType& k, const TensorType& v) {
  const Bytes bytes = add(row_bytes(k, width.k, 1), width.v > 0 ? row_bytes(v, width.v, 1) : 0);
  return static_cast<double>(bytes);
}

bool windowed(const Layer& layer) {
  return layer.attention && (layer.attention->span == Span::sliding || layer.attention->span == Span::chunked);
}

}  // namespace

KvWidth kv_width(const Layer& layer) {
  if (layer.attention && layer.attention->caches) {
    const Attention& a = *layer.attention;
    return {mul(a.num_key_value_heads, a.head_dim), mul(a.num_key_value_heads, a.v_head_dim)};
  }
  if (layer.latent) return {layer.latent->kv_lora_rank + layer.latent->qk_rope_head_dim, 0};
  if (layer.compressed) return {layer.compressed->head_dim, 0};
  return {};
}

std::int64_t cached_tokens(const Layer& layer, std::int64_t context) {
  if (layer.attention) {
    const Attention& a = *layer.attention;
    if (!a.caches) return 0;
    switch (a.span) {
      case Span::full: return context;
      case Span::sliding:
      case Span::chunked: return a.window > 0 ? std::min(context, a.window) : context;
      case Span::cross: return a.cross_tokens;
    }
  }
  if (layer.latent) return context;
  if (layer.compressed) return std::min(context, layer.compressed->window);
  return 0;
}

Bytes tight_cache_bytes(const Layer& layer, const TensorType& k, const TensorType& v, std::int64_t context,
                        std::int64_t sequences) {
  const KvWidth width = kv_width(layer);
  const std::int64_t tokens = cached_tokens(layer, context);
  Bytes row = add(row_bytes(k, width.k, tokens), width.v > 0 ? row_bytes(v, width.v, tokens) : 0);
  const std::int64_t index = index_head_dim(layer);
  if (layer.latent && index > 0) row = add(row, row_bytes(k, index, context));
  if (layer.compressed && layer.compressed->compress_ratio > 0) {
    row = add(row, row_bytes(k, width.k + index, ceil_div(context, layer.compressed->compress_ratio)));
  }
  return mul(row, sequences);
}

double kv_bytes_per_token_full(const Model& model, const TensorType& k, const TensorType& v) {
  double sum = 0;
  for (const Layer& layer : model.layers) {
    const std::int64_t index = index_head_dim(layer);
    if (layer.compressed) {
      const double ratio = static_cast<double>(layer.compressed->compress_ratio);
      if (ratio > 0) sum += bytes_per_token({layer.compressed->head_dim + index, 0}, k, v) / ratio;
      continue;
    }
    if (windowed(layer) || (layer.attention && layer.attention->span == Span::cross)) continue;
    sum += bytes_per_token(kv_width(layer), k, v);
    if (index > 0) sum += bytes_per_token({index, 0}, k, v);
  }
  return sum;
}

double kv_bytes_per_token_windowed(const Model& model, const TensorType& k, const TensorType& v) {
  double sum = 0;
  for (const Layer& layer : model.layers) {
    if (windowed(layer) || layer.compressed) sum += bytes_per_token(kv_width(layer), k, v);
  }
  return sum;
}

std::int64_t state_elements(const Model& model) {
  std::int64_t sum = 0;
  for (const Layer& layer : model.layers) sum = add(sum, layer.state ? layer.state->state_elements : 0);
  return sum;
}

std::int64_t conv_elements(const Model& model) {
  std::int64_t sum = 0;
  for (const Layer& layer : model.layers) sum = add(sum, layer.state ? layer.state->conv_elements : 0);
  return sum;
}

}  // namespace vram
