// FluxTransformer2DModel. Source: huggingface/diffusers 58eb52c0803e, models/transformers/transformer_flux.py.
#include "diffusion/flux.hpp"

#include "diffusion/models.hpp"

namespace vram::diffusion {

TwoStreams flux_attention(const Tensor& picture, const Tensor& text, const Tensor& cosine, Size heads, Size head_dim) {
  Trace& t = picture.trace();
  const Size inner = heads * head_dim;
  const auto split = [&](const Tensor& x) { return x.view({x.dim(0), x.dim(1), heads, head_dim}); };
  Tensor query, key, value, text_query, text_key, text_value;
  const auto project = [&](const Tensor& x, Tensor& q, Tensor& k, Tensor& v) {
    if (t.rules().fused_qkv) {
      for (int i = 0; i < 3; ++i) t.count_linear(x.dim(-1), inner, true);  // the separate ones stay beside it
      const Tensor qkv = linear(x, 3 * inner);
      q = slice(qkv, -1, inner);
      k = q;
      v = q;
      return;
    }
    q = linear(x, inner);
    k = linear(x, inner);
    v = linear(x, inner);
  };
  project(picture, query, key, value);
  if (text) project(text, text_query, text_key, text_value);
  query = split(query);
  key = split(key);
  value = split(value);
  query = rms_norm(query);
  key = rms_norm(key);
  if (text) {
    text_query = split(text_query);
    text_key = split(text_key);
    text_value = split(text_value);
    text_query = rms_norm(text_query);
    text_key = rms_norm(text_key);
    query = cat({text_query, query}, 1);
    key = cat({text_key, key}, 1);
    value = cat({text_value, value}, 1);
  }
  query = rotate(query, cosine);
  key = rotate(key, cosine);
  Tensor hidden = attend(query, key, value, 2);
  hidden = hidden.view({hidden.dim(0), hidden.dim(1), inner});
  if (!text) return {std::move(hidden), {}};
  Tensor text_out = slice(hidden, 1, text.dim(1));
  Tensor out = slice(hidden, 1, picture.dim(1));
  hidden.reset();
  {
    const Tensor own = contiguous(out);
    out = linear(own, inner);
  }
  {
    const Tensor own = contiguous(text_out);
    text_out = linear(own, inner);
  }
  return {std::move(out), std::move(text_out)};
}

Tensor flux_finish(const Tensor& residual, Tensor& attended, Tensor& normed, const Tensor& row, Size width) {
  attended = el(row, attended);
  Tensor hidden = el(residual, attended);
  normed = layer_norm(hidden, false);
  normed = modulate(normed, row);
  Tensor ff = feed_forward(normed, 4 * width, width, Act::gelu);
  ff = el(row, ff);
  return el(hidden, ff);
}

void trace_flux(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Size heads = s.integer("num_attention_heads", 24), head_dim = s.integer("attention_head_dim", 128);
  const Size width = heads * head_dim, channels = s.integer("in_channels", 64);
  const Size out_channels = s.integer("out_channels", channels), patch = s.integer("patch_size", 1);
  const Size text_width = s.integer("joint_attention_dim", 4096);
  // Pictures that are given (Kontext) are more tokens of the same sequence.
  const Size tokens = (in.latent_height / 2) * (in.latent_width / 2) * (in.latent_frames + in.input_images);
  const bool guided = s.truth("guidance_embeds", false);

  const Tensor latents = t.input({in.batch, tokens, channels}, dtype, "latents");
  const Tensor text_in = t.input({in.batch, in.text_tokens, text_width}, dtype, "text embeddings");
  const Tensor ids = t.input({tokens + in.text_tokens, 3}, dtype, "position ids");
  const Tensor pooled = t.input({in.batch, s.integer("pooled_projection_dim", 768)}, dtype, "pooled text");
  Tensor picture = linear(latents, width);
  Tensor emb;
  {
    Tensor time = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width);
    if (guided) {
      const Tensor guide = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width);
      time = el(time, guide);
    }
    const Tensor projected = embed_time(pooled, width);
    emb = el(time, projected);
  }
  Tensor text = linear(text_in, width);
  const Tensor joined_ids = t.make({tokens + in.text_tokens, 3}, dtype, "position ids");
  const Tensor cosine = t.make({1, tokens + in.text_tokens, 1, head_dim}, DType::f32, "rotary cosines");
  const Tensor sine = t.make({tokens + in.text_tokens, head_dim}, DType::f32, "rotary sines");

  t.stack("transformer_blocks", s.integer("num_layers", 19), [&] {
    auto [normed, modulation] = ada_layer_norm_zero(picture, emb, 6);
    auto [text_normed, text_modulation] = ada_layer_norm_zero(text, emb, 6);
    const Tensor row = slice(modulation, 1, width).view({in.batch, 1, width});
    const Tensor text_row = slice(text_modulation, 1, width).view({in.batch, 1, width});
    TwoStreams attended = flux_attention(normed, text_normed, cosine, heads, head_dim);
    Tensor next = flux_finish(picture, attended.picture, normed, row, width);
    Tensor next_text = flux_finish(text, attended.text, text_normed, text_row, width);
    if (dtype == DType::f16) next_text = like(next_text);
    picture = std::move(next);
    text = std::move(next_text);
  });
  t.stack("single_transformer_blocks", s.integer("num_single_layers", 38), [&] {
    const Tensor joined = cat({text, picture}, 1);
    auto [normed, modulation] = ada_layer_norm_zero(joined, emb, 3);
    const Tensor row = slice(modulation, 1, width).view({in.batch, 1, width});
    Tensor mlp;
    {
      Tensor wide = linear(normed, 4 * width);
      mlp = like(std::move(wide));
    }
    Tensor attended = flux_attention(normed, {}, cosine, heads, head_dim).picture;
    Tensor hidden = cat({attended, mlp}, 2);
    {
      Tensor projected = linear(hidden, width);
      hidden = el(row, std::move(projected));
    }
    hidden = el(joined, hidden);
    if (dtype == DType::f16) hidden = like(hidden);
    text = slice(hidden, 1, in.text_tokens);
    picture = slice(hidden, 1, tokens);
  });
  picture = ada_layer_norm_continuous(picture, emb);
  picture = linear(picture, patch * patch * out_channels);
}

}  // namespace vram::diffusion
