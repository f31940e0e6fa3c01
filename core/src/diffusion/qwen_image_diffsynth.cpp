// Qwen-Image's autoencoder as DiffSynth-Studio decodes one picture with it: no features are kept for a next frame,
// norms stay in the storage type. Source: modelscope/DiffSynth-Studio fed7b18fac2e, diffsynth/models/qwen_image_vae.py.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

// QwenImageCausalConv3d: two frames of padding in front, in a copy; the caller's name of the input lives on.
Tensor causal(const Tensor& x, Size out, Size kernel) {
  const Size side = kernel / 2;
  Tensor padded = pad(x, {side, side, side, side, kernel - 1, 0});
  return conv(std::move(padded), out, {kernel, kernel, kernel}, {1, 1, 1}, {0, 0, 0});
}

// QwenImageRMS_norm: normalize, times scale, times gamma, plus bias.
Tensor norm(const Tensor& x) {
  x.trace().count(x.dim(1));
  Tensor out = like(x);
  for (int i = 0; i < 3; ++i) out = like(std::move(out));
  return out;
}

Tensor residual(const Tensor& input, Size out) {
  const Tensor skip = input.dim(1) != out ? causal(input, out, 1) : input;
  Tensor x = norm(input);
  x = like(std::move(x));
  x = causal(x, out, 3);
  x = norm(x);
  x = like(std::move(x));
  x = causal(x, out, 3);
  return el(std::move(x), skip);
}

Tensor attention(const Tensor& input) {
  const Size b = input.dim(0), c = input.dim(1), h = input.dim(3), w = input.dim(4);
  Tensor x = norm(input.view({b, c, h, w}));
  Tensor qkv = conv2d(std::move(x), 3 * c, 1, 1, 0);
  qkv = contiguous(permute(qkv.view({b, 1, 3 * c, h * w}), {0, 1, 3, 2}));
  const Tensor q = slice(qkv, -1, c);
  x = attend(q, q, q, 1);
  x = reshape(permute(x.view({b, h * w, c}), {0, 2, 1}), {b, c, h, w});
  x = conv2d(std::move(x), c, 1, 1, 0);
  return el(x.view({b, c, 1, h, w}), input);
}

// Interpolated in FP32, then a convolution to half of the channels.
Tensor upsample(const Tensor& x) {
  const Size b = x.dim(0), c = x.dim(1), h = x.dim(3), w = x.dim(4);
  Tensor wide = to(x.view({b, c, h, w}), DType::f32);
  wide = resize(std::move(wide), {2 * h, 2 * w});
  Tensor narrow = to(std::move(wide), x.dtype());
  return conv2d(std::move(narrow), c / 2).view({b, c / 2, 1, 2 * h, 2 * w});
}

}  // namespace

void trace_qwen_image_decode_diffsynth(Trace& t, const Settings& s, const CodecInput& in) {
  const Size base = s.integer("base_dim", 96), blocks = s.integer("num_res_blocks", 2);
  std::vector<std::int64_t> multiples = s.integers("dim_mult", {1, 2, 4, 4});
  require(!multiples.empty(), "dim_mult is empty");
  std::reverse(multiples.begin(), multiples.end());
  const Size batch = in.slicing ? 1 : in.batch;
  Tensor x = t.input({batch, in.latent_channels, 1, in.latent_height, in.latent_width}, in.dtype, "latents");
  x = like(std::move(x));
  x = like(std::move(x));
  x = causal(x, in.latent_channels, 1);
  x = causal(x, base * multiples.front(), 3);
  x = residual(x, base * multiples.front());
  x = attention(x);
  x = residual(x, base * multiples.front());
  for (std::size_t level = 0; level < multiples.size(); ++level) {
    for (Size i = 0; i <= blocks; ++i) x = residual(x, base * multiples[level]);
    if (level + 1 < multiples.size()) x = upsample(x);
  }
  x = norm(x);
  x = like(std::move(x));
  x = causal(x, 3, 3);
}

}  // namespace vram::diffusion
