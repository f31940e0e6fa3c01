// WanTransformer3DModel. Source: huggingface/diffusers 58eb52c0803e, models/transformers/transformer_wan.py.
#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

// FP32LayerNorm, then scale and shift in FP32, then back.
Tensor norm_modulated(const Tensor& x, const Tensor& row) {
  Tensor wide = to(x, DType::f32);
  Tensor normed = like(wide);
  wide.reset();
  Tensor out = modulate(std::move(normed), row);
  return to(std::move(out), x.dtype());
}

// x1 cos - x2 sin and x1 sin + x2 cos, written into an empty tensor.
Tensor rotate_halves(const Tensor& x, const Tensor& cosine) {
  const DType dtype = promote(x.dtype(), cosine.dtype());
  Tensor out = x.trace().make(x.shape(), x.dtype(), "rotary embedding");
  const Size half = x.shape().count() / 2;
  for (int part = 0; part < 2; ++part) {
    Tensor a = x.trace().make({half}, dtype, "rotary products");
    Tensor b = x.trace().make({half}, dtype, "rotary products");
    const Tensor sum = el(std::move(a), std::move(b));
  }
  return out;
}

Tensor attention(const Tensor& x, const Tensor& text, const Tensor& image, const Tensor& cosine, Heads heads) {
  const Size inner = heads.width();
  const Tensor from = text ? text : x;
  Tensor query = linear(x, inner), key = linear(from, inner), value = linear(from, inner);
  query = rms_norm(query);
  key = rms_norm(key);
  query = heads.split(query);
  key = heads.split(key);
  value = heads.split(value);
  if (cosine) {
    query = rotate_halves(query, cosine);
    key = rotate_halves(key, cosine);
  }
  Tensor seen;
  if (image) {
    Tensor image_key = linear(image, inner), image_value = linear(image, inner);
    image_key = rms_norm(image_key);
    image_key = heads.split(image_key);
    image_value = heads.split(image_value);
    seen = attend(query, image_key, image_value, 2);
  }
  Tensor hidden = attend(query, key, value, 2);
  if (seen) hidden = el(hidden, seen);
  hidden = hidden.view({hidden.dim(0), hidden.dim(1), inner});
  hidden = linear(hidden, x.dim(-1));
  return hidden;
}

// x + y * gate in FP32, then back. `widened`: y is cast beforehand.
Tensor add_gated(const Tensor& x, const Tensor& y, const Tensor& gate, bool widened) {
  Tensor wide = to(x, DType::f32);
  Tensor gated;
  if (widened) {
    Tensor own = to(y, DType::f32);
    gated = el(std::move(own), gate);
  } else {
    gated = el(y, gate);
  }
  Tensor sum = el(std::move(wide), std::move(gated));
  return to(std::move(sum), x.dtype());
}

}  // namespace

void trace_wan(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Heads heads{s.integer("num_attention_heads", 40), s.integer("attention_head_dim", 128)};
  const Size width = heads.width(), ffn = s.integer("ffn_dim", 13824);
  const Size channels = s.integer("in_channels", 16), out_channels = s.integer("out_channels", 16);
  const Size text_width = s.integer("text_dim", 4096), time_width = s.integer("freq_dim", 256);
  const std::vector<std::int64_t> patch = s.integers("patch_size", {1, 2, 2});
  require(patch.size() == 3, "patch_size must have three numbers");
  const Size image_width = s.integer("image_dim", 0);
  const bool sees_image = image_width > 0 && s.integer("added_kv_proj_dim", 0) > 0;
  const Size frames = in.latent_frames / patch[0], h = in.latent_height / patch[1], w = in.latent_width / patch[2];
  const Size tokens = frames * h * w;

  const Tensor latents =
      t.input({in.batch, channels, in.latent_frames, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor text_in = t.input({in.batch, in.text_tokens, text_width}, dtype, "text embeddings");
  const Tensor image_in = sees_image ? t.input({in.batch, 257, image_width}, dtype, "image embeddings") : Tensor();
  t.count_buffer(2 * s.integer("rope_max_seq_len", 1024) * heads.dim);
  const Tensor cosine = t.make({1, tokens, 1, heads.dim}, dtype, "rotary cosines");
  const Tensor sine = t.make({1, tokens, 1, heads.dim}, dtype, "rotary sines");
  Tensor x = conv(latents, width, {patch[0], patch[1], patch[2]}, {patch[0], patch[1], patch[2]}, {0, 0, 0});
  x = transpose(x.view({in.batch, width, tokens}), 1, 2);
  x = contiguous(x);

  // With a timestep for every token (TI2V) the modulation is as long as the clip.
  const Size steps = in.token_timesteps ? tokens : 1;
  Tensor emb, projected, text, image;
  {
    Tensor time = t.make({in.batch, steps, time_width}, DType::f32, "timesteps");
    time = to(time, dtype);
    emb = embed_time(time, width);
    const Tensor act = like(emb);
    projected = linear(act, 6 * width);
    text = embed_time(text_in, width);
    if (sees_image) {
      image = layer_norm(image_in);
      image = feed_forward(image, image_width, width, Act::gelu);
      image = layer_norm(image);
      // Joined with the text; every block takes its own part.
      const Tensor joined = cat({image, text}, 1);
      text = slice(joined, 1, in.text_tokens);
      image = slice(joined, 1, 257);
    }
  }
  t.stack("blocks", s.integer("num_layers", 40), [&] {
    t.count(6 * width);
    Tensor modulation = to(projected, DType::f32);
    modulation = like(modulation);
    const Tensor row = slice(modulation, 2, width).view({in.batch, steps, width});
    Tensor hidden = x;
    Tensor normed = norm_modulated(hidden, row);
    Tensor attended = attention(normed, {}, {}, cosine, heads);
    hidden = add_gated(hidden, attended, row, false);
    {
      Tensor wide = to(hidden, DType::f32);
      if (s.truth("cross_attn_norm", true)) {
        t.count(2 * width);
        wide = like(wide);
      }
      normed = to(std::move(wide), dtype);
    }
    attended = attention(normed, text, image, {}, heads);
    hidden = el(hidden, attended);
    normed = norm_modulated(hidden, row);
    const Tensor ff = feed_forward_chunked(normed, ffn, width, Act::gelu);
    hidden = add_gated(hidden, ff, row, true);
    x = std::move(hidden);
  });
  t.count(2 * width);
  {
    const Tensor row = t.make({in.batch, steps, width}, dtype, "modulation");
    Tensor out = norm_modulated(x, row);
    x = std::move(out);
  }
  x = linear(x, out_channels * patch[0] * patch[1] * patch[2]);
  const Tensor output = copy(x);
}

}  // namespace vram::diffusion
