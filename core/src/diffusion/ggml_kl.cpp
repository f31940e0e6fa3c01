// The decoder of AutoencoderKL in stable-diffusion.cpp: src/model/vae/auto_encoder_kl.hpp (commit 97d2990807fe).
#include <algorithm>

#include "diffusion/ggml_graph.hpp"

namespace vram::diffusion {
namespace {

Features residual(GgmlGraph& g, const Features& input, Size out) {
  Features h = g.group_norm_silu(input);
  h = g.conv(h, out, 3);
  h = g.group_norm_silu(h);
  h = g.conv(h, out, 3);
  const Features skip = input.channels != out ? g.conv(input, out, 1) : input;
  return g.add(h, skip);
}

Features attention(GgmlGraph& g, const Features& input) {
  const Features normed = g.group_norm(input);
  const auto projected = [&] { return g.tokens(g.conv(normed, input.channels, 1)); };
  const Features q = projected(), k = projected(), v = projected();
  Features h = g.attend(q, k, v, 1);
  h = g.conv(g.picture(h, input.width, input.height), input.channels, 1);
  return g.add(h, input);
}

}  // namespace

Tape kl_decode_graph(const Settings& s, Size width, Size height, GgmlOptions options) {
  std::vector<std::int64_t> widths = s.integers("block_out_channels", {128, 256, 512, 512});
  require(!widths.empty(), "block_out_channels is empty");
  std::reverse(widths.begin(), widths.end());
  const Size blocks = s.integer("layers_per_block", 2);
  options.flash = false;  // the option is for the diffusion model
  GgmlGraph g(options);
  Features h = g.input(width, height, s.integer("latent_channels", 4));
  h = g.conv(h, h.channels, 1);  // post_quant_conv
  h = g.conv(h, widths.front(), 3);
  h = residual(g, h, h.channels);
  h = attention(g, h);
  h = residual(g, h, h.channels);
  for (std::size_t level = 0; level < widths.size(); ++level) {
    for (Size i = 0; i <= blocks; ++i) h = residual(g, h, widths[level]);
    if (level + 1 == widths.size()) break;
    h = g.upscale(h);
    h = g.conv(h, h.channels, 3);
  }
  h = g.group_norm_silu(h);
  h = g.conv(h, s.integer("out_channels", 3), 3);
  g.output(h);
  return g.tape();
}

}  // namespace vram::diffusion
