// AutoencoderKLCogVideoX. Source: huggingface/diffusers 58eb52c0803e,
// models/autoencoders/autoencoder_kl_cogvideox.py, upsampling.py, downsampling.py.
#include <algorithm>

#include "diffusion/causal.hpp"
#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"
#include "diffusion/tiles.hpp"

namespace vram::diffusion {
namespace {

struct Config {
  std::vector<std::int64_t> widths;
  Size layers, latent_channels, in_channels, out_channels, sample_height, sample_width, levels;
  explicit Config(const Settings& s)
      : widths(s.integers("block_out_channels", {128, 256, 256, 512})),
        layers(s.integer("layers_per_block", 3)),
        latent_channels(s.integer("latent_channels", 16)),
        in_channels(s.integer("in_channels", 3)),
        out_channels(s.integer("out_channels", 3)),
        sample_height(s.integer("sample_height", 480)),
        sample_width(s.integer("sample_width", 720)),
        levels(s.number("temporal_compression_ratio", 4) >= 4 ? 2 : 1) {}
};

// Along the sides the convolution pads by itself, unless they were `padded` beforehand.
Tensor safe_conv(const Tensor& x, Size out, Size kernel, bool padded = false) {
  const Size side = padded ? 0 : kernel / 2;
  return vram::diffusion::safe_conv(x, out, {kernel, kernel, kernel}, {1, 1, 1}, {0, side, side});
}

// Until 0.30 a convolution held one cache at a time; until 0.32 the sides were padded in a copy of their own.
bool until_0_30(const Trace& t) { return t.rules().diffusers_minor <= 30; }
bool until_0_32(const Trace& t) { return t.rules().diffusers_minor <= 32; }

Tensor causal_conv(const Tensor& input, Size out, Size kernel, CausalCaches& caches) {
  Tensor x = input;
  if (kernel > 1) {
    Tensor before = caches.before();
    if (!before) before = slice(x, 2, 1).view({x.dim(0), x.dim(1), kernel - 1, x.dim(3), x.dim(4)}, false);
    x = cat({before, x}, 2);
    before.reset();
  }
  if (until_0_30(x.trace())) caches.forget();
  caches.keep(copy(kernel > 1 ? slice(x, 2, kernel - 1) : x));
  if (!until_0_32(x.trace())) return safe_conv(x, out, kernel);
  const Size side = kernel / 2;
  x = pad(x, {side, side, side, side});
  return safe_conv(x, out, kernel, true);
}

Tensor spatial_norm(const Tensor& f, const Tensor& z, CausalCaches& caches) {
  Tensor zq = z, first, rest;
  const auto sized = [&](const Tensor& x, Size frames) { return resize(x, {frames, f.dim(3), f.dim(4)}); };
  if (f.dim(2) > 1 && f.dim(2) % 2 == 1) {
    first = sized(slice(zq, 2, 1), 1);
    rest = sized(slice(zq, 2, zq.dim(2) - 1), f.dim(2) - 1);
    zq = cat({first, rest}, 2);
  } else {
    zq = sized(zq, f.dim(2));
  }
  if (until_0_30(f.trace())) {
    const Tensor normed = group_norm(f);
    Tensor scaled;
    {
      Tensor scale = causal_conv(zq, f.dim(1), 1, caches);
      scaled = el(normed, std::move(scale));
    }
    Tensor shift = causal_conv(zq, f.dim(1), 1, caches);
    return el(std::move(scaled), std::move(shift));
  }
  const Tensor scale = causal_conv(zq, f.dim(1), 1, caches);
  const Tensor shift = causal_conv(zq, f.dim(1), 1, caches);
  const Tensor normed = group_norm(f);
  Tensor product = el(normed, scale);
  return el(std::move(product), shift);
}

Tensor resnet(const Tensor& input, const Tensor& z, Size out, CausalCaches& caches) {
  Tensor hidden = input, skip = input;
  const auto norm = [&](const Tensor& x) { return z ? spatial_norm(x, z, caches) : group_norm(x); };
  hidden = norm(hidden);
  hidden = like(hidden);
  hidden = causal_conv(hidden, out, 3, caches);
  hidden = norm(hidden);
  hidden = like(hidden);
  hidden = causal_conv(hidden, out, 3, caches);
  if (input.dim(1) != out) skip = safe_conv(skip, out, 1);
  return el(hidden, skip);
}

Tensor flat(const Tensor& x) {
  return reshape(permute(x, {0, 2, 1, 3, 4}), {x.dim(0) * x.dim(2), x.dim(1), x.dim(3), x.dim(4)});
}
Tensor unflat(const Tensor& x, Size batch) {
  return permute(x.view({batch, x.dim(0) / batch, x.dim(1), x.dim(2), x.dim(3)}), {0, 2, 1, 3, 4});
}

Tensor upsample(const Tensor& input, bool time) {
  Tensor x = input;
  const Size batch = x.dim(0), width = x.dim(1);
  Tensor first, rest;
  if (time && x.dim(2) > 1) {
    if (x.dim(2) % 2 == 1) {
      first = slice(x, 2, 1);
      rest = slice(x, 2, x.dim(2) - 1);
      first = resize(first, {1, 2 * x.dim(3), 2 * x.dim(4)});
      rest = resize(rest, {2 * rest.dim(2), 2 * x.dim(3), 2 * x.dim(4)});
      x = cat({first, rest}, 2);
    } else {
      x = resize(x, {2 * x.dim(2), 2 * x.dim(3), 2 * x.dim(4)});
    }
  } else if (time) {
    x = resize(x, {2 * x.dim(3), 2 * x.dim(4)});
  } else {
    x = flat(x);
    x = resize(x, {2 * x.dim(2), 2 * x.dim(3)});
    x = unflat(x, batch);
  }
  x = flat(x);
  x = conv2d(x, width);
  return unflat(x, batch);
}

Tensor downsample(const Tensor& input, bool time) {
  Tensor x = input, first, rest;
  const Size batch = x.dim(0), width = x.dim(1), h = x.dim(3), w = x.dim(4);
  if (time) {
    x = reshape(permute(x, {0, 3, 4, 1, 2}), {batch * h * w, width, x.dim(2)});
    const Size frames = x.dim(2);
    if (frames % 2 == 1) {
      first = slice(x, 2, 1);
      rest = slice(x, 2, frames - 1);
      if (frames > 1) rest = x.trace().make({batch * h * w, width, frames / 2}, x.dtype(), "pooling");
      x = cat({first, rest}, 2);
    } else {
      x = x.trace().make({batch * h * w, width, frames / 2}, x.dtype(), "pooling");
    }
    x = permute(reshape(x, {batch, h, w, width, x.dim(2)}), {0, 3, 4, 1, 2});
  }
  x = pad(x, {0, 1, 0, 1});
  x = flat(x);
  x = conv2d(x, width, 3, 2, 0);
  return unflat(x, batch);
}

Tensor decoder(const Tensor& z, const Config& c, CausalCaches& caches) {
  Tensor x = causal_conv(z, c.widths.back(), 3, caches);
  const auto block = [&](auto body) {
    const Tensor held = x;
    Tensor y = held;
    body(y);
    x = std::move(y);
  };
  block([&](Tensor& y) {
    for (int i = 0; i < 2; ++i) y = resnet(y, z, c.widths.back(), caches);
  });
  for (std::size_t i = 0; i < c.widths.size(); ++i) {
    const Size width = c.widths[c.widths.size() - 1 - i];
    block([&](Tensor& y) {
      for (Size layer = 0; layer <= c.layers; ++layer) y = resnet(y, z, width, caches);
      if (i + 1 < c.widths.size()) y = upsample(y, static_cast<Size>(i) < c.levels);
    });
  }
  x = spatial_norm(x, z, caches);
  x = like(x);
  x = causal_conv(x, c.out_channels, 3, caches);
  return x;
}

Tensor encoder(const Tensor& image, const Config& c, CausalCaches& caches) {
  Tensor x = causal_conv(image, c.widths.front(), 3, caches);
  const auto block = [&](auto body) {
    const Tensor held = x;
    Tensor y = held;
    body(y);
    x = std::move(y);
  };
  for (std::size_t i = 0; i < c.widths.size(); ++i) {
    block([&](Tensor& y) {
      for (Size layer = 0; layer < c.layers; ++layer) y = resnet(y, {}, c.widths[i], caches);
      if (i + 1 < c.widths.size()) y = downsample(y, static_cast<Size>(i) < c.levels);
    });
  }
  block([&](Tensor& y) {
    for (int i = 0; i < 2; ++i) y = resnet(y, {}, c.widths.back(), caches);
  });
  x = group_norm(x);
  x = like(x);
  x = causal_conv(x, 2 * c.latent_channels, 3, caches);
  return x;
}

// A clip in pieces of `step` frames; the first also takes what is left over.
template <class Codec>
Tensor clip(const Tensor& in, Size step, Codec codec) {
  Trace& t = in.trace();
  const Size count = std::max<Size>(in.dim(2) / step, 1), left = in.dim(2) % step;
  CausalCaches caches;
  Tensor held;
  std::vector<Tensor> parts = pieces(t, count, [&](Size i) {
    const Size frames = in.dim(2) < step ? in.dim(2) : i == 0 ? step + left : step;
    Tensor out = codec(slice(in, 2, frames), caches);
    caches.next_piece();
    return out;
  });
  return cat(parts, 2);
}

// tile_overlap_factor_height, ..._width
constexpr double kOverlapH = 1.0 / 6, kOverlapW = 1.0 / 5;

// Tiles of `height` x `width` on the way in, of `out_height` x `out_width` on the way out.
Tiles tiles_of(Size height, Size width, Size out_height, Size out_width) {
  const auto part = [](Size whole, double factor) { return static_cast<Size>(static_cast<double>(whole) * factor); };
  return {height,
          width,
          part(height, 1 - kOverlapH),
          part(width, 1 - kOverlapW),
          out_height - part(out_height, kOverlapH),
          out_width - part(out_width, kOverlapW)};
}

}  // namespace

void trace_cogvideox_decode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor z =
      t.input({in.batch, in.latent_channels, in.latent_frames, in.latent_height, in.latent_width}, in.dtype, "latents");
  const Size factor = Size{1} << (c.widths.size() - 1);
  const Size tile_h = c.sample_height / 2, tile_w = c.sample_width / 2;
  const Size latent_h = tile_h / factor, latent_w = tile_w / factor;
  const auto codec = [&](const Tensor& x, CausalCaches& caches) { return decoder(x, c, caches); };
  const Tensor out = sliced(z, in.slicing, [&](const Tensor& x) {
    if (in.tiling && (x.dim(3) > latent_h || x.dim(4) > latent_w)) {
      return tiled(x, tiles_of(latent_h, latent_w, tile_h, tile_w),
                   [&](const Tensor& part) { return clip(part, 2, codec); });
    }
    return clip(x, 2, codec);
  });
}

void trace_cogvideox_encode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor image = t.input({in.batch, c.in_channels, in.frames, in.height, in.width}, in.dtype, "pictures");
  const Size factor = Size{1} << (c.widths.size() - 1);
  const Size tile_h = c.sample_height / 2, tile_w = c.sample_width / 2;
  const Size latent_h = tile_h / factor, latent_w = tile_w / factor;
  const auto codec = [&](const Tensor& x, CausalCaches& caches) { return encoder(x, c, caches); };
  const Tensor out = sliced(image, in.slicing, [&](const Tensor& x) {
    if (in.tiling && (x.dim(3) > tile_h || x.dim(4) > tile_w)) {
      return tiled(x, tiles_of(tile_h, tile_w, latent_h, latent_w),
                   [&](const Tensor& part) { return clip(part, 8, codec); });
    }
    return clip(x, 8, codec);
  });
}

}  // namespace vram::diffusion
