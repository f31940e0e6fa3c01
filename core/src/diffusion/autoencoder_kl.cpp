// AutoencoderKL. Source: huggingface/diffusers 58eb52c0803e, models/autoencoders/vae.py, autoencoder_kl.py,
// unets/unet_2d_blocks.py.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

struct Config {
  std::vector<std::int64_t> widths;
  Size layers, latent_channels, in_channels, out_channels, sample_size;
  bool quant_conv, post_quant_conv, attention;
  explicit Config(const Settings& s)
      : widths(s.integers("block_out_channels", {128, 256, 512, 512})),
        layers(s.integer("layers_per_block", 2)),
        latent_channels(s.integer("latent_channels", 4)),
        in_channels(s.integer("in_channels", 3)),
        out_channels(s.integer("out_channels", 3)),
        sample_size(s.integer("sample_size", 512)),
        quant_conv(s.truth("use_quant_conv", true)),
        post_quant_conv(s.truth("use_post_quant_conv", true)),
        attention(s.truth("mid_block_add_attention", true)) {}
};

Tensor mid_block(Tensor x, bool attention) {
  const Size width = x.dim(1);
  x = resnet_block(x, {}, width);
  if (attention) {
    AttnOptions o;
    o.heads = 1;
    o.head_dim = width;
    o.bias = true;
    o.group_norm = true;
    x = attention_2_0(x, {}, o);
  }
  x = resnet_block(x, {}, width);
  return x;
}

Tensor decoder(const Tensor& z, const Config& c) {
  Tensor x = conv2d(z, c.widths.back());
  {
    const Tensor held = x;  // the caller keeps its input while the block runs
    x = mid_block(held, c.attention);
  }
  for (std::size_t i = c.widths.size(); i-- > 0;) {
    const Tensor held = x;
    Tensor y = held;
    for (Size layer = 0; layer <= c.layers; ++layer) y = resnet_block(y, {}, c.widths[i]);
    if (i > 0) {
      const Tensor low = y;
      Tensor up = resize(low, {2 * low.dim(2), 2 * low.dim(3)});
      up = conv2d(up, c.widths[i]);
      y = std::move(up);
    }
    x = std::move(y);
  }
  x = group_norm(x);
  x = like(x);
  x = conv2d(x, c.out_channels);
  return x;
}

Tensor encoder(const Tensor& image, const Config& c) {
  Tensor x = conv2d(image, c.widths.front());
  for (std::size_t i = 0; i < c.widths.size(); ++i) {
    const Tensor held = x;
    Tensor y = held;
    for (Size layer = 0; layer < c.layers; ++layer) y = resnet_block(y, {}, c.widths[i]);
    if (i + 1 < c.widths.size()) {
      const Tensor high = y;
      const Tensor padded = pad(high, {0, 1, 0, 1});
      y = conv2d(padded, c.widths[i], 3, 2, 0);
    }
    x = std::move(y);
  }
  {
    const Tensor held = x;
    x = mid_block(held, c.attention);
  }
  x = group_norm(x);
  x = like(x);
  x = conv2d(x, 2 * c.latent_channels);
  return x;
}

// The tiles of a picture: decoded (or encoded) one by one, kept, then joined.
template <class Codec>
Tensor tiled(const Tensor& in, Size tile, Size step, Size limit, Codec codec) {
  std::vector<std::vector<Tensor>> rows;
  bool first = true;
  for (Size i = 0; i < in.dim(2); i += step) {
    std::vector<Tensor>& row = rows.emplace_back();
    for (Size j = 0; j < in.dim(3); j += step) {
      const Size h = std::min(tile, in.dim(2) - i), w = std::min(tile, in.dim(3) - j);
      const Tensor part = in.view({in.dim(0), in.dim(1), h, w}, h == in.dim(2) && w == in.dim(3));
      row.push_back(first ? codec(part) : in.trace().uncounted([&] { return codec(part); }));
      first = false;
    }
  }
  std::vector<Tensor> joined_rows;
  for (const std::vector<Tensor>& row : rows) {
    std::vector<Tensor> parts;
    for (const Tensor& t : row) {
      parts.push_back(t.view({t.dim(0), t.dim(1), std::min(limit, t.dim(2)), std::min(limit, t.dim(3))}, false));
    }
    joined_rows.push_back(cat(parts, 3));
  }
  return cat(joined_rows, 2);
}

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

}  // namespace

void trace_kl_decode(Trace& t, const Settings& settings, const CodecInput& in) {
  const Config c(settings);
  const Tensor z = t.input({in.batch, in.latent_channels, in.latent_height, in.latent_width}, in.dtype, "latents");
  const Size factor = Size{1} << (c.widths.size() - 1);
  const Size side = in.tile > 0 ? in.tile : c.sample_size, tile = side / factor;
  const auto one = [&](const Tensor& part) {
    const auto decode = [&](const Tensor& x) {
      Tensor y = x;
      if (c.post_quant_conv) y = conv2d(x, c.latent_channels, 1, 1, 0);
      return decoder(y, c);
    };
    if (in.tiling && (part.dim(2) > tile || part.dim(3) > tile)) {
      return tiled(part, tile, tile * 3 / 4, side - side / 4, decode);
    }
    return decode(part);
  };
  const Tensor image = sliced(z, in.slicing, one);
}

void trace_kl_encode(Trace& t, const Settings& settings, const CodecInput& in) {
  const Config c(settings);
  const Tensor image = t.input({in.batch, c.in_channels, in.height, in.width}, in.dtype, "picture");
  const Size factor = Size{1} << (c.widths.size() - 1);
  const Size side = in.tile > 0 ? in.tile : c.sample_size;
  const auto one = [&](const Tensor& part) {
    const auto encode = [&](const Tensor& x) {
      Tensor y = encoder(x, c);
      if (c.quant_conv) y = conv2d(y, 2 * c.latent_channels, 1, 1, 0);
      return y;
    };
    if (in.tiling && (part.dim(2) > side || part.dim(3) > side)) {
      const Size latent = side / factor;
      return tiled(part, side, side * 3 / 4, latent - latent / 4, encode);
    }
    return encode(part);
  };
  const Tensor latents = sliced(image, in.slicing, one);
}

}  // namespace vram::diffusion
