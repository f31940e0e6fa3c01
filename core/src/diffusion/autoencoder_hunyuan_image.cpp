// AutoencoderKLHunyuanImage: 32 times smaller sides, pixels shuffled into channels beside the convolutions. Source:
// huggingface/diffusers 58eb52c0803e, models/autoencoders/autoencoder_kl_hunyuanimage.py.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"
#include "diffusion/tiles.hpp"

namespace vram::diffusion {
namespace {

struct Config {
  std::vector<std::int64_t> widths;
  Size layers, channels, latent_channels, factor, sample_size;
  bool down_match, up_match;
  explicit Config(const Settings& s)
      : widths(s.integers("block_out_channels", {128, 256, 512, 512, 1024, 1024})),
        layers(s.integer("layers_per_block", 2)),
        channels(s.integer("out_channels", 3)),
        latent_channels(s.integer("latent_channels", 64)),
        factor(std::max<Size>(1, s.integer("spatial_compression_ratio", 32))),
        sample_size(s.integer("sample_size", 384)),
        down_match(s.truth("downsample_match_channel", true)),
        up_match(s.truth("upsample_match_channel", true)) {
    require(!widths.empty() && latent_channels > 0 && widths.back() % (2 * latent_channels) == 0,
            "its widest level is no multiple of twice its latent channels");
  }
  // Levels below this one change the size.
  std::size_t resampled() const {
    std::size_t levels = 0;
    while ((Size{1} << levels) < factor) ++levels;
    return std::min(levels, widths.size() - 1);
  }
};

Tensor resnet(const Tensor& input, Size out) {
  Tensor x = like(group_norm(input));
  x = conv2d(x, out);
  x = group_norm(x);
  x = like(x);
  x = conv2d(x, out);
  if (input.dim(1) != out) x = conv2d(x, out, 1, 1, 0);
  return el(x, input.view({input.dim(0), out, input.dim(2), input.dim(3)}));
}

Tensor attention(const Tensor& input) {
  const Size batch = input.dim(0), width = input.dim(1), pixels = input.dim(2) * input.dim(3);
  Tensor x = group_norm(input);
  const auto project = [&] {
    const Tensor y = conv2d(x, width, 1, 1, 0);
    return copy(y).view({batch, 1, pixels, width});
  };
  const Tensor query = project(), key = project(), value = project();
  x = attend(query, key, value, 1).view({batch, width, input.dim(2), input.dim(3)}, false);
  x = conv2d(x, width, 1, 1, 0);
  return el(x, input);
}

Tensor mid_block(Tensor x) {
  const Size width = x.dim(1);
  x = resnet(x, width);
  x = attention(x);
  return resnet(x, width);
}

Tensor shuffled(const Tensor& x, const Shape& shape) { return x.trace().make(shape, x.dtype(), "pixel shuffle"); }

Tensor up(const Tensor& input, Size out) {
  const Size batch = input.dim(0), h = input.dim(2), w = input.dim(3);
  const Shape large{batch, out, 2 * h, 2 * w};
  Tensor x = conv2d(input, 4 * out);
  x = shuffled(x, large);
  Tensor shortcut = input.trace().make({batch, 4 * out, h, w}, input.dtype(), "repeated");
  shortcut = shuffled(shortcut, large);
  return el(x, shortcut);
}

Tensor down(const Tensor& input, Size out) {
  const Size batch = input.dim(0), h = input.dim(2) / 2, w = input.dim(3) / 2;
  Tensor x = conv2d(input, out / 4);
  x = shuffled(x, {batch, out, h, w});
  Tensor shortcut = shuffled(input, {batch, 4 * input.dim(1), h, w});
  shortcut = input.trace().make({batch, out, h, w}, input.dtype(), "mean of groups");
  return el(x, shortcut);
}

Tensor decoder(const Tensor& z, const Config& c) {
  const std::vector<std::int64_t> widths(c.widths.rbegin(), c.widths.rend());
  Tensor x;
  {
    const Tensor first = conv2d(z, widths.front());
    const Tensor repeated = z.trace().make(first.shape(), z.dtype(), "repeated");
    x = el(first, repeated);
  }
  {
    const Tensor held = x;
    x = mid_block(held);
  }
  for (std::size_t i = 0; i < widths.size(); ++i) {
    for (Size layer = 0; layer <= c.layers; ++layer) x = resnet(x, widths[i]);
    if (i < c.resampled()) x = up(x, c.up_match ? widths[i + 1] : widths[i]);
  }
  x = like(group_norm(x));
  return conv2d(x, c.channels);
}

Tensor encoder(const Tensor& image, const Config& c) {
  Tensor x = conv2d(image, c.widths.front());
  for (std::size_t i = 0; i < c.widths.size(); ++i) {
    for (Size layer = 0; layer < c.layers; ++layer) x = resnet(x, c.widths[i]);
    if (i < c.resampled()) x = down(x, c.down_match ? c.widths[i + 1] : c.widths[i]);
  }
  {
    const Tensor held = x;
    x = mid_block(held);
  }
  const Tensor residual =
      x.trace().make({x.dim(0), 2 * c.latent_channels, x.dim(2), x.dim(3)}, x.dtype(), "mean of groups");
  x = like(group_norm(x));
  x = conv2d(x, 2 * c.latent_channels);
  return el(x, residual);
}

}  // namespace

void trace_hunyuan_image_decode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor z = t.input({in.batch, c.latent_channels, in.latent_height, in.latent_width}, in.dtype, "latents");
  const Size side = in.tile > 0 ? in.tile : c.sample_size, tile = std::max<Size>(1, side / c.factor);
  const Tensor image = sliced(z, in.slicing, [&](const Tensor& part) {
    const auto decode = [&](const Tensor& x) { return decoder(x, c); };
    if (in.tiling && (part.dim(2) > tile || part.dim(3) > tile)) {
      const Size step = std::max<Size>(1, tile * 3 / 4), kept = side - side / 4;
      return tiled(part, {tile, tile, step, step, kept, kept}, decode);
    }
    return decode(part);
  });
}

void trace_hunyuan_image_encode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor image = t.input({in.batch, s.integer("in_channels", 3), in.height, in.width}, in.dtype, "picture");
  const Size side = in.tile > 0 ? in.tile : c.sample_size, tile = std::max<Size>(1, side / c.factor);
  const Tensor latents = sliced(image, in.slicing, [&](const Tensor& part) {
    const auto encode = [&](const Tensor& x) { return encoder(x, c); };
    if (in.tiling && (part.dim(2) > side || part.dim(3) > side)) {
      const Size step = side * 3 / 4, kept = tile - tile / 4;
      return tiled(part, {side, side, step, step, kept, kept}, encode);
    }
    return encode(part);
  });
}

}  // namespace vram::diffusion
