// AutoencoderKL. Source: huggingface/diffusers 58eb52c0803e, models/autoencoders/vae.py, autoencoder_kl.py,
// unets/unet_2d_blocks.py.
#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"
#include "diffusion/tiles.hpp"

namespace vram::diffusion {
namespace {

struct Config {
  std::vector<std::int64_t> widths, decoder_widths;
  Size layers, latent_channels, in_channels, out_channels, sample_size;
  bool quant_conv, post_quant_conv, attention;
  Config(const Settings& s, Size channels, Size side)
      : widths(s.integers("block_out_channels", {128, 256, 512, 512})),
        decoder_widths(s.integers("decoder_block_out_channels", {})),
        layers(s.integer("layers_per_block", 2)),
        latent_channels(s.integer("latent_channels", channels)),
        in_channels(s.integer("in_channels", 3)),
        out_channels(s.integer("out_channels", 3)),
        sample_size(s.integer("sample_size", side)),
        quant_conv(s.truth("use_quant_conv", true)),
        post_quant_conv(s.truth("use_post_quant_conv", true)),
        attention(s.truth("mid_block_add_attention", true)) {
    if (decoder_widths.empty()) decoder_widths = widths;
  }
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
  Tensor x = conv2d(z, c.decoder_widths.back());
  {
    const Tensor held = x;  // the caller keeps its input while the block runs
    x = mid_block(held, c.attention);
  }
  for (std::size_t i = c.decoder_widths.size(); i-- > 0;) {
    const Tensor held = x;
    Tensor y = held;
    for (Size layer = 0; layer <= c.layers; ++layer) y = resnet_block(y, {}, c.decoder_widths[i]);
    if (i > 0) {
      const Tensor low = y;
      Tensor up = resize(low, {2 * low.dim(2), 2 * low.dim(3)});
      up = conv2d(up, c.decoder_widths[i]);
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

void decode_with(Trace& t, const Config& c, const CodecInput& in) {
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
      const Size step = tile * 3 / 4, kept = side - side / 4;
      return tiled(part, {tile, tile, step, step, kept, kept}, decode);
    }
    return decode(part);
  };
  const Tensor image = sliced(z, in.slicing, one);
}

void encode_with(Trace& t, const Config& c, const CodecInput& in) {
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
      const Size step = side * 3 / 4, kept = latent - latent / 4;
      return tiled(part, {side, side, step, step, kept, kept}, encode);
    }
    return encode(part);
  };
  const Tensor latents = sliced(image, in.slicing, one);
}

}  // namespace

void trace_kl_decode(Trace& t, const Settings& s, const CodecInput& in) { decode_with(t, Config(s, 4, 512), in); }
void trace_kl_encode(Trace& t, const Settings& s, const CodecInput& in) { encode_with(t, Config(s, 4, 512), in); }
// autoencoder_kl_flux2.py: the same blocks; its batch norm of the packed latents has no weights.
void trace_kl_flux_2_decode(Trace& t, const Settings& s, const CodecInput& in) {
  t.count_buffer(2 * 4 * s.integer("latent_channels", 32));
  decode_with(t, Config(s, 32, 1024), in);
}
void trace_kl_flux_2_encode(Trace& t, const Settings& s, const CodecInput& in) {
  encode_with(t, Config(s, 32, 1024), in);
}

}  // namespace vram::diffusion
