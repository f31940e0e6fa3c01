// AllegroTransformer3DModel. Source: huggingface/diffusers 58eb52c0803e, models/transformers/transformer_allegro.py,
// attention_processor.py AllegroAttnProcessor2_0.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

struct BiasedHeads : Heads {
  bool bias;
};

// apply_rotary_emb_allegro: time, height and width turn a third of each head, one after the other.
Tensor rotate_thirds(const Tensor& x) {
  Trace& t = x.trace();
  const Size tokens = x.dim(2), third = x.dim(3) / 3;
  std::vector<Tensor> parts;
  for (int axis = 0; axis < 3; ++axis) {
    const Tensor cosine = t.make({1, 1, tokens, third}, DType::f32, "rotary cosines");
    const Tensor sine = t.make({1, 1, tokens, third}, DType::f32, "rotary sines");
    const Tensor part = slice(x, -1, third);
    Tensor rotated;
    {
      Tensor negative = t.make({part.shape().count() / 2}, x.dtype(), "rotated half");
      rotated = like(part);
    }
    Tensor a = el(to(part, DType::f32), cosine);
    Tensor b = el(to(rotated, DType::f32), sine);
    Tensor sum = el(std::move(a), std::move(b));
    parts.push_back(to(std::move(sum), x.dtype()));
  }
  return cat(parts, -1);
}

Tensor attention(const Tensor& x, const Tensor& text, const BiasedHeads& heads) {
  const Size inner = heads.width(), batch = x.dim(0);
  const Tensor from = text ? text : x;
  const auto split = [&](const Tensor& y) { return transpose(heads.split(y), 1, 2); };
  Tensor query = linear(x, inner, heads.bias), key = linear(from, inner, heads.bias),
         value = linear(from, inner, heads.bias);
  query = split(query);
  key = split(key);
  value = split(value);
  if (!text) {
    query = rotate_thirds(query);
    key = rotate_thirds(key);
  }
  Tensor hidden = attend(query, key, value, 1);
  hidden = reshape(transpose(hidden, 1, 2), {batch, -1, inner});
  hidden = linear(hidden, x.dim(-1));
  return like(hidden);  // divided by rescale_output_factor
}

}  // namespace

void trace_allegro(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const BiasedHeads heads{{s.integer("num_attention_heads", 24), s.integer("attention_head_dim", 96)},
                          s.truth("attention_bias", true)};
  const Size width = heads.width(), channels = s.integer("in_channels", 4),
             patch = std::max<Size>(1, s.integer("patch_size", 2));
  const Size frames = in.latent_frames, h = in.latent_height / patch, w = in.latent_width / patch;
  const Size tokens = frames * h * w;
  const bool affine = s.truth("norm_elementwise_affine", false);

  const Tensor latents = t.input({in.batch, channels, frames, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor text_in =
      t.input({in.batch, in.text_tokens, s.integer("caption_channels", 4096)}, dtype, "text embeddings");
  t.in_norm = true;  // layerwise casting leaves "adaln_single" alone
  const Tensor emb = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width);
  const Tensor modulation = linear(like(emb), 6 * width);
  t.in_norm = false;
  Tensor x =
      reshape(permute(latents, {0, 2, 1, 3, 4}), {in.batch * frames, channels, in.latent_height, in.latent_width});
  {
    Tensor patches = conv2d(x, width, patch, patch, 0);
    x = reshape(transpose(patches.view({in.batch * frames, width, h * w}), 1, 2), {in.batch, tokens, width});
  }
  const Tensor text = embed_time(text_in, width);

  t.stack("transformer_blocks", s.integer("num_layers", 32), [&] {
    t.count(6 * width);
    const Tensor values = like(modulation);
    const Tensor row = slice(values, 1, width).view({in.batch, 1, width});
    Tensor hidden = x;
    Tensor normed = layer_norm(hidden, affine);
    normed = modulate(normed, row);
    Tensor attended = attention(normed, {}, heads);
    attended = el(attended, row);
    hidden = el(attended, hidden);
    normed = hidden;
    attended = attention(normed, text, heads);
    hidden = el(attended, hidden);
    if (affine) t.count(2 * width);  // the third norm is there, but not used
    normed = layer_norm(hidden, affine);
    normed = modulate(normed, row);
    Tensor ff = feed_forward_chunked(normed, 4 * width, width, Act::gelu);
    ff = el(ff, row);
    hidden = el(ff, hidden);
    x = std::move(hidden);
  });
  t.count(2 * width);
  x = layer_norm(x, false);
  {
    const Tensor row = t.make({in.batch, 1, width}, dtype, "modulation");
    Tensor out = modulate(x, row);
    x = std::move(out);
  }
  x = linear(x, patch * patch * s.integer("out_channels", 4));
  const Tensor output = copy(x);
}

}  // namespace vram::diffusion
