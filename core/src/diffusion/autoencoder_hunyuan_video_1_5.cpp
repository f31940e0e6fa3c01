// AutoencoderKLHunyuanVideo15: all frames at once. Source: huggingface/diffusers 58eb52c0803e,
// models/autoencoders/autoencoder_kl_hunyuanvideo15.py.
#include <algorithm>
#include <bit>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"
#include "diffusion/tiles.hpp"

namespace vram::diffusion {
namespace {

struct Config {
  std::vector<std::int64_t> widths;
  Size layers, latents, in_channels, out_channels, space, time;
  bool down_matches, up_matches;
  explicit Config(const Settings& s)
      : widths(s.integers("block_out_channels", {128, 256, 512, 1024, 1024})),
        layers(s.integer("layers_per_block", 2)),
        latents(s.integer("latent_channels", 32)),
        in_channels(s.integer("in_channels", 3)),
        out_channels(s.integer("out_channels", 3)),
        space(s.integer("spatial_compression_ratio", 16)),
        time(s.integer("temporal_compression_ratio", 4)),
        down_matches(s.truth("downsample_match_channel", true)),
        up_matches(s.truth("upsample_match_channel", true)) {
    require(space_levels() < widths.size() && time_levels() <= space_levels(),
            "block_out_channels has too few levels for its compression");
  }
  std::size_t space_levels() const {
    return static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(space)) - 1);
  }
  std::size_t time_levels() const {
    return static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(time)) - 1);
  }
};

// Sides are padded by replication (a copy), then convolved.
Tensor causal(const Tensor& input, Size out) {
  const Tensor x = pad(input, {1, 1, 1, 1, 2, 0});
  return conv(x, out, {3, 3, 3}, {1, 1, 1}, {0, 0, 0});
}

Tensor pointwise(const Tensor& x, Size out) { return conv(x, out, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}); }

Tensor resnet(const Tensor& input, Size out) {
  Tensor residual = input;
  Tensor x = normalize_channels(input);
  x = like(x);
  x = causal(x, out);
  x = normalize_channels(x);
  x = like(x);
  x = causal(x, out);
  if (input.dim(1) != out) residual = pointwise(residual, out);
  return el(x, residual);
}

// Every frame sees those before it: a mask of tokens by tokens.
Tensor attention(const Tensor& input) {
  Trace& t = input.trace();
  const Size b = input.dim(0), c = input.dim(1), n = input.dim(2), h = input.dim(3), w = input.dim(4);
  const Size tokens = n * h * w;
  Tensor x = normalize_channels(input);
  Tensor query = pointwise(x, c), key = pointwise(x, c), value = pointwise(x, c);
  const auto rows = [&](const Tensor& y) {
    return contiguous(permute(y.view({b, c, tokens}), {0, 2, 1})).view({b, 1, tokens, c});
  };
  query = rows(query);
  key = rows(key);
  value = rows(value);
  const Tensor mask = t.make({tokens, tokens}, x.dtype(), "causal mask");
  Tensor out = attend_masked(query, key, value, 1, mask);
  x = std::move(out);
  x = permute(x.view({b, n, h, w, c}), {0, 4, 1, 2, 3});
  x = pointwise(x, c);
  return el(x, input);
}

Tensor mid_block(const Tensor& input) {
  Tensor x = resnet(input, input.dim(1));
  x = attention(x);
  return resnet(x, x.dim(1));
}

// Channels become pixels and frames (a copy), or the other way round.
Tensor rearranged(const Tensor& x, Size channels, Size frames, Size height, Size width) {
  return x.trace().make({x.dim(0), channels, frames, height, width}, x.dtype(), "rearranged channels");
}

Tensor upsample(const Tensor& x, Size out, bool time) {
  const Size in = x.dim(1), n = x.dim(2), h = 2 * x.dim(3), w = 2 * x.dim(4), factor = time ? 8 : 4;
  Tensor y = causal(x, out * factor);
  Tensor first, next, x_first, x_next, shortcut;
  if (!time) {
    y = rearranged(y, out, n, h, w);
    shortcut = rearranged(x, out * factor, n, x.dim(3), x.dim(4));
    shortcut = rearranged(shortcut, out, n, h, w);
    return el(y, shortcut);
  }
  const Size frames = 2 * (n - 1);
  first = slice(rearranged(y, 2 * out, 1, h, w), 1, out);
  next = rearranged(y, out, frames, h, w);
  y = cat({first, next}, 2);
  x_first = rearranged(x, in / 4, 1, h, w);
  x_first = rearranged(x_first, out, 1, h, w);
  x_next = rearranged(x, in / 8, frames, h, w);
  x_next = rearranged(x_next, out, frames, h, w);
  shortcut = cat({x_first, x_next}, 2);
  return el(y, shortcut);
}

