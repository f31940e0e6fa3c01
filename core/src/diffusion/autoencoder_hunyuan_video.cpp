// AutoencoderKLHunyuanVideo. Source: huggingface/diffusers 58eb52c0803e,
// models/autoencoders/autoencoder_kl_hunyuan_video.py.
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
  bool attention;
  explicit Config(const Settings& s)
      : widths(s.integers("block_out_channels", {128, 256, 512, 512})),
        layers(s.integer("layers_per_block", 2)),
        latents(s.integer("latent_channels", 16)),
        in_channels(s.integer("in_channels", 3)),
        out_channels(s.integer("out_channels", 3)),
        space(s.integer("spatial_compression_ratio", 8)),
        time(s.integer("temporal_compression_ratio", 4)),
        attention(s.truth("mid_block_add_attention", true)) {}
  Size space_levels() const { return std::bit_width(static_cast<std::uint64_t>(space)) - 1; }
  Size time_levels() const { return std::bit_width(static_cast<std::uint64_t>(time)) - 1; }
  bool in_space(std::size_t i) const { return static_cast<Size>(i) < space_levels(); }
  bool in_time(std::size_t i) const {
    const auto n = static_cast<Size>(widths.size());
    return static_cast<Size>(i) >= n - 1 - time_levels() && static_cast<Size>(i) != n - 1;
  }
};

// Sides are padded by replication (a copy), then convolved.
Tensor causal(const Tensor& input, Size out, Size kernel, Size stride_t = 1, Size stride = 1) {
  const Size side = kernel / 2;
  Tensor x = pad(input, {side, side, side, side, kernel - 1, 0});
  return conv(x, out, {kernel, kernel, kernel}, {stride_t, stride, stride}, {0, 0, 0});
}

Tensor resnet(const Tensor& input, Size out) {
  Tensor x = contiguous(input);
  Tensor residual = x;
  x = group_norm(x);
  x = like(x);
  x = causal(x, out, 3);
  x = group_norm(x);
  x = like(x);
  x = causal(x, out, 3);
  if (input.dim(1) != out) residual = causal(residual, out, 1);
  return el(x, residual);
}

Tensor mid_block(const Tensor& input, bool attention) {
  Trace& t = input.trace();
  const Size width = input.dim(1);
  Tensor x = resnet(input, width);
  Tensor mask;
  if (attention) {
    const Size b = x.dim(0), n = x.dim(2), h = x.dim(3), w = x.dim(4), tokens = n * h * w;
    x = reshape(permute(x, {0, 2, 3, 4, 1}), {b, tokens, width});
    {
      // Who may see whom, as truth values, then as numbers, then in the dtype of the model.
      Tensor truth = t.make({tokens, tokens}, DType::u8, "causal mask");
      Tensor wide = t.make({tokens, tokens}, DType::f32, "causal mask");
      truth.reset();
      mask = to(std::move(wide), x.dtype());
    }
    AttnOptions o;
    o.heads = 1;
    o.head_dim = width;
    o.bias = true;
    o.group_norm = true;
    o.residual = true;
    {
      const Tensor repeated = t.make({b, tokens, tokens}, x.dtype(), "causal mask, for each head");
      x = attention_2_0(x, {}, o);
    }
    x = permute(x.view({b, n, h, w, width}), {0, 4, 1, 2, 3});
  }
  return resnet(x, width);
}

Tensor upsample(const Tensor& input, Size ft, Size fs) {
  Tensor x = input;
  const Size n = x.dim(2), h = x.dim(3) * fs, w = x.dim(4) * fs;
  Tensor first = slice(x, 2, 1), others = slice(x, 2, n - 1);
  first = resize(first, {1, h, w});
  if (n > 1) {
    others = contiguous(others);
    others = resize(others, {(n - 1) * ft, h, w});
    x = cat({first, others}, 2);
  } else {
    x = first;
  }
  x = causal(x, x.dim(1), 3);
  return x;
}

Tensor decoder(const Tensor& z, const Config& c) {
  Tensor x = causal(z, c.widths.back(), 3);
  {
    const Tensor held = x;
    x = mid_block(held, c.attention);
  }
  for (std::size_t i = 0; i < c.widths.size(); ++i) {
    const Tensor held = x;
    Tensor y = held;
    for (Size layer = 0; layer <= c.layers; ++layer) y = resnet(y, c.widths[c.widths.size() - 1 - i]);
    if (c.in_space(i) || c.in_time(i)) y = upsample(y, c.in_time(i) ? 2 : 1, c.in_space(i) ? 2 : 1);
    x = std::move(y);
  }
  x = group_norm(x);
  x = like(x);
  x = causal(x, c.out_channels, 3);
  return x;
}

