// Flux2Transformer2DModel: modulation shared by all blocks, single blocks whose attention and feed-forward are one
// projection. Source: huggingface/diffusers 58eb52c0803e, models/transformers/transformer_flux2.py.
#include <cmath>

#include "diffusion/flux.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

// (1 + scale) * norm + shift
Tensor normed_by(const Tensor& x, const Tensor& row) {
  const Tensor normed = layer_norm(x, false);
  return modulate(normed, row);
}

// Flux2SwiGLU: half of it gates the other.
Tensor gated(const Tensor& both) {
  const Tensor half = slice(both, -1, both.dim(-1) / 2);
  return el(like(half), half);
}

Tensor swiglu(const Tensor& x, Size inner) {
  Tensor y = linear(x, 2 * inner, false);
  y = gated(y);
  return linear(std::move(y), x.dim(-1), false);
}

TwoStreams joint_attention(const Tensor& picture, const Tensor& text, const Tensor& cosine, Heads heads) {
  const Size width = heads.width();
  Tensor query = linear(picture, width, false), key = linear(picture, width, false);
  Tensor value = linear(picture, width, false);
  Tensor text_query = linear(text, width, false), text_key = linear(text, width, false);
  Tensor text_value = linear(text, width, false);
  query = rms_norm(heads.split(query));
  key = rms_norm(heads.split(key));
  value = heads.split(value);
  text_query = rms_norm(heads.split(text_query));
  text_key = rms_norm(heads.split(text_key));
  text_value = heads.split(text_value);
  query = cat({text_query, query}, 1);
  key = cat({text_key, key}, 1);
  value = cat({text_value, value}, 1);
  query = rotate(query, cosine);
  key = rotate(key, cosine);
  Tensor hidden = attend(query, key, value, 2);
  hidden = hidden.view({hidden.dim(0), hidden.dim(1), width});
  Tensor words = slice(hidden, 1, text.dim(1));
  Tensor out = slice(hidden, 1, picture.dim(1));
  hidden.reset();
  words = linear(words, width, false);
  out = linear(out, width, false);
  return {std::move(out), std::move(words)};
}

// Flux2ParallelSelfAttention
Tensor parallel_attention(const Tensor& x, const Tensor& cosine, Heads heads, Size inner) {
  const Size width = heads.width();
  const Tensor all = linear(x, 3 * width + 2 * inner, false);
  const Tensor value = heads.split(slice(all, -1, width));
  Tensor query = rms_norm(value), key = rms_norm(value);
  query = rotate(query, cosine);
  key = rotate(key, cosine);
  Tensor hidden = attend(query, key, value, 2);
  hidden = hidden.view({hidden.dim(0), hidden.dim(1), width});
  const Tensor mlp = gated(slice(all, -1, 2 * inner));
  hidden = cat({hidden, mlp}, 2);
  return linear(hidden, width, false);
}

}  // namespace

void trace_flux_2(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Heads heads{s.integer("num_attention_heads", 48), s.integer("attention_head_dim", 128)};
  const Size width = heads.width(), channels = s.integer("in_channels", 128);
  const auto inner = static_cast<Size>(std::floor(static_cast<double>(width) * s.number("mlp_ratio", 3)));
  const Size out_channels = s.integer("out_channels", channels), patch = s.integer("patch_size", 1);
  const Size time_channels = s.integer("timestep_guidance_channels", 256);
  const Size tokens = (in.latent_height / 2) * (in.latent_width / 2) * (1 + in.input_images);
  const Size all = tokens + in.text_tokens;

  const Tensor latents = t.input({in.batch, tokens, channels}, dtype, "latents");
  const Tensor text_in =
      t.input({in.batch, in.text_tokens, s.integer("joint_attention_dim", 15360)}, dtype, "text embeddings");
  const Tensor ids = t.input({in.batch, all, 4}, dtype, "position ids");
  const auto embed_step = [&] {
    const Tensor steps = to(timestep_embedding(t, in.batch, time_channels), dtype);
    return linear(like(linear(steps, width, false)), width, false);
  };
  Tensor emb = embed_step();
  if (s.truth("guidance_embeds", true)) {
    const Tensor guide = embed_step();
    emb = el(emb, guide);
  }
  const auto modulation = [&](Size n) { return linear(like(emb), n * width, false); };
  const Tensor by_picture = modulation(6), by_text = modulation(6), by_single = modulation(3);
  const auto row_of = [&](const Tensor& all_rows) { return slice(all_rows, 1, width).view({in.batch, 1, width}); };
  const Tensor row = row_of(by_picture), text_row = row_of(by_text), single_row = row_of(by_single);
  Tensor picture = linear(latents, width, false);
  Tensor text = linear(text_in, width, false);
  const Tensor parts = t.make({2, all, heads.dim}, DType::f32, "rotary frequencies of text and picture");
  const Tensor cosine = t.make({1, all, 1, heads.dim}, DType::f32, "rotary cosines");
  const Tensor sine = t.make({all, heads.dim}, DType::f32, "rotary sines");

  t.stack("transformer_blocks", s.integer("num_layers", 8), [&] {
    Tensor normed = normed_by(picture, row);
    Tensor text_normed = normed_by(text, text_row);
    TwoStreams attended = joint_attention(normed, text_normed, cosine, heads);
    const auto finish = [&](const Tensor& residual, Tensor& out, Tensor& norm, const Tensor& by) {
      out = el(by, out);
      const Tensor hidden = el(residual, out);
      norm = layer_norm(hidden, false);
      norm = modulate(norm, by);
      const Tensor ff = swiglu(norm, inner);
      Tensor gate = el(by, ff);
      return el(hidden, std::move(gate));
    };
    Tensor next = finish(picture, attended.picture, normed, row);
    Tensor next_text = finish(text, attended.text, text_normed, text_row);
    if (dtype == DType::f16) next_text = like(next_text);
    picture = std::move(next);
    text = std::move(next_text);
  });
  // The picture's own stream keeps no name, that of the text does.
  picture = cat({text, picture}, 1);
  t.stack("single_transformer_blocks", s.integer("num_single_layers", 48), [&] {
    const Tensor normed = normed_by(picture, single_row);
    const Tensor attended = parallel_attention(normed, cosine, heads, inner);
    Tensor gate = el(single_row, attended);
    picture = el(picture, std::move(gate));
    if (dtype == DType::f16) picture = like(picture);
  });
  picture = slice(picture, 1, tokens);
  // AdaLayerNormContinuous without biases
  t.in_norm = true;
  const Tensor last = linear(like(emb), 2 * width, false);
  t.in_norm = false;
  picture = modulate(layer_norm(picture, false), row_of(last));
  picture = linear(picture, patch * patch * out_channels, false);
}

}  // namespace vram::diffusion
