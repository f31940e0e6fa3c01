// AutoencoderKLAllegro: always in tiles. Source: huggingface/diffusers 58eb52c0803e,
// models/autoencoders/autoencoder_kl_allegro.py.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"
#include "diffusion/tiles.hpp"

namespace vram::diffusion {
namespace {

struct Config {
  std::vector<std::int64_t> widths, time_down, time_up;
  Size layers, latents, in_channels, out_channels, side, time;
  explicit Config(const Settings& s)
      : widths(s.integers("block_out_channels", {128, 256, 512, 512})),
        time_down(s.integers("temporal_downsample_blocks", {1, 1, 0, 0})),
        time_up(s.integers("temporal_upsample_blocks", {0, 1, 1, 0})),
        layers(s.integer("layers_per_block", 2)),
        latents(s.integer("latent_channels", 4)),
        in_channels(s.integer("in_channels", 3)),
        out_channels(s.integer("out_channels", 3)),
        side(s.integer("sample_size", 320)),
        time(std::max<Size>(1, s.integer("temporal_compression_ratio", 4))) {
    require(
        !widths.empty() && widths.size() <= 10 && time_down.size() == widths.size() && time_up.size() == widths.size(),
        "the lists of its blocks differ in length");
    require(side > kOverlapHeight, "its tiles are smaller than their overlap");
  }
  Size space() const { return Size{1} << (widths.size() - 1); }
  // sample_frames, tile_overlap_t, tile_overlap_h, tile_overlap_w
  static constexpr Size kFrames = 24, kOverlapFrames = 8, kOverlapHeight = 120, kOverlapWidth = 80;
};

// Frames of a clip in a row, and back.
Tensor in_frames(const Tensor& x) {
  return reshape(permute(x, {0, 2, 1, 3, 4}), {x.dim(0) * x.dim(2), x.dim(1), x.dim(3), x.dim(4)});
}
Tensor in_clip(const Tensor& x, Size batch) {
  return permute(x.view({batch, x.dim(0) / batch, x.dim(1), x.dim(2), x.dim(3)}), {0, 2, 1, 3, 4});
}

// The first frame once more in front, the last once more behind.
Tensor pad_time(const Tensor& input) {
  Tensor x = cat({slice(input, 2, 1), input}, 2);
  x = cat({x, slice(x, 2, 1)}, 2);
  return x;
}

enum class Way : std::uint8_t { same, down, up };

// AllegroTemporalConvLayer: four convolutions over three frames.
Tensor temporal(const Tensor& frames, Size batch, Way way) {
  Trace& t = frames.trace();
  const Size width = frames.dim(1), kernel = way == Way::same ? 1 : 3, side = kernel / 2;
  Tensor x = in_clip(frames, batch);
  Tensor identity = x;
  if (way == Way::down) identity = slice(x, 2, (x.dim(2) + 1) / 2);
  if (way == Way::up) identity = t.make({batch, width, 2 * x.dim(2), x.dim(3), x.dim(4)}, x.dtype(), "repeated frames");
  const auto layer = [&](const Tensor& input, Size out, Size kt, Size stride) {
    Tensor y = group_norm(input);
    y = like(y);
    return conv(y, out, {kt, kernel, kernel}, {stride, 1, 1}, {0, side, side});
  };
  switch (way) {
    case Way::same: {
      x = pad_time(x);
      x = layer(x, width, 3, 1);
      break;
    }
    case Way::down: x = layer(x, width, 2, 2); break;
    case Way::up: {
      x = layer(x, 2 * width, 1, 1);
      x = t.make({batch, width, 2 * x.dim(2), x.dim(3), x.dim(4)}, x.dtype(), "frames interleaved");
      break;
    }
  }
  for (int i = 0; i < 3; ++i) {
    x = pad_time(x);
    x = layer(x, width, 3, 1);
  }
  x = el(identity, x);
  return in_frames(x);
}

Tensor mid_block(const Tensor& input) {
  const Size batch = input.dim(0), width = input.dim(1);
  Tensor x = in_frames(input);
  x = resnet_block(x, {}, width);
  x = temporal(x, batch, Way::same);
  AttnOptions o;
  o.heads = 1;
  o.head_dim = width;
  o.bias = true;
  o.group_norm = true;
  x = attention_2_0(x, {}, o);
  x = resnet_block(x, {}, width);
  x = temporal(x, batch, Way::same);
  return in_clip(x, batch);
}

Tensor smoothed(const Tensor& clip) {
  Tensor x = conv(clip, clip.dim(1), {3, 1, 1}, {1, 1, 1}, {1, 0, 0});
  return el(x, clip);
}

// `residual`: what the first layers added keeps its name until the last layers have one of their own.
Tensor last_layers(const Tensor& clip, Tensor& residual, Size out) {
  const Size batch = clip.dim(0);
  Tensor x = in_frames(clip);
  x = group_norm(x);
  x = like(x);
  x = in_clip(x, batch);
  residual = x;
  x = smoothed(x);
  x = in_frames(x);
  x = conv2d(x, out);
  return in_clip(x, batch);
}

Tensor decoder(const Tensor& z, const Config& c) {
  const Size batch = z.dim(0);
  Tensor x = in_frames(z);
  x = conv2d(x, c.widths.back());
  x = in_clip(x, batch);
  Tensor residual = x;
  x = smoothed(x);
  x = mid_block(x);
  for (std::size_t i = c.widths.size(); i-- > 0;) {
    const auto level = [&](const Tensor& clip) {
      Tensor y = in_frames(clip);
      for (Size layer = 0; layer <= c.layers; ++layer) {
        y = resnet_block(y, {}, c.widths[i]);
        y = temporal(y, batch, Way::same);
      }
      if (c.time_up[c.widths.size() - 1 - i] != 0) y = temporal(y, batch, Way::up);
      if (i > 0) {
        const Tensor low = y;
        Tensor high = resize(low, {2 * low.dim(2), 2 * low.dim(3)});
        high = conv2d(high, c.widths[i]);
        y = std::move(high);
      }
      return in_clip(y, batch);
    };
    x = level(x);
  }
  return last_layers(x, residual, c.out_channels);
}

Tensor encoder(const Tensor& image, const Config& c) {
  const Size batch = image.dim(0);
  Tensor x = in_frames(image);
  x = conv2d(x, c.widths.front());
  x = in_clip(x, batch);
  Tensor residual = x;
  x = smoothed(x);
  for (std::size_t i = 0; i < c.widths.size(); ++i) {
    const auto level = [&](const Tensor& clip) {
      Tensor y = in_frames(clip);
      for (Size layer = 0; layer < c.layers; ++layer) {
        y = resnet_block(y, {}, c.widths[i]);
        y = temporal(y, batch, Way::same);
      }
      if (c.time_down[i] != 0) y = temporal(y, batch, Way::down);
      if (i + 1 < c.widths.size()) {
        const Tensor high = y;
        const Tensor padded = pad(high, {0, 1, 0, 1});
        y = conv2d(padded, c.widths[i], 3, 2, 0);
      }
      return in_clip(y, batch);
    };
    x = level(x);
  }
  x = mid_block(x);
  return last_layers(x, residual, 2 * c.latents);
}

struct Cubes {
  Size frames, height, width;  // of one
  Size count;
};
// As many cubes as fit, at least one.
Cubes cubes_of(const Config& c, Size frames, Size height, Size width, Size time, Size space) {
  const auto along = [](Size all, Size kernel, Size step) {
    return std::max<Size>(0, (all - kernel) / std::max<Size>(1, step)) + 1;
  };
  Cubes cubes{Config::kFrames / time, c.side / space, c.side / space, 1};
  cubes.count = along(frames, cubes.frames, (Config::kFrames - Config::kOverlapFrames) / time) *
                along(height, cubes.height, (c.side - Config::kOverlapHeight) / space) *
                along(width, cubes.width, (c.side - Config::kOverlapWidth) / space);
  return cubes;
}

// All results are kept until they are blended into one.
template <class Codec>
Tensor in_cubes(const Tensor& x, const Cubes& cubes, const Shape& result, Codec codec) {
  Trace& t = x.trace();
  Shape all = result;
  all[0] = cubes.count;
  const Tensor results = t.make(all, x.dtype(), "tiles");
  Tensor out;
  for (Size i = 0; i < std::min<Size>(cubes.count, 2); ++i) {
    const Tensor part = t.make({1, x.dim(1), cubes.frames, cubes.height, cubes.width}, x.dtype(), "one tile");
    out = i == 0 ? codec(part) : t.uncounted([&] { return codec(part); });
  }
  return results;
}

}  // namespace

void trace_allegro_decode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor z =
      t.input({in.batch, in.latent_channels, in.latent_frames, in.latent_height, in.latent_width}, in.dtype, "latents");
  const Tensor out = sliced(z, in.slicing, [&](const Tensor& latents) {
    const Size batch = latents.dim(0), space = c.space();
    Tensor x = in_frames(latents);
    x = conv2d(x, c.latents, 1, 1, 0);
    x = in_clip(x, batch);
    const Cubes cubes = cubes_of(c, x.dim(2), x.dim(3), x.dim(4), c.time, space);
    const Tensor tiles = in_cubes(x, cubes, {1, c.out_channels, Config::kFrames, c.side, c.side},
                                  [&](const Tensor& part) { return decoder(part, c); });
    Tensor video =
        t.make({batch, c.out_channels, x.dim(2) * c.time, x.dim(3) * space, x.dim(4) * space}, x.dtype(), "video");
    return copy(video);
  });
}

void trace_allegro_encode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor image = t.input({in.batch, c.in_channels, in.frames, in.height, in.width}, in.dtype, "pictures");
  const Tensor out = sliced(image, in.slicing, [&](const Tensor& x) {
    const Size batch = x.dim(0), space = c.space();
    const Cubes cubes = cubes_of(c, x.dim(2), x.dim(3), x.dim(4), 1, 1);
    const Tensor tiles = in_cubes(x, cubes, {1, 2 * c.latents, cubes.frames / c.time, c.side / space, c.side / space},
                                  [&](const Tensor& part) { return encoder(part, c); });
    Tensor latent =
        t.make({batch * std::max<Size>(1, in.frames / c.time), 2 * c.latents, in.height / space, in.width / space},
               x.dtype(), "latents");
    return conv2d(latent, 2 * c.latents, 1, 1, 0);
  });
}

}  // namespace vram::diffusion
