// The refiner of text tokens that both HunyuanVideos have, and their gated sums. Source: huggingface/diffusers
// 58eb52c0803e, models/transformers/transformer_hunyuan_video.py, transformer_hunyuan_video15.py.
#pragma once

#include "diffusion/layers.hpp"

namespace vram::diffusion {

struct Heads {
  Size count, dim;
  Size width() const { return count * dim; }
};

// x + y * gate
Tensor add_gated(const Tensor& x, const Tensor& y, const Tensor& gate);

// One block over the text, [batch, words, width]; `emb`: of time and pooled text; `inner`: of its feed-forward.
void refine(Tensor& text, const Tensor& emb, Heads heads, Size inner);

}  // namespace vram::diffusion
