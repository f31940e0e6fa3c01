// AuraFlowTransformer2DModel. Source: huggingface/diffusers 58eb52c0803e,
// models/transformers/auraflow_transformer_2d.py, attention_processor.py AuraFlowAttnProcessor2_0.
#include <algorithm>

#include "diffusion/flux.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

// AdaLayerNormZero without bias, its norm in FP32.
AdaLayerNormZero norm_zero(const Tensor& x, const Tensor& emb) {
  Trace& t = x.trace();
  const Size width = x.dim(-1);
  t.in_norm = true;
  Tensor modulation = linear(like(emb), 6 * width, false);
  t.in_norm = false;
  const Tensor row = slice(modulation, 1, width).view({modulation.dim(0), 1, width});
  Tensor out = modulate(layer_norm_f32(x), row);
  return {std::move(out), std::move(modulation)};
}

// `text` empty: on one sequence.
TwoStreams attention(const Tensor& picture, const Tensor& text, Heads heads) {
  const Size width = heads.width();
  Tensor query = linear(picture, width, false), key = linear(picture, width, false);
  Tensor value = linear(picture, width, false), text_query, text_key, text_value;
  if (text) {
    text_query = linear(text, width, false);
    text_key = linear(text, width, false);
    text_value = linear(text, width, false);
  }
  query = layer_norm_f32(heads.split(query));
  key = layer_norm_f32(heads.split(key));
  value = heads.split(value);
  if (text) {
    text_query = layer_norm_f32(heads.split(text_query));
    text_key = layer_norm_f32(heads.split(text_key));
    text_value = heads.split(text_value);
    query = cat({text_query, query}, 1);
    key = cat({text_key, key}, 1);
    value = cat({text_value, value}, 1);
  }
  query = transpose(query, 1, 2);
  key = transpose(key, 1, 2);
  value = transpose(value, 1, 2);
  Tensor hidden = attend(query, key, value, 1);
  hidden = reshape(transpose(hidden, 1, 2), {picture.dim(0), -1, width});
  if (!text) return {linear(hidden, width, false), {}};
  Tensor words = slice(hidden, 1, text.dim(1)), out = slice(hidden, 1, picture.dim(1));
  hidden.reset();
  out = linear(out, width, false);
  words = linear(words, width, false);
  return {std::move(out), std::move(words)};
}

// silu(linear_1 x) * linear_2 x
Tensor gated(const Tensor& x, Size inner) {
  Tensor y = like(linear(x, inner, false));
  {
    const Tensor other = linear(x, inner, false);
    y = el(std::move(y), other);
  }
  return linear(std::move(y), x.dim(-1), false);
}

Tensor finish(const Tensor& residual, const Tensor& attended, const Tensor& row, Size inner) {
  Tensor hidden;
  {
    Tensor gate = el(row, attended);
    const Tensor sum = el(residual, std::move(gate));
    hidden = layer_norm_f32(sum);
  }
  hidden = modulate(hidden, row);
  Tensor ff = gated(hidden, inner);
  hidden = el(row, ff);
  return el(residual, hidden);
}

}  // namespace

void trace_auraflow(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Heads heads{s.integer("num_attention_heads", 12), s.integer("attention_head_dim", 256)};
  const Size width = heads.width(), patch = std::max<Size>(1, s.integer("patch_size", 2));
  const Size channels = s.integer("in_channels", 4), positions = s.integer("pos_embed_max_size", 1024);
  const Size tokens = (in.latent_height / patch) * (in.latent_width / patch);
  const Size inner = (8 * width / 3 + 255) / 256 * 256;
  constexpr Size kRegisters = 8;

  const Tensor latents = t.input({in.batch, channels, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor text_in =
      t.input({in.batch, in.text_tokens, s.integer("joint_attention_dim", 2048)}, dtype, "text embeddings");
  t.count(positions * width);
  Tensor picture;
  {
    Tensor patches = t.make({in.batch, tokens, patch * patch * channels}, dtype, "patches");
    patches = linear(std::move(patches), width);
    const Tensor chosen = t.make({1, tokens, width}, dtype, "position embeddings");
    picture = el(std::move(patches), chosen);
  }
  const Tensor emb = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width);
  t.count(kRegisters * width);
  Tensor text;
  {
    Tensor words = linear(text_in, s.integer("caption_projection_dim", 3072), false);
    const Tensor registers = t.make({in.batch, kRegisters, width}, dtype, "registers");
    text = cat({registers, words}, 1);
  }
  t.stack("joint_transformer_blocks", s.integer("num_mmdit_layers", 4), [&] {
    const auto [normed, modulation] = norm_zero(picture, emb);
    const auto [text_normed, text_modulation] = norm_zero(text, emb);
    const Tensor row = slice(modulation, 1, width).view({in.batch, 1, width});
    const Tensor text_row = slice(text_modulation, 1, width).view({in.batch, 1, width});
    const TwoStreams attended = attention(normed, text_normed, heads);
    Tensor next = finish(picture, attended.picture, row, inner);
    text = finish(text, attended.text, text_row, inner);
    picture = std::move(next);
  });
  Tensor joint = cat({text, picture}, 1);
  t.stack("single_transformer_blocks", s.integer("num_single_dit_layers", 32), [&] {
    const auto [normed, modulation] = norm_zero(joint, emb);
    const Tensor row = slice(modulation, 1, width).view({in.batch, 1, width});
    const Tensor attended = attention(normed, {}, heads).picture;
    joint = finish(joint, attended, row, inner);
  });
  picture = slice(joint, 1, tokens);
  t.in_norm = true;
  const Tensor last = linear(like(emb), 2 * width, false);
  t.in_norm = false;
  picture = modulate(picture, slice(last, 1, width).view({in.batch, 1, width}));
  picture = linear(picture, patch * patch * s.integer("out_channels", 4), false);
}

}  // namespace vram::diffusion
