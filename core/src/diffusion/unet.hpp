// What UNets of pictures and of videos share: their levels, their skips.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {

// A setting given once for all blocks, or block by block.
inline Size of_block(const std::vector<std::int64_t>& list, std::size_t i, Size fallback) {
  if (list.empty()) return fallback;
  return list[std::min(i, list.size() - 1)];
}

struct UNetConfig {
  std::vector<std::int64_t> widths, layers, depth, heads, cross;
  std::vector<std::string_view> down, up;
  bool linear_projection, has_mid;
  explicit UNetConfig(const Settings& s)
      : widths(s.integers("block_out_channels", {320, 640, 1280, 1280})),
        layers(s.integers("layers_per_block", {2})),
        depth(s.integers("transformer_layers_per_block", {1})),
        heads(s.has("num_attention_heads") ? s.integers("num_attention_heads", {8})
                                           : s.integers("attention_head_dim", {8})),
        cross(s.integers("cross_attention_dim", {1280})),
        down(s.texts("down_block_types",
                     {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"})),
        up(s.texts("up_block_types", {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"})),
        linear_projection(s.truth("use_linear_projection", false)),
        has_mid(s.text("mid_block_type", "UNetMidBlock2DCrossAttn") == "UNetMidBlock2DCrossAttn") {
    require(!widths.empty() && down.size() == widths.size() && up.size() == widths.size(),
            "down_block_types, up_block_types and block_out_channels differ in length");
  }
};

// From the first convolution's result to the last block's. `resnet(x, out)` and `transformer(x, level)` are the layers.
template <class Resnet, class Transformer>
Tensor unet_levels(const UNetConfig& c, Tensor x, Resnet resnet, Transformer transformer) {
  Trace& t = x.trace();
  const auto with_attention = [](std::string_view type) { return type.find("CrossAttn") != std::string_view::npos; };
  std::vector<Tensor> skips{x};
  const std::size_t n = c.widths.size();
  for (std::size_t i = 0; i < n; ++i) {
    const Tensor held = x;
    Tensor y = held;
    const Size before = t.weights().parameters;
    for (Size layer = 0; layer < of_block(c.layers, i, 2); ++layer) {
      y = resnet(y, c.widths[i]);
      if (with_attention(c.down[i])) y = transformer(y, i);
      skips.push_back(y);
    }
    if (i + 1 < n) {
      y = conv2d(y, c.widths[i], 3, 2, 1);
      skips.push_back(y);
    }
    x = std::move(y);
    t.note_stack("down_blocks", 1, t.weights().parameters - before, t.weights().parameters - before);
  }
  if (c.has_mid) {
    const Tensor held = x;
    Tensor y = resnet(held, c.widths.back());
    y = transformer(y, n - 1);
    y = resnet(y, c.widths.back());
    x = std::move(y);
  }
  std::vector<Tensor> mine;  // the skips of a block keep their names until the next block takes its own
  for (std::size_t up = 0; up < n; ++up) {
    const std::size_t i = n - 1 - up;  // the level of the down block beside it
    const Tensor held = x;
    Tensor y = held;
    const Size before = t.weights().parameters;
    const auto count = static_cast<std::size_t>(of_block(c.layers, i, 2) + 1);
    mine.assign(skips.end() - static_cast<std::ptrdiff_t>(count), skips.end());
    skips.resize(skips.size() - count);
    for (std::size_t layer = 0; layer < count; ++layer) {
      const Tensor skip = mine[count - 1 - layer];
      y = cat({y, skip}, 1);
      y = resnet(y, c.widths[i]);
      if (with_attention(c.up[up])) y = transformer(y, i);
    }
    if (up + 1 < n) {
      // To the size of the next skip, which halving may have rounded up.
      const Tensor& next = skips.back();
      Tensor high = resize(y, {next.dim(2), next.dim(3)});
      y = conv2d(high, c.widths[i]);
    }
    x = std::move(y);
    t.note_stack("up_blocks", 1, t.weights().parameters - before, t.weights().parameters - before);
  }
  return x;
}

}  // namespace vram::diffusion
