// HunyuanImageTransformer2DModel (HunyuanImage 2.1). Source: huggingface/diffusers 58eb52c0803e,
// models/transformers/transformer_hunyuanimage.py.
#include <algorithm>
#include <cmath>

#include "diffusion/flux.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

struct NormedHeads : Heads {
  bool qk_norm;
  Tensor norm(const Tensor& x) const { return qk_norm ? rms_norm_by_hand(x) : x; }
};

// The picture first, then the text; only the picture has positions.
TwoStreams joint_attention(const Tensor& picture, const Tensor& text, const Tensor& cosine, const NormedHeads& heads) {
  const Size width = heads.width();
  Tensor query = linear(picture, width), key = linear(picture, width), value = linear(picture, width);
  query = heads.norm(heads.split(query));
  key = heads.norm(heads.split(key));
  value = heads.split(value);
  query = rotate(query, cosine);
  key = rotate(key, cosine);
  Tensor text_query = linear(text, width), text_key = linear(text, width), text_value = linear(text, width);
  text_query = heads.norm(heads.split(text_query));
  text_key = heads.norm(heads.split(text_key));
  text_value = heads.split(text_value);
  query = cat({query, text_query}, 1);
  key = cat({key, text_key}, 1);
  value = cat({value, text_value}, 1);
  Tensor hidden = attend(query, key, value, 2);
  hidden = hidden.view({hidden.dim(0), hidden.dim(1), width});
  Tensor out = slice(hidden, 1, picture.dim(1)), words = slice(hidden, 1, text.dim(1));
  hidden.reset();
  out = linear(out, width);
  words = linear(words, width);
  return {std::move(out), std::move(words)};
}

// On the joint sequence, joined once more, without an output projection.
Tensor single_attention(const Tensor& normed, Size tokens, const Tensor& cosine, const NormedHeads& heads) {
  const Size width = heads.width(), words = normed.dim(1) - tokens;
  const Tensor joint = copy(normed);
  Tensor query = linear(joint, width), key = linear(joint, width), value = linear(joint, width);
  query = heads.norm(heads.split(query));
  key = heads.norm(heads.split(key));
  value = heads.split(value);
  const auto rotated = [&](const Tensor& x) {
    const Tensor part = x.view({x.dim(0), tokens, heads.count, heads.dim}, true);
    return cat({rotate(part, cosine), slice(x, 1, words)}, 1);
  };
  query = rotated(query);
  key = rotated(key);
  const Tensor hidden = attend(query, key, value, 2);
  return hidden.view({hidden.dim(0), hidden.dim(1), width});
}

// HunyuanImageTokenRefiner
Tensor refine(const Tensor& text, const NormedHeads& heads, Size layers) {
  Trace& t = text.trace();
  const Size width = heads.width(), batch = text.dim(0);
  Tensor emb;
  {
    const Tensor time = embed_time(to(timestep_embedding(t, batch, 256), text.dtype()), width);
    const Tensor pooled = t.make({batch, text.dim(2)}, text.dtype(), "mean of the text");
    const Tensor projected = embed_time(pooled, width);
    emb = el(time, projected);
  }
  Tensor x = linear(text, width);
  AttnOptions o;
  o.heads = heads.count;
  o.head_dim = heads.dim;
  o.bias = true;
  t.repeat(layers, [&] {
    const Tensor normed = layer_norm(x);
    const Tensor attended = attention_2_0(normed, {}, o);
    const Tensor gate = linear(like(emb), 2 * width);
    Tensor hidden = el(x, el(attended, slice(gate, 1, width).view({batch, 1, width})));
    const Tensor again = layer_norm(hidden);
    const Tensor ff = feed_forward(again, 4 * width, width, Act::gelu);
    x = el(hidden, el(ff, slice(gate, 1, width).view({batch, 1, width})));
  });
  return x;
}

// HunyuanImageByT5TextProjection
Tensor project_glyphs(const Tensor& glyphs, Size width) {
  constexpr Size kInner = 2048;
  Tensor x = layer_norm(glyphs);
  x = like(linear(std::move(x), kInner));
  x = like(linear(std::move(x), kInner));
  return linear(std::move(x), width);
}

}  // namespace