Tensor downsample(const Tensor& x, Size out, bool time) {
  const Size in = x.dim(1), n = x.dim(2), h = x.dim(3) / 2, w = x.dim(4) / 2, factor = time ? 8 : 4;
  Tensor y = causal(x, out / factor);
  Tensor first, next, x_first, x_next, shortcut;
  if (!time) {
    y = rearranged(y, out, n, h, w);
    shortcut = rearranged(x, 4 * in, n, h, w);
    shortcut = rearranged(shortcut, out, n, h, w);
    return el(y, shortcut);
  }
  const Size frames = (n - 1) / 2;
  first = rearranged(y, out / 2, 1, h, w);
  first = rearranged(first, out, 1, h, w);
  next = rearranged(y, out, frames, h, w);
  y = cat({first, next}, 2);
  x_first = rearranged(x, 4 * in, 1, h, w);
  x_first = rearranged(x_first, out, 1, h, w);
  x_next = rearranged(x, 8 * in, frames, h, w);
  x_next = rearranged(x_next, out, frames, h, w);
  shortcut = cat({x_first, x_next}, 2);
  return el(y, shortcut);
}

Tensor decoder(const Tensor& z, const Config& c) {
  const std::size_t n = c.widths.size();
  const auto width = [&](std::size_t i) { return c.widths[n - 1 - i]; };
  Tensor x;
  {
    Tensor first = causal(z, width(0));
    Tensor repeated = rearranged(z, width(0), z.dim(2), z.dim(3), z.dim(4));
    x = el(std::move(first), std::move(repeated));
  }
  x = mid_block(x);
  for (std::size_t i = 0; i < n; ++i) {
    const auto level = [&](const Tensor& in) {
      Tensor y = in;
      for (Size layer = 0; layer <= c.layers; ++layer) y = resnet(y, width(i));
      if (i < c.space_levels()) y = upsample(y, c.up_matches ? width(i + 1) : width(i), i < c.time_levels());
      return y;
    };
    x = level(x);
  }
  x = normalize_channels(x);
  x = like(x);
  return causal(x, c.out_channels);
}

Tensor encoder(const Tensor& image, const Config& c) {
  const std::size_t n = c.widths.size();
  Tensor x = causal(image, c.widths.front());
  for (std::size_t i = 0; i < n; ++i) {
    const auto level = [&](const Tensor& in) {
      Tensor y = in;
      for (Size layer = 0; layer < c.layers; ++layer) y = resnet(y, c.widths[i]);
      if (i < c.space_levels()) {
        y = downsample(y, c.down_matches ? c.widths[i + 1] : c.widths[i], i + c.time_levels() >= c.space_levels());
      }
      return y;
    };
    x = level(x);
  }
  x = mid_block(x);
  const Tensor shortcut = rearranged(x, 2 * c.latents, x.dim(2), x.dim(3), x.dim(4));
  x = normalize_channels(x);
  x = like(x);
  return causal(x, 2 * c.latents);
}

constexpr Size kTile = 256, kTileStep = 192;  // tile_sample_min_height and its part without the overlap

}  // namespace

void trace_hunyuan_video_1_5_decode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor z =
      t.input({in.batch, in.latent_channels, in.latent_frames, in.latent_height, in.latent_width}, in.dtype, "latents");
  const Size tile = kTile / c.space, step = tile * 3 / 4;
  const Tensor out = sliced(z, in.slicing, [&](const Tensor& x) {
    const auto one = [&](const Tensor& part) { return decoder(part, c); };
    if (!in.tiling || (x.dim(3) <= tile && x.dim(4) <= tile)) return one(x);
    return tiled(x, {tile, tile, step, step, kTileStep, kTileStep}, one);
  });
}

void trace_hunyuan_video_1_5_encode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor image = t.input({in.batch, c.in_channels, in.frames, in.height, in.width}, in.dtype, "pictures");
  const Size latent = kTile / c.space, kept = latent - latent / 4;
  const Tensor out = sliced(image, in.slicing, [&](const Tensor& x) {
    const auto one = [&](const Tensor& part) { return encoder(part, c); };
    if (!in.tiling || (in.height <= kTile && in.width <= kTile)) return one(x);
    return tiled(x, {kTile, kTile, kTileStep, kTileStep, kept, kept}, one);
  });
}

}  // namespace vram::diffusion
