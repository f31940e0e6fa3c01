#include <algorithm>

#include "llm/parts.hpp"

namespace vram {
namespace {

// What of a layer decides how large its activations get.
struct Widths {
  std::int64_t attention = 0, mixer = 0, ffn = 0, experts = 0;
  friend bool operator==(const Widths&, const Widths&) = default;
};

Widths widths_of(const Layer& layer) {
  Widths w;
  if (layer.attention) w.attention = mul(layer.attention->num_attention_heads, layer.attention->head_dim);
  if (layer.latent) w.attention = layer.latent->num_attention_heads;
  if (layer.compressed) w.attention = layer.compressed->num_attention_heads;
  if (layer.state) w.mixer = layer.state->in_proj;
  if (layer.ffn) w.ffn = layer.ffn->intermediate_size;
  if (layer.experts) w.experts = layer.experts->moe_intermediate_size;
  return w;
}

}  // namespace

std::vector<const Layer*> distinct_layers(const Model& model, std::int64_t first, std::int64_t last) {
  std::vector<const Layer*> distinct;
  std::vector<Widths> seen;
  for (std::int64_t i = first; i < last; ++i) {
    const Layer& layer = model.layers[static_cast<std::size_t>(i)];
    const Widths widths = widths_of(layer);
    if (std::find(seen.begin(), seen.end(), widths) != seen.end()) continue;
    seen.push_back(widths);
    distinct.push_back(&layer);
  }
  return distinct;
}

}  // namespace vram
