// QwenImageTransformer2DModel. Source: huggingface/diffusers 58eb52c0803e,
// models/transformers/transformer_qwenimage.py.
#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

struct Joint {
  Tensor picture, text;
};

Joint attention(const Tensor& picture, const Tensor& text, Heads heads) {
  const Size width = heads.width();
  Tensor q = linear(picture, width), k = linear(picture, width), v = linear(picture, width);
  Tensor text_q = linear(text, width), text_k = linear(text, width), text_v = linear(text, width);
  q = heads.split(q);
  k = heads.split(k);
  v = heads.split(v);
  text_q = heads.split(text_q);
  text_k = heads.split(text_k);
  text_v = heads.split(text_v);
  q = rms_norm_by_hand(q);
  k = rms_norm_by_hand(k);
  text_q = rms_norm_by_hand(text_q);
  text_k = rms_norm_by_hand(text_k);
  q = rotate_complex(q);
  k = rotate_complex(k);
  text_q = rotate_complex(text_q);
  text_k = rotate_complex(text_k);
  const Tensor joint_q = cat({text_q, q}, 1), joint_k = cat({text_k, k}, 1), joint_v = cat({text_v, v}, 1);
  Tensor hidden = attend(joint_q, joint_k, joint_v, 2);
  hidden = hidden.view({hidden.dim(0), hidden.dim(1), width});
  Tensor words = slice(hidden, 1, text.dim(1)), out = slice(hidden, 1, picture.dim(1));
  {
    const Tensor own = contiguous(out);
    out = linear(own, width);
  }
  {
    const Tensor own = contiguous(words);
    words = linear(own, width);
  }
  return {std::move(out), std::move(words)};
}

Tensor add_gated(const Tensor& x, const Tensor& y, const Tensor& gate) {
  Tensor gated = el(gate, y);
  return el(x, std::move(gated));
}

}  // namespace

void trace_qwen_image(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Heads heads{s.integer("num_attention_heads", 24), s.integer("attention_head_dim", 128)};
  const Size width = heads.width(), channels = s.integer("in_channels", 64);
  const Size out_channels = s.integer("out_channels", 16), patch = s.integer("patch_size", 2);
  const Size text_width = s.integer("joint_attention_dim", 3584);
  const Size tokens = (in.latent_height / 2) * (in.latent_width / 2) * (1 + in.input_images);

  const Tensor latents = t.input({in.batch, tokens, channels}, dtype, "latents");
  const Tensor text_in = t.input({in.batch, in.text_tokens, text_width}, dtype, "text embeddings");
  Tensor picture = linear(latents, width);
  Tensor text = rms_norm_by_hand(text_in);
  text = linear(text, width);
  const Tensor emb = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width);
  const Tensor frequencies = t.make({tokens, heads.dim}, DType::f32, "rotary frequencies");

  t.stack("transformer_blocks", s.integer("num_layers", 60), [&] {
    Tensor modulation, text_modulation;
    {
      const Tensor act = like(emb);
      modulation = linear(act, 6 * width);
      text_modulation = linear(act, 6 * width);
    }
    const Tensor row = slice(modulation, 1, width).view({in.batch, 1, width});
    const Tensor text_row = slice(text_modulation, 1, width).view({in.batch, 1, width});
    const auto modulated = [&](const Tensor& x, const Tensor& by) { return modulate(x, by); };
    const Tensor normed = layer_norm(picture, false);
    const Tensor scaled = modulated(normed, row);
    const Tensor text_normed = layer_norm(text, false);
    const Tensor text_scaled = modulated(text_normed, text_row);
    const Joint attended = attention(scaled, text_scaled, heads);
    Tensor hidden = add_gated(picture, attended.picture, row);
    Tensor words = add_gated(text, attended.text, text_row);
    const Tensor normed2 = layer_norm(hidden, false);
    const Tensor scaled2 = modulated(normed2, row);
    const Tensor ff = feed_forward_chunked(scaled2, 4 * width, width, Act::gelu);
    hidden = add_gated(hidden, ff, row);
    const Tensor text_normed2 = layer_norm(words, false);
    const Tensor text_scaled2 = modulated(text_normed2, text_row);
    const Tensor text_ff = feed_forward(text_scaled2, 4 * width, width, Act::gelu);
    words = add_gated(words, text_ff, text_row);
    if (dtype == DType::f16) hidden = like(hidden);
    picture = std::move(hidden);
    text = std::move(words);
  });
  picture = ada_layer_norm_continuous(picture, emb);
  picture = linear(picture, patch * patch * out_channels);
}

}  // namespace vram::diffusion
