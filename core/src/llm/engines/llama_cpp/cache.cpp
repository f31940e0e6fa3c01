#include "llm/engines/llama_cpp/cache.hpp"

#include <algorithm>

namespace vram::llama_cpp {
namespace {

// Without flash attention V is kept transposed, and every layer as wide as the widest ([TAG_V_CACHE_VARIABLE]).
std::int64_t widest_v(const Model& model) {
  std::int64_t widest = 0;
  for (const Layer& layer : model.layers) {
    if (layer.attention) widest = std::max(widest, layer.attention->num_key_value_heads * layer.attention->v_head_dim);
  }
  return widest;
}

// Hybrids keep a cache for the layers that attend only.
bool has_state(const Model& model) {
  return std::any_of(model.layers.begin(), model.layers.end(), [](const Layer& layer) { return !!layer.state; });
}

}  // namespace

bool has_cache(const Model& model) { return model.causal; }

CacheBytes cache_of(const Model& model, const Layer& layer, const Settings& s, bool on_gpu) {
  CacheBytes bytes;
  const auto padded = [&](Bytes size) { return round_up(size, on_gpu ? 128 : 32); };
  if (layer.state) {
    bytes.state = add(padded(product({layer.state->state_elements, 4, s.n_seq})),
                      padded(product({layer.state->conv_elements, 4, s.n_seq})));
  }
  if (!has_cache(model)) return bytes;
  const auto rows = [&](const TensorType& type, std::int64_t width, std::int64_t cells) {
    Bytes size = row_bytes(type, width, mul(cells, s.n_stream));
    if (on_gpu && type.block_elements > 1 && width % 512 != 0) size = add(size, row_bytes(type, 512 - width % 512, 1));
    return padded(size);
  };
  if (layer.attention && layer.attention->caches) {
    const Attention& a = *layer.attention;
    const bool window = a.window > 0 && a.span != Span::full && a.span != Span::cross && honours_window(model);
    const std::int64_t cells = window ? window_cells(s, a.window) : s.n_ctx_seq;
    const std::int64_t v = s.flash_attn ? a.num_key_value_heads * a.v_head_dim : widest_v(model);
    const Bytes both = add(rows(*s.type_k, a.num_key_value_heads * a.head_dim, cells), rows(*s.type_v, v, cells));
    (window ? bytes.window : bytes.full) = both;
  }
  // Without flash attention values lie transposed, all layers as wide as the widest: those without heads too.
  if (!layer.attention && !layer.latent && !layer.state && !s.flash_attn && !has_state(model)) {
    bytes.full = rows(*s.type_v, widest_v(model), s.n_ctx_seq);
  }
  if (layer.latent) {
    const LatentAttention& l = *layer.latent;
    bytes.full = rows(*s.type_k, l.kv_lora_rank + l.qk_rope_head_dim, s.n_ctx_seq);
    if (l.index_n_heads > 0) bytes.index = rows(*s.type_k, l.index_head_dim, s.n_ctx_seq);
  }
  return bytes;
}

}  // namespace vram::llama_cpp