void trace_hunyuan_image(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const NormedHeads heads{{s.integer("num_attention_heads", 28), s.integer("attention_head_dim", 128)},
                          s.text("qk_norm", "rms_norm") == "rms_norm"};
  const Size width = heads.width(), channels = s.integer("in_channels", 64);
  const std::vector<std::int64_t> patches = s.integers("patch_size", {1, 1});
  const Size patch = std::max<Size>(1, patches.back());
  const auto inner = static_cast<Size>(std::floor(s.number("mlp_ratio", 4) * static_cast<double>(width)));
  const Size tokens = (in.latent_height / patch) * (in.latent_width / patch);
  const Size glyph_width = s.integer("text_embed_2_dim", 0);
  constexpr Size kGlyphs = 128;  // pipeline_hunyuanimage.py: tokenizer_2_max_length

  const Tensor latents = t.input({in.batch, channels, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor text_in =
      t.input({in.batch, in.text_tokens, s.integer("text_embed_dim", 3584)}, dtype, "text embeddings");
  const Tensor glyphs = t.input({in.batch, glyph_width > 0 ? kGlyphs : 0, glyph_width}, dtype, "glyph embeddings");
  const Tensor cosine = t.make({1, tokens, 1, heads.dim}, DType::f32, "rotary cosines");
  const Tensor sine = t.make({tokens, heads.dim}, DType::f32, "rotary sines");
  const auto embed_step = [&] { return embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width); };
  Tensor emb = embed_step();
  if (s.truth("use_meanflow", false)) {
    const Tensor other = embed_step();
    emb = like(el(emb, other));
  }
  if (s.truth("guidance_embeds", false)) {
    const Tensor guide = embed_step();
    emb = el(emb, guide);
  }
  Tensor picture = conv2d(latents, width, patch, patch, 0);
  picture = transpose(picture.view({in.batch, width, tokens}), 1, 2);
  Tensor text = refine(text_in, heads, s.integer("num_refiner_layers", 2));
  if (glyph_width > 0) {
    const Tensor projected = project_glyphs(glyphs, width);
    const Tensor both = cat({projected, text}, 1);
    text = copy(both);
  }

  t.stack("transformer_blocks", s.integer("num_layers", 20), [&] {
    const auto [normed, modulation] = ada_layer_norm_zero(picture, emb, 6);
    const auto [text_normed, text_modulation] = ada_layer_norm_zero(text, emb, 6);
    const Tensor row = slice(modulation, 1, width).view({in.batch, 1, width});
    const Tensor text_row = slice(text_modulation, 1, width).view({in.batch, 1, width});
    const TwoStreams attended = joint_attention(normed, text_normed, cosine, heads);
    Tensor hidden = el(picture, el(attended.picture, row));
    Tensor words = el(text, el(attended.text, text_row));
    const Tensor scaled = modulate(layer_norm(hidden, false), row);
    const Tensor text_scaled = modulate(layer_norm(words, false), text_row);
    const Tensor ff = feed_forward(scaled, inner, width, Act::gelu);
    const Tensor text_ff = feed_forward(text_scaled, inner, width, Act::gelu);
    picture = el(hidden, el(row, ff));
    text = el(words, el(text_row, text_ff));
  });
  t.stack("single_transformer_blocks", s.integer("num_single_layers", 40), [&] {
    const Tensor joint = cat({picture, text}, 1);
    const auto [normed, modulation] = ada_layer_norm_zero(joint, emb, 3);
    const Tensor row = slice(modulation, 1, width).view({in.batch, 1, width});
    const Tensor mlp = like(linear(normed, inner));
    const Tensor apart = single_attention(normed, tokens, cosine, heads);  // the text's half keeps its name
    const Tensor attended = copy(apart);
    Tensor hidden = cat({attended, mlp}, 2);
    {
      Tensor projected = linear(hidden, width);
      hidden = el(row, std::move(projected));
    }
    hidden = el(hidden, joint);
    const Size words = text.dim(1);
    picture = slice(hidden, 1, tokens);
    text = slice(hidden, 1, words);
  });
  picture = ada_layer_norm_continuous(picture, emb);
  picture = linear(picture, patch * patch * s.integer("out_channels", 64));
}

}  // namespace vram::diffusion
