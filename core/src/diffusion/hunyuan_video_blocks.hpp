// What both HunyuanVideos have: a refiner of text tokens, gated sums, the block of two streams. Source:
// huggingface/diffusers 58eb52c0803e, models/transformers/transformer_hunyuan_video.py, transformer_hunyuan_video15.py.
#pragma once

#include <utility>

#include "diffusion/layers.hpp"

namespace vram::diffusion {

// x + y * gate
Tensor add_gated(const Tensor& x, const Tensor& y, const Tensor& gate);

// One block over the text, [batch, words, width]; `emb`: of time and pooled text; `inner`: of its feed-forward.
void refine(Tensor& text, const Tensor& emb, Heads heads, Size inner);

// Video and text, each with its own weights around an attention over both.
struct Joint {
  Tensor video, text;
};

// `attend(video, text)`: the normed streams -> what to add to each.
template <class Attend>
void two_stream_block(Joint& streams, const Tensor& emb, Size inner, Attend attend) {
  const Size width = streams.video.dim(-1), batch = streams.video.dim(0);
  auto [normed, modulation] = ada_layer_norm_zero(streams.video, emb, 6);
  auto [text_normed, text_modulation] = ada_layer_norm_zero(streams.text, emb, 6);
  const Tensor row = slice(modulation, 1, width).view({batch, 1, width});
  const Tensor text_row = slice(text_modulation, 1, width).view({batch, 1, width});
  const Joint attended = attend(normed, text_normed);
  Tensor hidden = add_gated(streams.video, attended.video, row);
  Tensor words = add_gated(streams.text, attended.text, text_row);
  normed = layer_norm(hidden, false);
  text_normed = layer_norm(words, false);
  normed = modulate(normed, row);
  text_normed = modulate(text_normed, text_row);
  const Tensor ff = feed_forward_chunked(normed, inner, width, Act::gelu);
  const Tensor text_ff = feed_forward(text_normed, inner, width, Act::gelu);
  hidden = add_gated(hidden, ff, row);
  words = add_gated(words, text_ff, text_row);
  streams.video = std::move(hidden);
  streams.text = std::move(words);
}

}  // namespace vram::diffusion
