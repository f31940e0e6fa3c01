// Layers over frames, as Stable Video Diffusion's UNet and decoder have them. Source: huggingface/diffusers
// 58eb52c0803e, models/resnet.py SpatioTemporalResBlock.
#pragma once

#include "diffusion/layers.hpp"

namespace vram::diffusion {

// AlphaBlender: a x + (1 - a) y
inline Tensor blended(const Tensor& x, const Tensor& y) {
  x.trace().count(1);
  Tensor a = like(x), b = like(y);
  return el(std::move(a), std::move(b));
}

// A residual block in space, then one in time, mixed. x: all frames of `batch` clips, one after the other.
inline Tensor spatio_temporal_resnet(const Tensor& input, const Tensor& temb, Size out, Size batch) {
  Tensor x = resnet_block(input, temb, out);
  const Size all = x.dim(0), frames = all / batch, h = x.dim(2), w = x.dim(3);
  const Tensor clip = permute(x.view({batch, frames, out, h, w}), {0, 2, 1, 3, 4});
  x = clip;
  {
    const auto over_time = [&](const Tensor& y) { return conv(y, out, {3, 1, 1}, {1, 1, 1}, {1, 0, 0}); };
    Tensor y = group_norm(clip);
    y = like(y);
    y = over_time(y);
    if (temb) {
      const Tensor e = linear(like(temb), out);
      y = el(y, e.view({batch, out, frames, 1, 1}));
    }
    y = group_norm(y);
    y = like(y);
    y = over_time(y);
    Tensor sum = el(clip, y);
    x = std::move(sum);
  }
  {
    Tensor mixed = blended(clip, x);
    x = std::move(mixed);
  }
  return reshape(permute(x, {0, 2, 1, 3, 4}), {all, out, h, w});
}

}  // namespace vram::diffusion
