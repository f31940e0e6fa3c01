// Autoencoders that take their input apart: picture by picture, or in overlapping tiles that are cropped and joined.
#pragma once

#include <algorithm>
#include <vector>

#include "diffusion/trace.hpp"

namespace vram::diffusion {

// enable_slicing(): one element of the batch at a time.
template <class One>
Tensor sliced(const Tensor& in, bool slicing, One one) {
  if (!slicing || in.dim(0) <= 1) return one(in);
  std::vector<Tensor> parts;
  Shape shape = in.shape();
  shape[0] = 1;
  for (Size i = 0; i < in.dim(0); ++i) {
    const Tensor part = in.view(shape);
    parts.push_back(i == 0 ? one(part) : in.trace().uncounted([&] { return one(part); }));
  }
  return cat(parts, 0);
}

// A tile of what is coded, the way to the next one, and how much of each result is kept. The last two dimensions are
// the picture.
struct Tiles {
  Size height = 0, width = 0;
  Size step_height = 0, step_width = 0;
  Size kept_height = 0, kept_width = 0;
};

// `finish` works on what was joined while the tiles are still there.
template <class Codec, class Finish>
Tensor tiled(const Tensor& in, const Tiles& tiles, Codec codec, Finish finish) {
  Trace& t = in.trace();
  require(tiles.step_height > 0 && tiles.step_width > 0, "its tiles are smaller than one latent");
  std::vector<std::vector<Tensor>> rows;
  bool first = true;
  for (Size i = 0; i < in.dim(-2); i += tiles.step_height) {
    std::vector<Tensor>& row = rows.emplace_back();
    for (Size j = 0; j < in.dim(-1); j += tiles.step_width) {
      Shape shape = in.shape();
      shape[-2] = std::min(tiles.height, in.dim(-2) - i);
      shape[-1] = std::min(tiles.width, in.dim(-1) - j);
      const bool whole = shape[-2] == in.dim(-2) && shape[-1] == in.dim(-1);
      const Tensor part = in.view(shape, whole && in.contiguous());
      row.push_back(first ? codec(part) : t.uncounted([&] { return codec(part); }));
      first = false;
    }
  }
  std::vector<Tensor> lines;
  for (const std::vector<Tensor>& row : rows) {
    std::vector<Tensor> parts;
    for (const Tensor& x : row) {
      Shape shape = x.shape();
      shape[-2] = std::min(tiles.kept_height, x.dim(-2));
      shape[-1] = std::min(tiles.kept_width, x.dim(-1));
      parts.push_back(x.view(shape, false));
    }
    lines.push_back(cat(parts, -1));
  }
  return finish(cat(lines, -2));
}

template <class Codec>
Tensor tiled(const Tensor& in, const Tiles& tiles, Codec codec) {
  return tiled(in, tiles, codec, [](Tensor x) { return x; });
}

// What is beyond the picture is cut off, as a view.
inline Tensor cropped(const Tensor& x, Size height, Size width) {
  Shape shape = x.shape();
  shape[-2] = std::min(height, x.dim(-2));
  shape[-1] = std::min(width, x.dim(-1));
  return x.view(shape, false);
}

}  // namespace vram::diffusion
