// SanaTransformer2DModel: linear attention in FP32 and gated convolutions. Source: huggingface/diffusers 58eb52c0803e,
// models/transformers/sana_transformer.py, attention_processor.py SanaLinearAttnProcessor2_0.
#include <algorithm>
#include <cmath>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

struct Shapes {
  Size heads, head_dim, cross_heads, cross_dim, hidden;
  bool bias, qk_norm;
  Size width() const { return heads * head_dim; }
};

Tensor linear_attention(const Tensor& x, const Shapes& s) {
  Trace& t = x.trace();
  const DType dtype = x.dtype();
  const Size batch = x.dim(0), tokens = x.dim(1), width = s.width();
  Tensor query = linear(x, width, s.bias), key = linear(x, width, s.bias), value = linear(x, width, s.bias);
  if (s.qk_norm) {
    query = rms_norm_by_hand(query);
    key = rms_norm_by_hand(key);
  }
  query = like(query);
  key = like(key);
  {
    Tensor wide_query = to(query, DType::f32), wide_key = to(key, DType::f32), wide_value = to(value, DType::f32);
    query = std::move(wide_query);
    key = std::move(wide_key);
    value = std::move(wide_value);
  }
  const Size rows = s.head_dim + 1;  // the last one sums up what the others are divided by
  value = t.make({batch, s.heads, rows, tokens}, DType::f32, "padded values");
  const Tensor scores = t.make({batch, s.heads, rows, s.head_dim}, DType::f32, "linear attention");
  Tensor hidden = t.make({batch, s.heads, rows, tokens}, DType::f32, "linear attention");
  {
    const Tensor sums = t.make({batch, s.heads, 1, tokens}, DType::f32, "sums");
    hidden = t.make({batch, s.heads, s.head_dim, tokens}, DType::f32, "linear attention");
  }
  hidden = transpose(hidden.view({batch, width, tokens}), 1, 2);
  hidden = to(hidden, dtype);
  hidden = linear(hidden, width);
  if (dtype == DType::f16) hidden = like(hidden);
  return hidden;
}

Tensor cross_attention(const Tensor& x, const Tensor& text, const Shapes& s) {
  const Size inner = s.cross_heads * s.cross_dim, batch = x.dim(0);
  Tensor query = linear(x, inner), key = linear(text, inner), value = linear(text, inner);
  if (s.qk_norm) {
    query = rms_norm_by_hand(query);
    key = rms_norm_by_hand(key);
  }
  const auto heads = [&](const Tensor& y) {
    return transpose(y.view({batch, y.dim(1), s.cross_heads, s.cross_dim}), 1, 2);
  };
  Tensor hidden = attend(heads(query), heads(key), heads(value), 1);
  hidden = reshape(transpose(hidden, 1, 2), {batch, -1, inner});
  hidden = linear(hidden, s.width());
  return like(hidden);
}

// GLUMBConv without residual connection
Tensor gated_convolutions(const Tensor& x, Size hidden) {
  Tensor y = conv2d(x, 2 * hidden, 1, 1, 0);
  y = like(y);
  y = conv2d(y, 2 * hidden, 3, 1, 1, true, 2 * hidden);
  {
    const Tensor half = slice(y, 1, hidden);
    y = el(half, like(half));
  }
  return conv2d(y, x.dim(1), 1, 1, 0, false);
}

}  // namespace

void trace_sana(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  Shapes shapes{};
  shapes.heads = s.integer("num_attention_heads", 70);
  shapes.head_dim = s.integer("attention_head_dim", 32);
  shapes.cross_heads = s.integer("num_cross_attention_heads", 20);
  shapes.cross_dim = s.integer("cross_attention_head_dim", 112);
  shapes.bias = s.truth("attention_bias", false);
  shapes.qk_norm = s.has("qk_norm") && !s.text("qk_norm", "").empty();
  const Size width = shapes.width(), patch = std::max<Size>(1, s.integer("patch_size", 1));
  shapes.hidden = static_cast<Size>(std::floor(s.number("mlp_ratio", 2.5) * static_cast<double>(width)));
  const Size channels = s.integer("in_channels", 32), caption_width = s.integer("caption_channels", 2304);
  const Size rows = in.latent_height / patch, columns = in.latent_width / patch, tokens = rows * columns;

  const Tensor latents = t.input({in.batch, channels, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor text_in = t.input({in.batch, in.text_tokens, caption_width}, dtype, "text embeddings");
  Tensor x = conv2d(latents, width, patch, patch, 0);
  x = transpose(x.view({in.batch, width, tokens}), 1, 2);
  Tensor emb = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width);
  if (s.truth("guidance_embeds", false)) {
    const Tensor guide = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width);
    emb = el(emb, guide);
  }
  const Tensor modulation = linear(like(emb), 6 * width);
  Tensor text = linear(text_in, width);
  text = like(text);
  text = linear(text, width);
  text = rms_norm_by_hand(text);

  t.stack("transformer_blocks", s.integer("num_layers", 20), [&] {
    t.count(6 * width);
    const Tensor table = t.make({in.batch, 6, width}, dtype, "modulation");
    const Tensor row = slice(table, 1, 1);
    Tensor hidden = x;
    Tensor normed = layer_norm(hidden, false);
    normed = modulate(normed, row);
    Tensor attended = linear_attention(normed, shapes);
    {
      Tensor gate = el(row, attended);
      hidden = el(hidden, std::move(gate));
    }
    attended = cross_attention(hidden, text, shapes);
    hidden = el(attended, hidden);
    normed = layer_norm(hidden, false);
    normed = modulate(normed, row);
    normed = permute(normed.view({in.batch, rows, columns, width}), {0, 3, 1, 2});
    Tensor ff = gated_convolutions(normed, shapes.hidden);
    ff = transpose(ff.view({in.batch, width, tokens}), 1, 2);
    Tensor gate = el(row, ff);
    x = el(hidden, std::move(gate));
  });
  t.count(2 * width);
  const Tensor row = t.make({in.batch, 1, width}, dtype, "modulation");
  {
    const Tensor normed = layer_norm(x, false);
    x = modulate(normed, row);
  }
  x = linear(x, patch * patch * s.integer("out_channels", channels));
}

}  // namespace vram::diffusion
