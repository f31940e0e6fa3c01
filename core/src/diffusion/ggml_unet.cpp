// The UNet of SD 1.x, 2.x and SDXL in stable-diffusion.cpp: src/model/diffusion/unet.hpp (commit 97d2990807fe).
#include <algorithm>

#include "diffusion/ggml_graph.hpp"

namespace vram::diffusion {
namespace {

struct UNet {
  GgmlGraph& g;
  Features emb, context;
  Size context_tokens;

  Features residual(const Features& input, Size out) {
    Features h = g.group_norm_silu(input);
    h = g.conv(h, out, 3);
    const Features e = g.linear(Features{g.copy(emb.id, emb.channels * 4), 1, 1, emb.channels}, out);
    h = g.add(h, e);
    h = g.group_norm_silu(h);
    h = g.conv(h, out, 3);
    const Features skip = input.channels != out ? g.conv(input, out, 1) : input;
    return g.add(h, skip);
  }

  Features attention(const Features& x, const Features& from, Size heads) {
    const Features q = g.linear(x, x.channels), k = g.linear(from, x.channels), v = g.linear(from, x.channels);
    return g.linear(g.attend(q, k, v, heads), x.channels);
  }

  Features transformer(const Features& input, Size depth, Size heads, bool use_linear) {
    Features x = g.group_norm(input);
    if (use_linear) {
      x = g.linear(g.tokens(x), input.channels);
    } else {
      x = g.tokens(g.conv(x, input.channels, 1));
    }
    for (Size i = 0; i < depth; ++i) {
      Features n = g.layer_norm(x);
      x = g.add(attention(n, n, heads), x);
      n = g.layer_norm(x);
      x = g.add(attention(n, context, heads), x);
      n = g.layer_norm(x);
      x = g.add(g.linear(g.geglu(n, 4 * n.channels), n.channels), x);
    }
    if (use_linear) {
      x = g.picture(g.linear(x, input.channels), input.width, input.height);
    } else {
      x = g.conv(g.picture(x, input.width, input.height), input.channels, 1);
    }
    return g.add(x, input);
  }
};

}  // namespace

Tape unet_graph(const Settings& s, const UNetGraphInput& in, GgmlOptions options) {
  const std::vector<std::int64_t> widths = s.integers("block_out_channels", {320, 640, 1280, 1280});
  const Size levels = static_cast<Size>(widths.size()), blocks = s.integer("layers_per_block", 2);
  require(!widths.empty(), "block_out_channels is empty");
  const std::vector<std::string_view> kinds = s.texts(
      "down_block_types", {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"});
  require(kinds.size() == widths.size(), "down_block_types and block_out_channels differ in length");
  const std::vector<std::int64_t> heads = s.integers("attention_head_dim", {8});
  const std::vector<std::int64_t> depths = s.integers("transformer_layers_per_block", {1});
  const bool use_linear = s.truth("use_linear_projection", false);
  const auto at = [&](const std::vector<std::int64_t>& list, Size level) {
    return list[std::min(static_cast<std::size_t>(level), list.size() - 1)];
  };
  // diffusers calls the number of heads attention_head_dim here.
  const auto attends = [&](Size level) {
    return kinds[static_cast<std::size_t>(level)].find("Attn") != std::string_view::npos;
  };

  GgmlGraph g(options);
  Features h = g.input(in.width, in.height, s.integer("in_channels", 4));
  const Features context = g.input(in.tokens, 1, s.integer("cross_attention_dim", 768));
  const Size time = 4 * widths.front();
  Features emb = g.linear(g.input(1, 1, widths.front()), time);
  emb = g.linear(emb, time);
  UNet net{g, emb, context, in.tokens};

  h = g.conv(h, widths.front(), 3);
  std::vector<Features> skips = {h};
  for (Size level = 0; level < levels; ++level) {
    for (Size i = 0; i < blocks; ++i) {
      h = net.residual(h, widths[static_cast<std::size_t>(level)]);
      if (attends(level)) h = net.transformer(h, at(depths, level), at(heads, level), use_linear);
      skips.push_back(h);
    }
    if (level + 1 == levels) break;
    h = g.conv(h, h.channels, 3, 2);
    skips.push_back(h);
  }
  h = net.residual(h, h.channels);
  h = net.transformer(h, at(depths, levels - 1), at(heads, levels - 1), use_linear);
  h = net.residual(h, h.channels);
  for (Size level = levels; level-- > 0;) {
    for (Size i = 0; i <= blocks; ++i) {
      const Features joined = g.concat(h, skips.back());
      skips.pop_back();
      h = net.residual(joined, widths[static_cast<std::size_t>(level)]);
      if (attends(level)) h = net.transformer(h, at(depths, level), at(heads, level), use_linear);
    }
    if (level > 0) {
      h = g.upscale(h);
      h = g.conv(h, h.channels, 3);
    }
  }
  h = g.group_norm_silu(h);
  h = g.conv(h, s.integer("out_channels", 4), 3);
  g.output(h);
  return g.tape();
}

}  // namespace vram::diffusion
