// PaellaVQModel, the autoencoder of Stable Cascade. Source: huggingface/diffusers 58eb52c0803e,
// pipelines/deprecated/wuerstchen/modeling_paella_vq_model.py.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

struct Config {
  Size channels, out_channels, scale, levels, bottleneck, width, latent_channels, codes;
  explicit Config(const Settings& s)
      : channels(s.integer("in_channels", 3)),
        out_channels(s.integer("out_channels", 3)),
        scale(std::max<Size>(1, s.integer("up_down_scale_factor", 2))),
        levels(std::clamp<Size>(s.integer("levels", 2), 1, 10)),
        bottleneck(s.integer("bottleneck_blocks", 12)),
        width(s.integer("embed_dim", 384)),
        latent_channels(s.integer("latent_channels", 4)),
        codes(s.integer("num_vq_embeddings", 8192)) {}
  Size width_of(Size level) const { return std::max<Size>(1, width >> (levels - 1 - level)); }
};

// MixingResidualBlock
Tensor mix(const Tensor& input) {
  Trace& t = input.trace();
  const Size width = input.dim(1), h = input.dim(2), w = input.dim(3);
  t.count(6);
  const auto normed = [&](const Tensor& x) { return like(like(layer_norm(x, false))); };
  Tensor shifted = normed(input);
  Tensor x;
  {
    const Tensor padded = pad(shifted, {1, 1, 1, 1});
    Tensor y = conv2d(padded, width, 3, 1, 0, true, width);
    y = like(std::move(y));
    x = el(input, std::move(y));
  }
  shifted = normed(x);
  Tensor y = linear(shifted.view({input.dim(0), h, w, width}), 4 * width);
  y = like(std::move(y));
  y = linear(std::move(y), width);
  y = like(std::move(y));
  return el(x, y.view({input.dim(0), width, h, w}, false));
}

Tensor twice_as_large(const Tensor& x, Size out) {
  x.trace().count(x.dim(1) * out * 16 + out);
  return x.trace().make({x.dim(0), out, 2 * x.dim(2), 2 * x.dim(3)}, x.dtype(), "transposed convolution");
}

}  // namespace

void trace_paella_decode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor z = t.input({in.batch, c.latent_channels, in.latent_height, in.latent_width}, in.dtype, "latents");
  t.count(c.codes * c.latent_channels);
  Tensor x = conv2d(z, c.width_of(c.levels - 1), 1, 1, 0);
  for (Size i = 0; i < c.levels; ++i) {
    const Size level = c.levels - 1 - i;
    t.repeat(i == 0 ? c.bottleneck : 1, [&] { x = mix(x); });
    if (level > 0) x = twice_as_large(x, c.width_of(level - 1));
  }
  x = conv2d(x, c.out_channels * c.scale * c.scale, 1, 1, 0);
  x = t.make({in.batch, c.out_channels, x.dim(2) * c.scale, x.dim(3) * c.scale}, in.dtype, "pixel shuffle");
}

void trace_paella_encode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Tensor image = t.input({in.batch, c.channels, in.height, in.width}, in.dtype, "picture");
  Tensor x = t.make({in.batch, c.channels * c.scale * c.scale, in.height / c.scale, in.width / c.scale}, in.dtype,
                    "pixel unshuffle");
  x = conv2d(x, c.width_of(0), 1, 1, 0);
  for (Size level = 0; level < c.levels; ++level) {
    if (level > 0) x = conv2d(x, c.width_of(level), 4, 2, 1);
    x = mix(x);
  }
  x = conv2d(x, c.latent_channels, 1, 1, 0, false);
  t.count(2 * c.latent_channels);  // batch norm
  x = like(x);
}

}  // namespace vram::diffusion
