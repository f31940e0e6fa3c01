// RWKV-5 "Eagle" (arXiv:2404.05892; BlinkDL/RWKV-LM RWKV-v5). No published exact count stands behind this one.
#include "read/readers.hpp"
#include "read/shape.hpp"

namespace vram::read {

void read_rwkv5(Reading& reading) {
  const Keys& text = reading.text;
  Model& model = reading.model;
  constexpr std::string_view head_sizes[] = {"head_size", "head_dim"};
  const Shape shape = read_sizes(reading);
  const std::int64_t hidden = shape.hidden;
  const std::int64_t attention = text.integer_or("attention_hidden_size", 1, kMaxWidth, hidden);
  const std::int64_t head = text.integer_or(head_sizes, 1, kMaxHeadDim, 64);
  const std::int64_t width = shape.intermediate > 0
                                 ? shape.intermediate
                                 : static_cast<std::int64_t>(3.5 * static_cast<double>(hidden)) / 32 * 32;
  if (attention % head != 0) {
    text.refuse_at("head_size", "head_size must divide attention_hidden_size",
                   "a divisor of " + std::to_string(attention));
  }
  text.first(kHeads);
  Layer layer;
  StateMixer& m = layer.state.emplace();
  m.kind = StateMixer::Kind::rwkv;
  m.n_heads = attention / head;
  m.head_k_dim = m.head_v_dim = head;
  m.d_inner = attention;
  m.d_state = head;
  m.in_proj = 4 * attention;
  m.state_elements = attention * head;
  m.conv_elements = 2 * hidden;  // the two token-shift vectors
  layer.ffn = FeedForward{width, false, false};

  TensorWriter out(model, text.path());
  write_ends(out, reading, shape);
  out.vector(Role::bias, hidden);     // LayerNorm before the head has a bias
  out.vector(Role::norm, hidden, 2);  // LayerNorm after the embedding
  model.layers.reserve(static_cast<std::size_t>(shape.layers));
  for (std::int64_t i = 0; i < shape.layers; ++i) {
    out.at(Part::text, i);
    out.vector(Role::norm, hidden, 4);
    out.vector(Role::time_mix, hidden, 6);     // mixing of k, v, r, g; of channel k, r
    out.vector(Role::time_mix, attention, 2);  // decay, first
    out.matrix(Role::matrix, hidden, attention, 4);
    out.matrix(Role::matrix, attention, hidden);
    out.vector(Role::norm, attention, 2);
    out.matrix(Role::matrix, hidden, hidden);  // channel receptance
    out.matrix(Role::ffn_up, hidden, width);
    out.matrix(Role::ffn_down, width, hidden);
    model.layers.push_back(layer);
  }
}

}  // namespace vram::read
