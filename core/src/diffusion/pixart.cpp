// PixArtTransformer2DModel (PixArt-alpha, PixArt-Sigma). Source: huggingface/diffusers 58eb52c0803e,
// models/transformers/pixart_transformer_2d.py, attention.py BasicTransformerBlock (ada_norm_single).
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {

void trace_pixart(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Size heads = s.integer("num_attention_heads", 16), head_dim = s.integer("attention_head_dim", 72);
  const Size width = heads * head_dim, patch = std::max<Size>(1, s.integer("patch_size", 2));
  const Size channels = s.integer("in_channels", 4), caption_width = s.integer("caption_channels", 4096);
  const bool bias = s.truth("attention_bias", true);
  const bool conditions = s.truth("use_additional_conditions", s.integer("sample_size", 128) == 128);

  const Tensor latents = t.input({in.batch, channels, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor text_in = t.input({in.batch, in.text_tokens, caption_width}, dtype, "text embeddings");
  Tensor x;
  {
    Tensor patches = conv2d(latents, width, patch, patch, 0);
    const Size tokens = patches.dim(2) * patches.dim(3);
    patches = transpose(patches.view({in.batch, width, tokens}), 1, 2);
    const Tensor positions = t.make({1, tokens, width}, dtype, "position embeddings");
    x = el(std::move(patches), positions);
  }
  Tensor emb;
  {
    const Tensor time = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width);
    emb = time;
    if (conditions) {
      const auto embed_size = [&](Size values) {
        const Tensor numbers = to(timestep_embedding(t, in.batch * values, 256), dtype);
        return embed_time(numbers, width / 3).view({in.batch, values * (width / 3)});
      };
      const Tensor resolution = embed_size(2), aspect = embed_size(1);
      emb = el(time, cat({resolution, aspect}, 1));
    }
  }
  const Tensor modulation = linear(like(emb), 6 * width);
  Tensor text = linear(text_in, width);
  text = like(text);
  text = linear(text, width);

  AttnOptions o;
  o.heads = heads;
  o.head_dim = head_dim;
  o.bias = bias;
  o.fuse = t.rules().fused_qkv;
  t.stack("transformer_blocks", s.integer("num_layers", 28), [&] {
    t.count(6 * width);
    const Tensor table = t.make({in.batch, 6, width}, dtype, "modulation");
    const Tensor row = slice(table, 1, 1);
    Tensor hidden = x;
    Tensor normed = layer_norm(hidden, false);
    normed = modulate(normed, row);
    Tensor attended = attention_2_0(normed, {}, o);
    attended = el(row, attended);
    hidden = el(attended, hidden);
    normed = hidden;
    attended = attention_2_0(normed, text, o);
    hidden = el(attended, hidden);
    normed = layer_norm(hidden, false);
    normed = modulate(normed, row);
    Tensor ff = feed_forward_chunked(normed, 4 * width, width, Act::gelu);
    ff = el(row, ff);
    x = el(ff, hidden);
  });
  t.count(2 * width);
  const Tensor row = t.make({in.batch, 1, width}, dtype, "modulation");
  {
    const Tensor normed = layer_norm(x, false);
    x = modulate(normed, row);
  }
  x = linear(x, patch * patch * s.integer("out_channels", 8));
}

}  // namespace vram::diffusion
