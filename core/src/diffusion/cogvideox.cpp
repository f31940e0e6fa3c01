// CogVideoXTransformer3DModel. Source: huggingface/diffusers 58eb52c0803e,
// models/transformers/cogvideox_transformer_3d.py, attention_processor.py CogVideoXAttnProcessor2_0.
#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

struct Joint {
  Tensor video, text;
};

// CogVideoXLayerNormZero; `modulation` keeps its name in the caller, whose gates are views of it.
Joint norm_zero(const Tensor& video, const Tensor& text, const Tensor& emb, Tensor& modulation) {
  Trace& t = video.trace();
  const Size width = video.dim(-1);
  t.in_norm = true;
  Tensor all = linear(like(emb), 6 * width);
  t.in_norm = false;
  const Tensor row = slice(all, 1, width).view({all.dim(0), 1, width});
  Tensor a = modulate(layer_norm(video), row);
  Tensor b = t.uncounted([&] { return modulate(layer_norm(text), row); });
  modulation = std::move(all);
  return {std::move(a), std::move(b)};
}

Joint attention(const Tensor& video, const Tensor& text, const Tensor& cosine, Size heads, Size head_dim) {
  Trace& t = video.trace();
  const Size inner = heads * head_dim, words = text.dim(1);
  Tensor hidden = cat({text, video}, 1);
  const Size batch = hidden.dim(0);
  const auto split = [&](const Tensor& x) { return transpose(x.view({batch, x.dim(1), heads, head_dim}), 1, 2); };
  Tensor query, key, value;
  if (t.rules().fused_qkv) {
    for (int i = 0; i < 3; ++i) t.count_linear(inner, inner, true);  // the separate ones stay beside the fused one
    const Tensor qkv = linear(hidden, 3 * inner);
    query = slice(qkv, -1, inner);
    key = query;
    value = query;
  } else {
    query = linear(hidden, inner);
    key = linear(hidden, inner);
    value = linear(hidden, inner);
  }
  query = split(query);
  key = split(key);
  value = split(value);
  query = layer_norm(query);
  key = layer_norm(key);
  if (cosine) {
    rotate(slice(query, 2, query.dim(2) - words), cosine);
    rotate(slice(key, 2, key.dim(2) - words), cosine);
  }
  Tensor out = attend(query, key, value, 1);
  hidden = std::move(out);
  hidden = reshape(transpose(hidden, 1, 2), {batch, -1, inner});
  hidden = linear(hidden, inner);
  Tensor a = slice(hidden, 1, video.dim(1));
  Tensor b = slice(hidden, 1, words);
  return {std::move(a), std::move(b)};
}

}  // namespace

void trace_cogvideox(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Size heads = s.integer("num_attention_heads", 30), head_dim = s.integer("attention_head_dim", 64);
  const Size width = heads * head_dim, patch = s.integer("patch_size", 2), patch_t = s.integer("patch_size_t", 0);
  const Size channels = s.integer("in_channels", 16), out_channels = s.integer("out_channels", 16);
  const Size time_width = s.integer("time_embed_dim", 512), text_width = s.integer("text_embed_dim", 4096);
  const bool rotary = s.truth("use_rotary_positional_embeddings", false);
  Size frames = in.latent_frames;
  if (patch_t > 1) frames = round_up(frames, patch_t);
  const Size h = in.latent_height / patch, w = in.latent_width / patch;
  const Size tokens = (patch_t > 1 ? frames / patch_t : frames) * h * w;

  const Tensor latents = t.input({in.batch, frames, channels, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor text_in = t.input({in.batch, in.text_tokens, text_width}, dtype, "text embeddings");
  const Tensor cosine = rotary ? t.input({tokens, head_dim}, DType::f32, "rotary cosines") : Tensor();
  const Tensor sine = rotary ? t.input({tokens, head_dim}, DType::f32, "rotary sines") : Tensor();
  Tensor emb = embed_time(to(timestep_embedding(t, in.batch, width), dtype), time_width);
  if (const Size ofs = s.integer("ofs_embed_dim", 0); ofs > 0) {
    const Tensor offset = embed_time(to(timestep_embedding(t, in.batch, ofs), dtype), ofs);
    emb = el(emb, offset);
  }
  Tensor joint;
  {
    const Tensor words = linear(text_in, width);
    Tensor picture = latents;
    if (patch_t > 1) {
      picture = permute(picture, {0, 1, 3, 4, 2});
      picture = reshape(picture, {in.batch, frames / patch_t, patch_t, h, patch, w, patch, channels});
      picture =
          reshape(permute(picture, {0, 1, 3, 5, 7, 2, 4, 6}), {in.batch, tokens, channels * patch_t * patch * patch});
      picture = linear(picture, width);
    } else {
      picture = picture.view({in.batch * frames, channels, in.latent_height, in.latent_width});
      picture = conv(picture, width, {patch, patch}, {patch, patch}, {0, 0}, s.truth("patch_bias", true));
      picture = picture.view({in.batch, frames, width, h * w});
      picture = reshape(transpose(picture, 2, 3), {in.batch, tokens, width});
    }
    joint = cat({words, picture}, 1);
    if (!rotary || s.truth("use_learned_positional_embeddings", false)) {
      const Size posts = (s.integer("sample_height", 60) / patch) * (s.integer("sample_width", 90) / patch) *
                         ((s.integer("sample_frames", 49) - 1) / 4 + 1);
      if (s.truth("use_learned_positional_embeddings", false))
        t.count_buffer((s.integer("max_text_seq_length", 226) + posts) * width);
      joint = like(joint);
    }
  }
  Tensor text = slice(joint, 1, in.text_tokens);
  Tensor video = slice(joint, 1, tokens);
  joint.reset();
  t.stack("transformer_blocks", s.integer("num_layers", 30), [&] {
    Tensor modulation, second;
    Joint normed = norm_zero(video, text, emb, modulation);
    const Tensor row = slice(modulation, 1, width).view({in.batch, 1, width});
    const Joint attended = attention(normed.video, normed.text, cosine, heads, head_dim);
    Tensor hidden, words;
    {
      Tensor gated = el(row, attended.video);
      hidden = el(video, std::move(gated));
    }
    {
      Tensor gated = el(row, attended.text);
      words = el(text, std::move(gated));
    }
    {
      Joint fresh = norm_zero(hidden, words, emb, second);
      normed = std::move(fresh);
    }
    normed.video = cat({normed.text, normed.video}, 1);
    const Tensor ff = feed_forward_chunked(normed.video, 4 * width, width, Act::gelu);
    {
      Tensor gated = el(row, slice(ff, 1, tokens));
      hidden = el(hidden, std::move(gated));
    }
    {
      Tensor gated = el(row, slice(ff, 1, in.text_tokens));
      words = el(words, std::move(gated));
    }
    video = std::move(hidden);
    text = std::move(words);
  });
  video = layer_norm(video);
  {
    t.in_norm = true;
    const Tensor modulation = linear(like(emb), 2 * width);
    t.in_norm = false;
    const Tensor row = slice(modulation, 1, width).view({in.batch, 1, width});
    Tensor out = modulate(layer_norm(video), row);
    video = std::move(out);
  }
  video = linear(video, patch * patch * std::max<Size>(1, patch_t) * out_channels);
  const Tensor output = copy(video);
}

}  // namespace vram::diffusion
