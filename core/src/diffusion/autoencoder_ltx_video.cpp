// AutoencoderKLLTXVideo, all of 0.9.x. Source: huggingface/diffusers 58eb52c0803e,
// models/autoencoders/autoencoder_kl_ltx.py.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"
#include "diffusion/tiles.hpp"

namespace vram::diffusion {
namespace {

struct Config {
  std::vector<std::int64_t> widths, layers, scaling;
  std::vector<std::int64_t> decoder_widths, decoder_layers, decoder_scaling, noise, residual, factor;
  std::vector<std::string_view> down, blocks;
  Size patch, patch_t, in_channels, out_channels, latents;
  bool timed, encoder_causal, decoder_causal;
  explicit Config(const Settings& s)
      : widths(s.integers("block_out_channels", {128, 256, 512, 512})),
        layers(s.integers("layers_per_block", {4, 3, 3, 3, 4})),
        scaling(s.integers("spatio_temporal_scaling", {1, 1, 1, 0})),
        decoder_widths(s.integers("decoder_block_out_channels", {128, 256, 512, 512})),
        decoder_layers(s.integers("decoder_layers_per_block", {4, 3, 3, 3, 4})),
        decoder_scaling(s.integers("decoder_spatio_temporal_scaling", {1, 1, 1, 0})),
        noise(s.integers("decoder_inject_noise", {0, 0, 0, 0, 0})),
        residual(s.integers("upsample_residual", {0, 0, 0, 0})),
        factor(s.integers("upsample_factor", {1, 1, 1, 1})),
        down(s.texts("downsample_type", {"conv", "conv", "conv", "conv"})),
        blocks(s.texts("down_block_types", {"LTXVideoDownBlock3D"})),
        patch(s.integer("patch_size", 4)),
        patch_t(s.integer("patch_size_t", 1)),
        in_channels(s.integer("in_channels", 3)),
        out_channels(s.integer("out_channels", 3)),
        latents(s.integer("latent_channels", 128)),
        timed(s.truth("timestep_conditioning", false)),
        encoder_causal(s.truth("encoder_causal", true)),
        decoder_causal(s.truth("decoder_causal", false)) {
    const std::size_t n = decoder_widths.size();
    require(!widths.empty() && n > 0 && layers.size() > 1 && scaling.size() + 1 >= layers.size() &&
                decoder_layers.size() > n && decoder_scaling.size() >= n && noise.size() > n && residual.size() >= n &&
                factor.size() >= n && down.size() + 1 >= layers.size(),
            "the lists of its blocks differ in length");
    for (const std::int64_t f : factor) require(f > 0, "upsample_factor must be positive");
  }
  bool since_0_9_5() const { return blocks.back() == "LTXVideo095DownBlock3D"; }
};

// LTXVideoCausalConv3d: the first frame (and the last, where it may look ahead) is repeated in a copy.
Tensor conv_in_time(const Tensor& input, Size out, Size kernel, bool causal, Size stride = 1) {
  Trace& t = input.trace();
  Shape shape = input.shape();
  const auto repeated = [&](Size frames) {
    shape[2] = frames;
    return t.make(shape, input.dtype(), "repeated frame");
  };
  const Size side = kernel / 2;
  const Tensor left = repeated(causal ? kernel - 1 : side);
  const Tensor right = causal ? Tensor() : repeated(side);
  Tensor x = causal ? cat({left, input}, 2) : cat({left, input, right}, 2);
  return conv(x, out, {kernel, kernel, kernel}, {stride, stride, stride}, {0, side, side});
}

// The channels are normed as the last dimension.
Tensor norm(const Tensor& x) { return permute(rms_norm_by_hand(permute(x, {0, 2, 3, 4, 1}), false), {0, 4, 1, 2, 3}); }

struct Block {
  bool causal = true, noise = false, timed = false;
};

Tensor resnet(const Tensor& input, Size out, const Block& b) {
  Trace& t = input.trace();
  const Size in = input.dim(1);
  const Tensor row = t.make({input.dim(0), in, 1, 1, 1}, input.dtype(), "modulation");
  if (b.timed) t.count(4 * in);
  const auto modulated = [&](const Tensor& x) {
    if (!b.timed) return x;
    Tensor product = like(x);
    return like(std::move(product));
  };
  const auto noisy = [&](const Tensor& x) {
    if (!b.noise) return x;
    t.count(in);
    Tensor noise = t.make({in, x.dim(3), x.dim(4)}, x.dtype(), "noise");
    return el(x, noise.view({1, in, 1, x.dim(3), x.dim(4)}));
  };
  Tensor x = norm(input);
  x = modulated(x);
  x = like(x);
  x = conv_in_time(x, out, 3, b.causal);
  x = noisy(x);
  x = norm(x);
  x = modulated(x);
  x = like(x);
  x = conv_in_time(x, out, 3, b.causal);
  x = noisy(x);
  Tensor skip = input;
  if (in != out) {
    t.count(2 * in);
    skip = like(skip);
    skip = conv_in_time(skip, out, 1, b.causal);
  }
  return el(x, skip);
}

// PixArtAlphaCombinedTimestepSizeEmbeddings
void embed_step(Trace& t, Size batch, Size width, DType dtype) {
  const Tensor emb = embed_time(to(timestep_embedding(t, batch, 256), dtype), width);
}

// Channels become frames and pixels: a copy.
Tensor unfolded(const Tensor& x, Size ft, Size fs) {
  return x.trace().make({x.dim(0), x.dim(1) / (ft * fs * fs), x.dim(2) * ft, x.dim(3) * fs, x.dim(4) * fs}, x.dtype(),
                        "unfolded channels");
}
Tensor folded(const Tensor& x, Size ft, Size fs) {
  return x.trace().make({x.dim(0), x.dim(1) * ft * fs * fs, x.dim(2) / ft, x.dim(3) / fs, x.dim(4) / fs}, x.dtype(),
                        "folded pixels");
}

Tensor upsample(const Tensor& input, Size factor, bool residual, bool causal) {
  Tensor x = input, skip;
  const Size frames = 2 * input.dim(2) - 1;
  if (residual) {
    skip = unfolded(input, 2, 2);
    Shape shape = skip.shape();
    shape[1] *= 8 / factor;
    skip = input.trace().make(shape, skip.dtype(), "repeated channels");
    skip = slice(skip, 2, frames);
  }
  x = conv_in_time(x, input.dim(1) * 8 / factor, 3, causal);
  x = unfolded(x, 2, 2);
  x = slice(x, 2, frames);
  if (residual) x = el(x, skip);
  return x;
}

Tensor downsample(const Tensor& input, Size out, std::string_view type, bool causal) {
  const Size ft = type == "spatial" ? 1 : 2, fs = type == "temporal" ? 1 : 2;
  Tensor x = cat({slice(input, 2, ft - 1), input}, 2);
  Tensor skip = folded(x, ft, fs);
  Shape shape = skip.shape();
  shape[1] = out;
  skip = input.trace().make(shape, x.dtype(), "average");
  x = conv_in_time(x, out / (ft * fs * fs), 3, causal);
  x = folded(x, ft, fs);
  return el(x, skip);
}

Tensor decoder(const Tensor& z, const Config& c) {
  Trace& t = z.trace();
  const std::size_t n = c.decoder_widths.size();
  Block b{c.decoder_causal, c.noise[n] != 0, c.timed};
  Tensor x = conv_in_time(z, c.decoder_widths[n - 1], 3, b.causal);
  if (c.timed) t.count(1);
  const auto layers = [&](Tensor& y, Size count, Size width) {
    for (Size layer = 0; layer < count; ++layer) y = resnet(y, width, b);
  };
  {
    const Tensor held = x;
    Tensor y = held;
    if (c.timed) embed_step(t, z.dim(0), 4 * y.dim(1), z.dtype());
    layers(y, c.decoder_layers[n], y.dim(1));
    x = std::move(y);
  }
  Size width = c.decoder_widths[n - 1];
  for (std::size_t i = n; i-- > 0;) {
    const Size in = width / c.factor[i];
    width = c.decoder_widths[i] / c.factor[i];
    b.noise = c.noise[i] != 0;
    const Tensor held = x;
    Tensor y = held;
    if (in != width) y = resnet(y, width, b);
    if (c.timed) embed_step(t, z.dim(0), 4 * in, z.dtype());
    if (c.decoder_scaling[i] != 0) y = upsample(y, c.factor[i], c.residual[i] != 0, b.causal);
    layers(y, c.decoder_layers[i], width);
    x = std::move(y);
  }
  x = norm(x);
  if (c.timed) {
    embed_step(t, z.dim(0), 2 * width, z.dtype());
    t.count(2 * width);
    Tensor product = like(x);
    product = like(std::move(product));
    x = std::move(product);
  }
  x = like(x);
  x = conv_in_time(x, c.out_channels * c.patch * c.patch, 3, b.causal);
  return unfolded(x, c.patch_t, c.patch);
}

Tensor encoder(const Tensor& image, const Config& c) {
  const Block b{c.encoder_causal, false, false};
  Tensor x = folded(image, c.patch_t, c.patch);
  x = conv_in_time(x, c.widths.front(), 3, b.causal);
  const std::size_t n = c.layers.size() - 1;
  Size width = c.widths.front();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t next = i + 1;
    const Size out = next < c.widths.size() ? c.widths[next] : c.widths[i];
    const Tensor held = x;
    Tensor y = held;
    for (Size layer = 0; layer < c.layers[i]; ++layer) y = resnet(y, width, b);
    if (c.scaling[i] != 0) {
      y = c.down[i] == "conv" ? conv_in_time(y, width, 3, b.causal, 2) : downsample(y, out, c.down[i], b.causal);
    }
    if (!c.since_0_9_5() && out != width) y = resnet(y, out, b);
    width = out;
    x = std::move(y);
  }
  {
    const Tensor held = x;
    Tensor y = held;
    for (Size layer = 0; layer < c.layers.back(); ++layer) y = resnet(y, width, b);
    x = std::move(y);
  }
  x = norm(x);
  x = like(x);
  x = conv_in_time(x, c.latents + 1, 3, b.causal);
  Shape shape = x.shape();
  shape[1] -= 2;
  const Tensor last = x.trace().make(shape, x.dtype(), "repeated channel");
  return cat({x, last}, 1);
}

constexpr Size kTile = 512, kTileStep = 448;  // tile_sample_min_height, tile_sample_stride_height

Size space_of(const Settings& s, const Config& c) {
  const auto levels = std::count_if(c.scaling.begin(), c.scaling.end(), [](std::int64_t x) { return x != 0; });
  return std::max<Size>(1, s.integer("spatial_compression_ratio", c.patch << std::min<std::ptrdiff_t>(levels, 10)));
}

}  // namespace

