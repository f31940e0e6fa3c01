// SD3Transformer2DModel, the MMDiT of Stable Diffusion 3 and 3.5. Source: huggingface/diffusers 58eb52c0803e,
// models/transformers/transformer_sd3.py, attention.py JointTransformerBlock, attention_processor.py
// JointAttnProcessor2_0.
#include <algorithm>

#include "diffusion/flux.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

struct Shapes {
  Size heads, head_dim;
  bool qk_norm;
  Size width() const { return heads * head_dim; }
};

// `text` empty: on the picture alone (the second attention of dual layers).
TwoStreams attention(const Tensor& picture, const Tensor& text, const Shapes& s, bool keeps_text) {
  Trace& t = picture.trace();
  const Size width = s.width();
  const auto project = [&](const Tensor& x, Tensor& q, Tensor& k, Tensor& v) {
    if (t.rules().fused_qkv) {
      for (int i = 0; i < 3; ++i) t.count_linear(x.dim(-1), width, true);  // the separate ones stay beside it
      q = slice(linear(x, 3 * width), -1, width);
      k = q;
      v = q;
    } else {
      q = linear(x, width);
      k = linear(x, width);
      v = linear(x, width);
    }
    for (Tensor* one : {&q, &k, &v}) *one = transpose(one->view({x.dim(0), x.dim(1), s.heads, s.head_dim}), 1, 2);
    if (!s.qk_norm) return;
    q = rms_norm_by_hand(q);
    k = rms_norm_by_hand(k);
  };
  Tensor query, key, value, text_query, text_key, text_value;
  project(picture, query, key, value);
  if (text) {
    project(text, text_query, text_key, text_value);
    query = cat({query, text_query}, 2);
    key = cat({key, text_key}, 2);
    value = cat({value, text_value}, 2);
  }
  Tensor hidden = attend(query, key, value, 1);
  hidden = reshape(transpose(hidden, 1, 2), {picture.dim(0), -1, width});
  if (!text) return {linear(std::move(hidden), width), {}};
  Tensor words = slice(hidden, 1, text.dim(1));
  Tensor out = slice(hidden, 1, picture.dim(1));
  hidden.reset();
  if (keeps_text) words = linear(words, width);
  out = linear(out, width);
  return {std::move(out), std::move(words)};
}

Tensor feed_forward_on(const Tensor& hidden, Tensor& normed, const Tensor& row) {
  const Size width = hidden.dim(-1);
  normed = layer_norm(hidden, false);
  normed = modulate(normed, row);
  Tensor ff = feed_forward_chunked(normed, 4 * width, width, Act::gelu);
  ff = el(row, ff);
  return el(hidden, ff);
}

}  // namespace

void trace_sd3(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Shapes shapes{s.integer("num_attention_heads", 18), s.integer("attention_head_dim", 64),
                      s.text("qk_norm", "") == "rms_norm"};
  const Size width = shapes.width(), patch = std::max<Size>(1, s.integer("patch_size", 2));
  const Size channels = s.integer("in_channels", 16), layers = s.integer("num_layers", 18);
  const Size text_width = s.integer("caption_projection_dim", 1152);
  const std::vector<std::int64_t> dual = s.integers("dual_attention_layers", {});
  const auto count_dual = static_cast<Size>(
      std::count_if(dual.begin(), dual.end(), [&](std::int64_t i) { return i >= 0 && i < layers - 1; }));

  const Tensor latents = t.input({in.batch, channels, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor text_in =
      t.input({in.batch, in.text_tokens, s.integer("joint_attention_dim", 4096)}, dtype, "text embeddings");
  const Tensor pooled = t.input({in.batch, s.integer("pooled_projection_dim", 2048)}, dtype, "pooled text");
  const Size grid = s.integer("pos_embed_max_size", 96);
  t.count_buffer(grid * grid * width);
  Tensor picture;
  {
    Tensor patches = conv2d(latents, width, patch, patch, 0);
    const Size rows = patches.dim(2), columns = patches.dim(3);
    patches = transpose(patches.view({in.batch, width, rows * columns}), 1, 2);
    const Tensor positions = t.make({1, rows * columns, width}, dtype, "position embeddings");
    picture = el(std::move(patches), positions);
  }
  Tensor emb;
  {
    const Tensor time = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width);
    const Tensor words = embed_time(pooled, width);
    emb = el(time, words);
  }
  Tensor text = linear(text_in, text_width);

  const auto block = [&](bool twice, bool last) {
    Tensor normed, second, modulation;
    if (twice) {
      t.in_norm = true;
      modulation = linear(like(emb), 9 * width);
      t.in_norm = false;
      const Tensor plain = layer_norm(picture, false);
      const Tensor row = slice(modulation, 1, width).view({in.batch, 1, width});
      normed = modulate(plain, row);
      second = modulate(plain, row);
    } else {
      AdaLayerNormZero zero = ada_layer_norm_zero(picture, emb, 6);
      normed = std::move(zero.x);
      modulation = std::move(zero.modulation);
    }
    const Tensor row = slice(modulation, 1, width).view({in.batch, 1, width});
    Tensor text_normed, text_modulation;
    if (last) {
      text_normed = ada_layer_norm_continuous(text, emb);
    } else {
      AdaLayerNormZero zero = ada_layer_norm_zero(text, emb, 6);
      text_normed = std::move(zero.x);
      text_modulation = std::move(zero.modulation);
    }
    TwoStreams attended = attention(normed, text_normed, shapes, !last);
    attended.picture = el(row, attended.picture);
    Tensor hidden = el(picture, attended.picture);
    Tensor again;
    if (twice) {
      again = attention(second, {}, shapes, false).picture;
      again = el(row, again);
      hidden = el(hidden, again);
    }
    Tensor next = feed_forward_on(hidden, normed, row);
    if (!last) {
      const Tensor text_row = slice(text_modulation, 1, width).view({in.batch, 1, width});
      attended.text = el(text_row, attended.text);
      const Tensor words = el(text, attended.text);
      text = feed_forward_on(words, text_normed, text_row);
    }
    picture = std::move(next);
  };
  // The layers with a second attention come first.
  t.stack("transformer_blocks", count_dual, [&] { block(true, false); });
  t.stack("transformer_blocks", std::max<Size>(0, layers - 1 - count_dual), [&] { block(false, false); });
  t.stack("transformer_blocks", std::min<Size>(1, layers), [&] { block(false, true); });
  picture = ada_layer_norm_continuous(picture, emb);
  picture = linear(picture, patch * patch * s.integer("out_channels", 16));
}

}  // namespace vram::diffusion
