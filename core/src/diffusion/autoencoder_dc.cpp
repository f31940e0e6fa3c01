// AutoencoderDC, the deep-compression autoencoder of Sana. Source: huggingface/diffusers 58eb52c0803e,
// models/autoencoders/autoencoder_dc.py, attention_processor.py SanaMultiscaleAttnProcessor2_0.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"
#include "diffusion/tiles.hpp"

namespace vram::diffusion {
namespace {

// One half of it.
struct Half {
  std::vector<std::int64_t> widths, layers;
  std::vector<std::string_view> blocks;
  std::vector<std::int64_t> kernels;  // of the second scale of attention; 0: none
  Size head_dim;
  bool resample;  // by interpolation (up), by strided convolution (down)
  Half(const Settings& s, bool decoder)
      : widths(s.integers(decoder ? "decoder_block_out_channels" : "encoder_block_out_channels",
                          {128, 256, 512, 512, 1024, 1024})),
        layers(decoder ? s.integers("decoder_layers_per_block", {3, 3, 3, 3, 3, 3})
                       : s.integers("encoder_layers_per_block", {2, 2, 2, 3, 3, 3})),
        blocks(s.texts(decoder ? "decoder_block_types" : "encoder_block_types", {"ResBlock"})),
        // A list a level, read as its first number: [[], [], [], [5], [5], [5]].
        kernels(s.integers(decoder ? "decoder_qkv_multiscales" : "encoder_qkv_multiscales", {0, 0, 0, 5, 5, 5})),
        head_dim(std::max<Size>(1, s.integer("attention_head_dim", 32))),
        resample(decoder ? s.text("upsample_block_type", "pixel_shuffle") == "interpolate"
                         : s.text("downsample_block_type", "pixel_unshuffle") != "pixel_unshuffle") {
    require(widths.size() == layers.size() && !widths.empty(), "its lists of widths and layers differ in length");
  }
  std::string_view block(std::size_t level) const { return blocks[std::min(level, blocks.size() - 1)]; }
};

// RMSNorm with weight and bias over the channels; the channels are the last dimension meanwhile.
Tensor channel_norm(const Tensor& x) {
  const Size channels = x.dim(1);
  const Tensor seen = x.view({x.dim(0), x.dim(2), x.dim(3), channels}, false);
  Tensor y = rms_norm_by_hand(seen);
  x.trace().count(channels);
  y = like(std::move(y));
  return permute(y, {0, 3, 1, 2});
}

Tensor res_block(const Tensor& input) {
  Tensor x = conv2d(input, input.dim(1));
  x = like(x);
  x = conv2d(x, input.dim(1), 3, 1, 1, false);
  x = channel_norm(x);
  return el(x, input);
}

// GLUMBConv, expanded four times, with norm and residual connection
Tensor gated_convolutions(const Tensor& input) {
  const Size width = input.dim(1), hidden = 4 * width;
  Tensor x = conv2d(input, 2 * hidden, 1, 1, 0);
  x = like(x);
  x = conv2d(x, 2 * hidden, 3, 1, 1, true, 2 * hidden);
  {
    const Tensor half = slice(x, 1, hidden);
    x = el(half, like(half));
  }
  x = conv2d(x, width, 1, 1, 0, false);
  x = channel_norm(x);
  return el(x, input);
}

// SanaMultiscaleLinearAttention; linear when there are more pixels than a head is wide.
Tensor multiscale_attention(const Tensor& input, Size head_dim, Size kernel) {
  Trace& t = input.trace();
  const Size batch = input.dim(0), width = input.dim(1), pixels = input.dim(2) * input.dim(3);
  const Size heads = width / head_dim, inner = heads * head_dim, scales = kernel > 0 ? 2 : 1;
  const bool by_line = pixels > head_dim;
  const Tensor seen = input.view({batch, input.dim(2), input.dim(3), width}, false);
  Tensor query = linear(seen, inner, false), key = linear(seen, inner, false), value = linear(seen, inner, false);
  Tensor hidden = permute(cat({query, key, value}, 3), {0, 3, 1, 2});
  std::vector<Tensor> parts{hidden};
  if (kernel > 0) {
    Tensor wide = conv2d(hidden, 3 * inner, kernel, 1, kernel / 2, false, 3 * inner);
    parts.push_back(conv2d(std::move(wide), 3 * inner, 1, 1, 0, false, 3 * heads));
  }
  hidden = cat(parts, 1);
  if (by_line) hidden = to(hidden, DType::f32);
  const DType dtype = hidden.dtype();
  const Shape shape{batch, heads * scales, head_dim, pixels};
  Tensor rest = hidden.view(shape, false);
  query = like(rest);
  key = like(rest);
  value = rest;
  rest.reset();
  if (by_line) {
    const Tensor padded = t.make({batch, heads * scales, head_dim + 1, pixels}, dtype, "padded values");
    const Tensor scores = t.make({batch, heads * scales, head_dim + 1, head_dim}, dtype, "linear attention");
    hidden = t.make({batch, heads * scales, head_dim + 1, pixels}, dtype, "linear attention");
    const Tensor sums = t.make({batch, heads * scales, 1, pixels}, dtype, "sums");
    hidden = t.make(shape, dtype, "linear attention");
  } else {
    Tensor scores = t.make({batch, heads * scales, pixels, pixels}, DType::f32, "attention scores");
    scores = like(scores);
    const Tensor weights = to(scores, input.dtype());
    hidden = t.make(shape, input.dtype(), "attention");
  }
  hidden = to(hidden, input.dtype());
  hidden = permute(hidden.view({batch, heads * scales * head_dim, input.dim(2), input.dim(3)}), {0, 2, 3, 1});
  hidden = permute(linear(hidden, width, false), {0, 3, 1, 2});
  hidden = channel_norm(hidden);
  return el(hidden, input);
}

Tensor block(const Tensor& x, const Half& half, std::size_t level) {
  if (half.block(level) != "EfficientViTBlock") return res_block(x);
  const Size kernel = level < half.kernels.size() ? half.kernels[level] : 0;
  const Tensor attended = multiscale_attention(x, half.head_dim, kernel);
  return gated_convolutions(attended);
}

// DCUpBlock2d: twice the size; what lies under it is repeated as a shortcut.
Tensor up(const Tensor& input, Size width, bool interpolate, bool shortcut) {
  Tensor x;
  const Size h = 2 * input.dim(2), w = 2 * input.dim(3);
  if (interpolate) {
    x = resize(input, {h, w});
    x = conv2d(x, width);
  } else {
    const Tensor wide = conv2d(input, 4 * width);
    x = input.trace().make({input.dim(0), width, h, w}, input.dtype(), "pixel shuffle");
  }
  if (!shortcut) return x;
  Tensor y = input.trace().make({input.dim(0), 4 * width, input.dim(2), input.dim(3)}, input.dtype(), "repeated");
  y = input.trace().make({input.dim(0), width, h, w}, input.dtype(), "pixel shuffle");
  return el(std::move(x), std::move(y));
}

// DCDownBlock2d
Tensor down(const Tensor& input, Size width, bool strided, bool shortcut) {
  Trace& t = input.trace();
  Tensor x;
  const Size h = input.dim(2) / 2, w = input.dim(3) / 2;
  if (strided) {
    x = conv2d(input, width, 3, 2, 1);
  } else {
    const Tensor high = conv2d(input, width / 4);
    x = t.make({input.dim(0), width, h, w}, input.dtype(), "pixel unshuffle");
  }
  if (!shortcut) return x;
  Tensor y = t.make({input.dim(0), 4 * input.dim(1), h, w}, input.dtype(), "pixel unshuffle");
  y = t.make({input.dim(0), width, h, w}, input.dtype(), "mean of groups");
  return el(std::move(x), std::move(y));
}

Tensor decoder(const Tensor& z, const Half& half, Size out_channels, bool shortcut) {
  Trace& t = z.trace();
  Tensor x;
  if (shortcut) {
    const Tensor repeated = t.make({z.dim(0), half.widths.back(), z.dim(2), z.dim(3)}, z.dtype(), "repeated");
    x = el(conv2d(z, half.widths.back()), repeated);
  } else {
    x = conv2d(z, half.widths.back());
  }
  const std::size_t n = half.widths.size();
  for (std::size_t i = n; i-- > 0;) {
    if (half.layers[i] <= 0) continue;
    const Tensor held = x;  // the caller's name of what goes in
    x.reset();
    Tensor y = held;
    if (i + 1 < n) y = up(y, half.widths[i], half.resample, true);
    for (Size layer = 0; layer < half.layers[i]; ++layer) y = block(y, half, i);
    x = std::move(y);
  }
  x = channel_norm(x);
  x = like(x);
  if (half.layers.front() > 0) return conv2d(x, out_channels);
  return up(x, out_channels, half.resample, false);
}

Tensor encoder(const Tensor& image, const Half& half, Size latent_channels, bool shortcut) {
  Trace& t = image.trace();
  const bool first = half.layers.front() > 0;
  require(first || half.widths.size() > 1, "its first level is empty and there is no other");
  Tensor x = first ? conv2d(image, half.widths.front()) : down(image, half.widths[1], half.resample, false);
  const std::size_t n = half.widths.size();
  for (std::size_t i = 0; i < n; ++i) {
    if (half.layers[i] <= 0) continue;
    const Tensor held = x;
    x.reset();
    Tensor y = held;
    for (Size layer = 0; layer < half.layers[i]; ++layer) y = block(y, half, i);
    if (i + 1 < n) y = down(y, half.widths[i + 1], half.resample, true);
    x = std::move(y);
  }
  if (!shortcut) return conv2d(x, latent_channels);
  const Tensor mean = t.make({x.dim(0), latent_channels, x.dim(2), x.dim(3)}, x.dtype(), "mean of groups");
  return el(conv2d(x, latent_channels), mean);
}

// Tiles of 512 pixels, 448 apart, unless told otherwise.
constexpr Size kTile = 512;
Size step_of(Size tile) { return tile * 7 / 8; }

}  // namespace

void trace_dc_decode(Trace& t, const Settings& s, const CodecInput& in) {
  const Half half(s, true);
  const Tensor z = t.input({in.batch, in.latent_channels, in.latent_height, in.latent_width}, in.dtype, "latents");
  const Size factor = Size{1} << (half.widths.size() - 1), side = in.tile > 0 ? in.tile : kTile;
  const auto decode = [&](const Tensor& x) {
    return decoder(x, half, s.integer("in_channels", 3), s.truth("decoder_in_shortcut", true));
  };
  const Tensor image = sliced(z, in.slicing, [&](const Tensor& part) {
    if (in.tiling && (part.dim(2) > side / factor || part.dim(3) > side / factor)) {
      const Size tile = side / factor, step = step_of(side) / factor, kept = step_of(side);
      return tiled(part, {tile, tile, step, step, kept, kept}, decode);
    }
    return decode(part);
  });
}

void trace_dc_encode(Trace& t, const Settings& s, const CodecInput& in) {
  const Half half(s, false);
  const Tensor image = t.input({in.batch, s.integer("in_channels", 3), in.height, in.width}, in.dtype, "picture");
  const Size factor = Size{1} << (half.widths.size() - 1), side = in.tile > 0 ? in.tile : kTile;
  const auto encode = [&](const Tensor& x) {
    return encoder(x, half, s.integer("latent_channels", 32), s.truth("encoder_out_shortcut", true));
  };
  const Tensor latents = sliced(image, in.slicing, [&](const Tensor& part) {
    if (in.tiling && (part.dim(2) > side || part.dim(3) > side)) {
      const Size step = step_of(side), kept = step / factor;
      return tiled(part, {side, side, step, step, kept, kept}, encode);
    }
    return encode(part);
  });
}

}  // namespace vram::diffusion