void trace_ltx_video_decode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Size space = space_of(s, c);
  t.count_buffer(2 * c.latents);
  const Tensor z =
      t.input({in.batch, in.latent_channels, in.latent_frames, in.latent_height, in.latent_width}, in.dtype, "latents");
  const Tensor out = sliced(z, in.slicing, [&](const Tensor& x) {
    const Size tile = kTile / space, step = kTileStep / space;
    if (!in.tiling || (x.dim(3) <= tile && x.dim(4) <= tile)) return decoder(x, c);
    return tiled(x, {tile, tile, step, step, kTileStep, kTileStep},
                 [&](const Tensor& part) { return decoder(part, c); });
  });
}

void trace_ltx_video_encode(Trace& t, const Settings& s, const CodecInput& in) {
  const Config c(s);
  const Size space = space_of(s, c);
  const Tensor image = t.input({in.batch, c.in_channels, in.frames, in.height, in.width}, in.dtype, "pictures");
  const Tensor out = sliced(image, in.slicing, [&](const Tensor& x) {
    if (!in.tiling || (in.width <= kTile && in.height <= kTile)) return encoder(x, c);
    const Size kept = kTileStep / space;
    return tiled(x, {kTile, kTile, kTileStep, kTileStep, kept, kept},
                 [&](const Tensor& part) { return encoder(part, c); });
  });
}

}  // namespace vram::diffusion
