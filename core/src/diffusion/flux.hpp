// Blocks of FLUX.1 that Chroma shares. Source: huggingface/diffusers 58eb52c0803e,
// models/transformers/transformer_flux.py.
#pragma once

#include "diffusion/layers.hpp"

namespace vram::diffusion {

// Two streams of tokens that meet in attention.
struct TwoStreams {
  Tensor picture, text;
};

// FluxAttention; `text` empty: on the joint sequence alone, without an output projection.
TwoStreams flux_attention(const Tensor& picture, const Tensor& text, const Tensor& cosine, Size heads, Size head_dim);
// gate * attended + residual; then the gated feed-forward on its norm.
Tensor flux_finish(const Tensor& residual, Tensor& attended, Tensor& normed, const Tensor& row, Size width);

}  // namespace vram::diffusion
