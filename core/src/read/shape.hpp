// The sizes that every part of a decoder shares.
#pragma once

#include <cstdint>
#include <vector>

#include "read/family.hpp"

namespace vram::read {

struct Shape {
  std::int64_t hidden = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;  // 0: a family without attention
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t v_head_dim = 0;
  std::int64_t intermediate = 0;  // dense width; 0: stated nowhere
  std::int64_t vocab = 0;
};

// Reads hidden size, layers, vocabulary, positions and the tie into model and shape.
Shape read_sizes(Reading& reading);
// Adds the attention heads, checked against each other.
void read_heads(const Reading& reading, Shape& shape);

bool settled(Flag flag, const Keys& keys, Aliases aliases);

// Which mixer and which window each layer has; one entry a layer.
std::vector<LayerKind> layer_kinds(const Reading& reading, std::int64_t layers);
// Tokens that windowed layers see; 0 when the config has no window.
std::int64_t window_of(const Reading& reading);

// The routed experts of a decoder: what they are and which layers have them.
struct ExpertPlan {
  Experts experts;           // num_experts == 0: a dense model
  std::vector<bool> layers;  // one entry a layer; empty for a dense model
};
ExpertPlan read_experts(const Reading& reading, const Shape& shape);

LatentAttention read_latent(const Keys& text, const Shape& shape, std::int64_t layer);
StateMixer read_mamba1(const Keys& text, const Shape& shape, bool is_jamba, Style& style);
StateMixer read_mamba2(const Keys& text, const Shape& shape, bool needs_flag_for_norm, Style& style);
StateMixer read_delta_net(const Keys& text);
StateMixer read_kda(const Keys& text);
StateMixer read_lightning(const Shape& shape);
StateMixer read_short_conv(const Keys& text, const Shape& shape);

// token_embd, output, output_norm and what else lies outside the layers.
void write_ends(TensorWriter& out, const Reading& reading, const Shape& shape);

}  // namespace vram::read
