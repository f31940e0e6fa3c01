// LTXVideoTransformer3DModel. Source: huggingface/diffusers 58eb52c0803e, models/transformers/transformer_ltx.py.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

struct LtxHeads : Heads {
  bool bias, out_bias;
};

// LTXVideoAttnProcessor: norms over all heads, then rotary embeddings of whole rows.
Tensor attention(const Tensor& x, const Tensor& text, const Tensor& cosine, const LtxHeads& heads) {
  const Size inner = heads.width();
  const Tensor from = text ? text : x;
  Tensor query = linear(x, inner, heads.bias), key = linear(from, inner, heads.bias),
         value = linear(from, inner, heads.bias);
  query = rms_norm(query);
  key = rms_norm(key);
  if (cosine) {
    query = rotate(query, cosine);
    key = rotate(key, cosine);
  }
  const auto split = [&](const Tensor& y) { return y.view({y.dim(0), y.dim(1), heads.count, heads.dim}); };
  query = split(query);
  key = split(key);
  value = split(value);
  Tensor hidden = attend(query, key, value, 2);
  hidden = hidden.view({hidden.dim(0), hidden.dim(1), inner});
  hidden = linear(hidden, x.dim(-1), heads.out_bias);
  return hidden;
}

// Cosines and sines of all positions, in FP32; `dim` is the width of the whole model.
struct Rotary {
  Tensor cosine, sine;
};
Rotary rotary_of(Trace& t, Size batch, Size tokens, Size dim) {
  const Size third = dim / 6;
  const Tensor grid = t.make({batch, tokens, 3}, DType::f32, "positions");
  Tensor angles = t.make({batch, tokens, 3, third}, DType::f32, "rotary angles");
  angles = copy(angles);  // transposed, then flattened
  const auto doubled = [&] {
    Tensor half = like(angles);
    return t.make({batch, tokens, 6 * third}, DType::f32, "rotary embedding");
  };
  Tensor cosine = doubled(), sine = doubled();
  if (dim % 6 != 0) {
    cosine = t.make({batch, tokens, dim}, DType::f32, "rotary cosines");
    sine = t.make({batch, tokens, dim}, DType::f32, "rotary sines");
  }
  return {std::move(cosine), std::move(sine)};
}

}  // namespace

void trace_ltx_video(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const LtxHeads heads{{s.integer("num_attention_heads", 32), s.integer("attention_head_dim", 64)},
                       s.truth("attention_bias", true),
                       s.truth("attention_out_bias", true)};
  const Size width = heads.width(), channels = s.integer("in_channels", 128);
  const Size text_width = s.integer("caption_channels", 4096);
  const bool affine = s.truth("norm_elementwise_affine", false);
  const Size patch = std::max<Size>(1, s.integer("patch_size", 1));
  const Size patch_t = std::max<Size>(1, s.integer("patch_size_t", 1));
  const Size tokens = in.latent_frames / patch_t * (in.latent_height / patch) * (in.latent_width / patch);

  const Tensor latents = t.input({in.batch, tokens, channels}, dtype, "latents");
  const Tensor text_in = t.input({in.batch, in.text_tokens, text_width}, dtype, "text embeddings");
  const Rotary rotary = rotary_of(t, in.batch, tokens, width);
  Tensor x = linear(latents, width);
  t.count(2 * width);
  Tensor emb = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width);
  const Tensor modulation = linear(like(emb), 6 * width);
  const Tensor text = embed_time(text_in, width);

  t.stack("transformer_blocks", s.integer("num_layers", 28), [&] {
    t.count(6 * width);
    Tensor hidden = x;
    Tensor normed = rms_norm_by_hand(hidden, affine);
    const Tensor values = like(modulation);
    const Tensor row = slice(values, 1, width).view({in.batch, 1, width});
    normed = modulate(normed, row);
    Tensor attended = attention(normed, {}, rotary.cosine, heads);
    {
      Tensor gated = el(attended, row);
      hidden = el(hidden, std::move(gated));
    }
    attended = attention(hidden, text, {}, heads);
    hidden = el(hidden, attended);
    normed = modulate(rms_norm_by_hand(hidden, affine), row);
    const Tensor ff = feed_forward_chunked(normed, 4 * width, width, Act::gelu);
    {
      Tensor gated = el(ff, row);
      hidden = el(hidden, std::move(gated));
    }
    x = std::move(hidden);
  });
  x = layer_norm(x, false);
  {
    const Tensor row = t.make({in.batch, 1, width}, dtype, "modulation");
    Tensor out = modulate(x, row);
    x = std::move(out);
  }
  const Tensor output = linear(x, s.integer("out_channels", channels));
}

}  // namespace vram::diffusion
