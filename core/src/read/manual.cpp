// A model known only by its numbers.
#include <cmath>

#include "vram/bytes.hpp"
#include "vram/read.hpp"

namespace vram {

Model model_from(const ManualModel& manual) {
  Model model;
  model.name = "manual";
  model.model_type = "manual";
  model.hidden_size = manual.hidden_size;
  model.vocab_size = manual.vocab_size;
  model.fragmentation_factor = manual.fragmentation_factor;
  model.opaque_bytes = static_cast<std::int64_t>(std::llround(manual.vision_tower_gib * static_cast<double>(kGiB)));

  Layer layer;
  Attention& attention = layer.attention.emplace();
  attention.num_key_value_heads = manual.num_key_value_heads;
  attention.num_attention_heads =
      manual.num_attention_heads > 0 ? manual.num_attention_heads : manual.num_key_value_heads;
  attention.head_dim = attention.v_head_dim = manual.head_dim;
  if (manual.intermediate_size > 0) layer.ffn = FeedForward{manual.intermediate_size, true, false};
  model.layers.assign(static_cast<std::size_t>(manual.num_hidden_layers), layer);

  Tensor all;
  all.role = Role::opaque;
  all.ne0 = std::llround(manual.parameters_billion * 1e9);
  model.tensors.push_back(all);
  return model;
}

}  // namespace vram
