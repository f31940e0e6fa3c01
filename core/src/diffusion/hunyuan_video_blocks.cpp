#include "diffusion/hunyuan_video_blocks.hpp"

namespace vram::diffusion {

Tensor add_gated(const Tensor& x, const Tensor& y, const Tensor& gate) {
  Tensor gated = el(y, gate);
  return el(x, std::move(gated));
}

void refine(Tensor& text, const Tensor& emb, Heads heads, Size inner) {
  const Size width = heads.width();
  AttnOptions o;
  o.heads = heads.count;
  o.head_dim = heads.dim;
  o.bias = true;
  Tensor normed = layer_norm(text);
  Tensor attended = attention_2_0(normed, {}, o);
  const Tensor gates = linear(like(emb), 2 * width);
  const Tensor gate = slice(gates, 1, width).view({gates.dim(0), 1, width});
  Tensor hidden = add_gated(text, attended, gate);
  const Tensor ff = feed_forward(layer_norm(hidden), inner, width, Act::gelu);
  text = add_gated(hidden, ff, gate);
}

}  // namespace vram::diffusion
