// AutoencoderKLMochi. Source: huggingface/diffusers 58eb52c0803e, models/autoencoders/autoencoder_kl_mochi.py.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"
#include "diffusion/tiles.hpp"

namespace vram::diffusion {
namespace {

struct Config {
  std::vector<std::int64_t> encoder_widths, decoder_widths, layers, time, space, attention;
  Size in_channels, out_channels, latents;
  explicit Config(const Settings& s)
      : encoder_widths(s.integers("encoder_block_out_channels", {64, 128, 256, 384})),
        decoder_widths(s.integers("decoder_block_out_channels", {128, 256, 512, 768})),
        layers(s.integers("layers_per_block", {3, 3, 4, 6, 3})),
        time(s.integers("temporal_expansions", {1, 2, 3})),
        space(s.integers("spatial_expansions", {2, 2, 2})),
        attention(s.integers("add_attention_block", {0, 1, 1, 1, 1})),
        in_channels(s.integer("in_channels", 15)),
        out_channels(s.integer("out_channels", 3)),
        latents(s.integer("latent_channels", 12)) {
    const std::size_t n = decoder_widths.size();
    require(n > 0 && encoder_widths.size() == n && layers.size() == n + 1 && time.size() + 1 == n &&
                space.size() + 1 == n && attention.size() == n + 1,
            "the lists of its blocks differ in length");
    for (const auto* factors : {&time, &space}) {
      for (const std::int64_t f : *factors) require(f > 0, "its expansions must be positive");
    }
  }
};

Size product_of(const std::vector<std::int64_t>& factors) {
  Size all = 1;
  for (const std::int64_t f : factors) all *= std::clamp<Size>(f, 1, 64);
  return all;
}

// MochiChunkedGroupNorm3D: eight frames at a time, joined afterwards.
Tensor norm(const Tensor& input) {
  constexpr Size kChunk = 8;
  Trace& t = input.trace();
  t.count(2 * input.dim(1));
  const Size b = input.dim(0), c = input.dim(1), n = input.dim(2), h = input.dim(3), w = input.dim(4);
  const Tensor frames = reshape(permute(input, {0, 2, 1, 3, 4}), {b * n, c, h, w});
  std::vector<Tensor> parts;
  for (Size at = 0; at < b * n; at += kChunk) {
    const Shape chunk{std::min(kChunk, b * n - at), c, h, w};
    const Tensor own = frames.contiguous() ? Tensor() : t.make(chunk, input.dtype(), "contiguous frames");
    parts.push_back(t.make(chunk, input.dtype(), "normed frames"));
  }
  Tensor out = cat(parts, 0);
  return permute(out.view({b, n, c, h, w}), {0, 2, 1, 3, 4});
}

// CogVideoXCausalConv3d with replicated sides: always a copy; in pieces when that is larger than 2 GiB.
Tensor causal(const Tensor& input, Size out, Size kt, Size kernel, Size stride_t, Size stride) {
  const Size side = (kernel - 1) / 2;
  const Tensor x = pad(input, {side, side, side, side, kt - 1, 0});
  return safe_conv(x, out, {kt, kernel, kernel}, {stride_t, stride, stride}, {0, 0, 0});
}

Tensor resnet(const Tensor& input) {
  Tensor x = norm(input);
  x = like(x);
  x = causal(x, input.dim(1), 3, 3, 1, 1);
  x = norm(x);
  x = like(x);
  x = causal(x, input.dim(1), 3, 3, 1, 1);
  return el(x, input);
}

// Attention over the frames of every pixel; at most 32768 pixels at a time in the blocks that halve.
Tensor through_time(const Tensor& input, bool chunked) {
  constexpr Size kChunk = Size{1} << 15;
  Trace& t = input.trace();
  const Size b = input.dim(0), c = input.dim(1), n = input.dim(2), h = input.dim(3), w = input.dim(4);
  Tensor x = norm(input);
  x = reshape(permute(x, {0, 3, 4, 2, 1}), {b * h * w, n, c});
  const auto attend_once = [&](const Tensor& rows) {
    const Size heads = std::max<Size>(1, c / 32);
    if (n == 1) {
      t.count_linear(c, c, false);  // queries and keys are not needed
      t.count_linear(c, c, false);
      Tensor y = linear(rows, c, false);
      y = linear(y, c);
      return like(y);
    }
    Tensor hidden = rows;
    const Tensor from = hidden;
    const auto split = [&](const Tensor& y) { return transpose(y.view({y.dim(0), n, heads, c / heads}), 1, 2); };
    Tensor query = linear(hidden, c, false), key = linear(from, c, false), value = linear(from, c, false);
    query = split(query);
    key = split(key);
    value = split(value);
    query = like(query);
    key = like(key);
    Tensor out = attend(query, key, value, 1);
    hidden = std::move(out);
    hidden = reshape(transpose(hidden, 1, 2), {hidden.dim(0), n, c});
    hidden = linear(hidden, c);
    hidden = like(hidden);
    return hidden;
  };
  if (!chunked || x.dim(0) <= kChunk) {
    x = attend_once(x);
  } else {
    std::vector<Tensor> parts;
    for (Size at = 0; at < b * h * w; at += kChunk) {
      const Tensor rows = x.view({std::min(kChunk, b * h * w - at), n, c});
      parts.push_back(at == 0 ? attend_once(rows) : t.uncounted([&] { return attend_once(rows); }));
    }
    x = cat(parts, 0);
  }
  x = permute(x.view({b, h, w, n, c}), {0, 4, 3, 1, 2});
  return el(input, x);
}

Tensor layers(const Tensor& input, Size count, bool attention, bool chunked) {
  Tensor x = input;
  for (Size i = 0; i < count; ++i) {
    x = resnet(x);
    if (attention) x = through_time(x, chunked);
  }
  return x;
}

Tensor over_channels(const Tensor& x, Size out, bool bias = true) {
  return permute(linear(permute(x, {0, 2, 3, 4, 1}), out, bias), {0, 4, 1, 2, 3});
}

Tensor decoder(const Tensor& z, const Config& c) {
  const std::size_t n = c.decoder_widths.size();
  Tensor x = conv(z, c.decoder_widths.back(), {1, 1, 1}, {1, 1, 1}, {0, 0, 0});
  const auto block = [&](auto body) {
    const Tensor held = x;
    Tensor y = body(held);
    x = std::move(y);
  };
  block([&](const Tensor& y) { return layers(y, c.layers.back(), false, false); });
  for (std::size_t i = n - 1; i-- > 0;) {
    block([&](const Tensor& in) {
      const Size st = c.time[i], ss = c.space[i], out = c.decoder_widths[i];
      Tensor y = layers(in, c.layers[i + 1], false, false);
      y = over_channels(y, out * st * ss * ss);
      Tensor unfolded =
          in.trace().make({y.dim(0), out, y.dim(2) * st, y.dim(3) * ss, y.dim(4) * ss}, y.dtype(), "unfolded channels");
      return unfolded;
    });
  }
  block([&](const Tensor& y) { return layers(y, c.layers.front(), false, false); });
  x = like(x);
  return over_channels(x, c.out_channels);
}

Tensor encoder(const Tensor& image, const Config& c) {
  Trace& t = image.trace();
  Tensor x;
  {
    // FourierFeatures: sines and cosines of the picture at some frequencies, in FP32.
    const Tensor wide = to(image, DType::f32);
    const Size waves = (c.in_channels - image.dim(1)) / 2;
    require(waves > 0, "in_channels has no room for Fourier features");
    Shape shape = image.shape();
    shape[1] = waves;
    Tensor h = t.make(shape, DType::f32, "Fourier features");
    h = like(h);
    const Tensor sine = like(h), cosine = like(h);
    Tensor all = cat({wide, sine, cosine}, 1);
    x = to(std::move(all), image.dtype());
  }
  x = over_channels(x, c.encoder_widths.front());
  const auto block = [&](auto body) {
    const Tensor held = x;
    Tensor y = body(held);
    x = std::move(y);
  };
  block([&](const Tensor& y) { return layers(y, c.layers.front(), c.attention.front() != 0, false); });
  for (std::size_t i = 0; i + 1 < c.encoder_widths.size(); ++i) {
    block([&](const Tensor& y) {
      const Tensor low = causal(y, c.encoder_widths[i + 1], c.time[i], c.space[i], c.time[i], c.space[i]);
      return layers(low, c.layers[i + 1], c.attention[i + 1] != 0, true);
    });
  }
  block([&](const Tensor& y) { return layers(y, c.layers.back(), c.attention.back() != 0, false); });
  x = norm(x);
  x = like(x);
  return over_channels(x, 2 * c.latents, false);
}

constexpr Size kTile = 256, kTileStep = 192;  // tile_sample_min_height, tile_sample_stride_height

}  // namespace

void trace_mochi_decode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Size space = product_of(c.space), time = product_of(c.time);
  const Tensor z =
      t.input({in.batch, in.latent_channels, in.latent_frames, in.latent_height, in.latent_width}, in.dtype, "latents");
  const auto one = [&](const Tensor& x) {
    Tensor y = decoder(x, c);
    return y.dim(2) >= time ? slice(y, 2, y.dim(2) - time + 1) : y;
  };
  const Tensor out = sliced(z, in.slicing, [&](const Tensor& x) {
    const Size tile = kTile / space, step = kTileStep / space;
    if (!in.tiling || (x.dim(3) <= tile && x.dim(4) <= tile)) return one(x);
    return tiled(x, {tile, tile, step, step, kTileStep, kTileStep}, one);
  });
}

void trace_mochi_encode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Size space = product_of(c.space);
  const Tensor image = t.input({in.batch, 3, in.frames, in.height, in.width}, in.dtype, "pictures");
  const Tensor out = sliced(image, in.slicing, [&](const Tensor& x) {
    const auto one = [&](const Tensor& part) { return encoder(part, c); };
    if (!in.tiling || (in.height <= kTile && in.width <= kTile)) return one(x);
    const Size kept = kTileStep / space;
    return tiled(x, {kTile, kTile, kTileStep, kTileStep, kept, kept}, one);
  });
}

}  // namespace vram::diffusion
