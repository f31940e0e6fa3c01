// Lumina2Transformer2DModel. Source: huggingface/diffusers 58eb52c0803e, models/transformers/transformer_lumina2.py,
// normalization.py LuminaRMSNormZero, attention.py LuminaFeedForward.
#include <algorithm>
#include <cmath>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

struct Shapes {
  Size width, heads, kv_heads, inner;
  Size head_dim() const { return width / heads; }
};

Tensor attention(const Tensor& x, const Shapes& s) {
  const Size batch = x.dim(0), tokens = x.dim(1), kv_width = s.kv_heads * s.head_dim();
  Tensor query = linear(x, s.width, false), key = linear(x, kv_width, false), value = linear(x, kv_width, false);
  query = rms_norm_by_hand(query.view({batch, tokens, s.heads, s.head_dim()}));
  key = rms_norm_by_hand(key.view({batch, tokens, s.kv_heads, s.head_dim()}));
  query = rotate_complex(query, DType::f64);
  key = rotate_complex(key, DType::f64);
  const auto repeated = [&] {
    return x.trace().make({batch, tokens, s.heads, s.head_dim()}, x.dtype(), "repeated heads");
  };
  key = repeated();
  value = repeated();
  query = transpose(query, 1, 2);
  key = transpose(key, 1, 2);
  value = transpose(value, 1, 2);
  Tensor hidden = attend(query, key, value, 1);
  hidden = reshape(transpose(hidden, 1, 2), {batch, -1, s.width});
  return linear(hidden, s.width, false);
}

Tensor gated(const Tensor& x, Size inner) {
  Tensor y = linear(x, inner, false);
  {
    Tensor wide = like(to(y, DType::f32));
    y = to(std::move(wide), x.dtype());
  }
  {
    const Tensor other = linear(x, inner, false);
    y = el(std::move(y), other);
  }
  return linear(std::move(y), x.dim(-1), false);
}

Tensor block(const Tensor& input, const Tensor& emb, const Shapes& s) {
  Tensor x = input, row;
  Tensor normed;
  if (emb) {
    Trace& t = x.trace();
    t.in_norm = true;
    row = linear(like(emb), 4 * s.width);
    t.in_norm = false;
    row = slice(row, 1, s.width).view({emb.dim(0), 1, s.width});
    normed = rms_norm_by_hand(x);
    normed = el(std::move(normed), row);
  } else {
    normed = rms_norm_by_hand(x);
  }
  const Tensor attended = attention(normed, s);
  {
    Tensor y = rms_norm_by_hand(attended);
    if (emb) y = el(row, std::move(y));
    x = el(x, std::move(y));
  }
  Tensor ff;
  {
    Tensor y = rms_norm_by_hand(x);
    if (emb) y = el(std::move(y), row);
    ff = gated(y, s.inner);
  }
  Tensor y = rms_norm_by_hand(ff);
  if (emb) y = el(row, std::move(y));
  return el(x, std::move(y));
}

}  // namespace

void trace_lumina_2(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  Shapes shapes{};
  shapes.width = s.integer("hidden_size", 2304);
  shapes.heads = std::max<Size>(1, s.integer("num_attention_heads", 24));
  shapes.kv_heads = s.integer("num_kv_heads", 8);
  const Size width = shapes.width, patch = std::max<Size>(1, s.integer("patch_size", 2));
  const Size multiple = std::max<Size>(1, s.integer("multiple_of", 256));
  const double factor = s.number("ffn_dim_multiplier", 1);
  shapes.inner = static_cast<Size>(std::floor(factor * static_cast<double>(4 * width)));
  shapes.inner = (shapes.inner + multiple - 1) / multiple * multiple;
  const Size channels = s.integer("in_channels", 16), caption_width = s.integer("cap_feat_dim", 1024);
  const Size time_width = std::min<Size>(width, 1024), refiners = s.integer("num_refiner_layers", 2);
  const Size tokens = (in.latent_height / patch) * (in.latent_width / patch), all = tokens + in.text_tokens;

  const Tensor latents = t.input({in.batch, channels, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor text_in = t.input({in.batch, in.text_tokens, caption_width}, dtype, "text embeddings");
  const Tensor emb = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), time_width);
  Tensor text = rms_norm_by_hand(text_in);
  text = linear(text, width);
  const auto frequencies = [&](Size n) {
    // complex numbers of 64 bits each
    return t.make({in.batch, n, shapes.head_dim()}, DType::f64, "rotary frequencies");
  };
  const Tensor joint_frequencies = frequencies(all), text_frequencies = frequencies(in.text_tokens);
  const Tensor picture_frequencies = frequencies(tokens);
  Tensor x;
  {
    const Tensor patches = t.make({in.batch, tokens, patch * patch * channels}, dtype, "patches");
    x = linear(patches, width);
  }
  t.stack("context_refiner", refiners, [&] { text = block(text, {}, shapes); });
  t.stack("noise_refiner", refiners, [&] { x = block(x, emb, shapes); });
  const Tensor joint = t.make({in.batch, all, width}, dtype, "joint sequence");  // keeps its name
  x = joint;
  t.stack("layers", s.integer("num_layers", 26), [&] { x = block(x, emb, shapes); });
  t.in_norm = true;
  const Tensor scale = linear(like(emb), width);
  x = el(layer_norm(x, false), scale.view({in.batch, 1, width}));
  t.in_norm = false;
  x = linear(x, patch * patch * s.integer("out_channels", channels));
}

}  // namespace vram::diffusion