Tensor encoder(const Tensor& image, const Config& c) {
  Tensor x = causal(image, c.widths.front(), 3);
  for (std::size_t i = 0; i < c.widths.size(); ++i) {
    const Tensor held = x;
    Tensor y = held;
    for (Size layer = 0; layer < c.layers; ++layer) y = resnet(y, c.widths[i]);
    if (c.in_space(i) || c.in_time(i)) y = causal(y, c.widths[i], 3, c.in_time(i) ? 2 : 1, c.in_space(i) ? 2 : 1);
    x = std::move(y);
  }
  {
    const Tensor held = x;
    x = mid_block(held, c.attention);
  }
  x = group_norm(x);
  x = like(x);
  x = causal(x, 2 * c.latents, 3);
  return x;
}

Tensor pointwise(const Tensor& x, Size out) { return conv(x, out, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}); }

// Overlapping stretches of the clip, each a little longer than the way to the next.
template <class Stretch>
Tensor stretches(const Tensor& in, Size length, Size step, Stretch run) {
  Trace& t = in.trace();
  std::vector<Tensor> row;
  for (Size i = 0; i < in.dim(2); i += step) {
    const Size frames = std::min(length + 1, in.dim(2) - i);
    const Tensor part = slice(in, 2, frames);
    Tensor out;
    const bool full = i + length + 1 <= in.dim(2), more = i + step + length + 1 <= in.dim(2);
    if (i == 0) {
      out = run(part);
    } else if (full && more && row.size() > 1) {
      out = t.make(row.back().shape(), row.back().dtype(), "decoded stretch");  // as the one before
      row.push_back(std::move(out));
      continue;
    } else {
      out = t.uncounted([&] { return run(part); });
    }
    row.push_back(std::move(out));
  }
  return cat(row, 2);
}

// tile_sample_min_height, ..._stride_height, ..._min_num_frames, ..._stride_num_frames
constexpr Size kTile = 256, kTileStep = 192, kFrames = 16, kFramesStep = 12;

}  // namespace

void trace_hunyuan_video_decode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor z =
      t.input({in.batch, in.latent_channels, in.latent_frames, in.latent_height, in.latent_width}, in.dtype, "latents");
  const Tensor out = sliced(z, in.slicing, [&](const Tensor& latents) {
    const Size side = kTile / c.space;
    const bool tiles = in.tiling && (latents.dim(3) > side || latents.dim(4) > side);
    const auto run = [&](const Tensor& part) {
      const auto one = [&](const Tensor& x) {
        const Tensor y = pointwise(x, c.latents);
        return decoder(y, c);
      };
      if (!tiles) return one(part);
      const Size step = kTileStep / c.space;
      const Tensor whole = tiled(part, {side, side, step, step, kTileStep, kTileStep}, one);
      return cropped(whole, part.dim(3) * c.space, part.dim(4) * c.space);
    };
    if (latents.dim(2) > kFrames / c.time) return stretches(latents, kFrames / c.time, kFramesStep / c.time, run);
    return run(latents);
  });
}

void trace_hunyuan_video_encode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor image = t.input({in.batch, c.in_channels, in.frames, in.height, in.width}, in.dtype, "pictures");
  const Tensor out = sliced(image, in.slicing, [&](const Tensor& pictures) {
    const bool tiles = in.tiling && (in.height > kTile || in.width > kTile);
    const auto run = [&](const Tensor& part) {
      const auto one = [&](const Tensor& x) {
        const Tensor y = encoder(x, c);
        return pointwise(y, 2 * c.latents);
      };
      if (!tiles) return one(part);
      const Size kept = kTileStep / c.space;
      const Tensor whole = tiled(part, {kTile, kTile, kTileStep, kTileStep, kept, kept}, one);
      return cropped(whole, part.dim(3) / c.space, part.dim(4) / c.space);
    };
    if (pictures.dim(2) > kFrames) return stretches(pictures, kFrames, kFramesStep, run);
    return run(pictures);
  });
}

}  // namespace vram::diffusion
