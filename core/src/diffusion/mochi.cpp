// MochiTransformer3DModel. Source: huggingface/diffusers 58eb52c0803e, models/transformers/transformer_mochi.py,
// attention_processor.py MochiAttnProcessor2_0, embeddings.py MochiCombinedTimestepCaptionEmbedding.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

// MochiModulatedRMSNorm: all of it in FP32.
Tensor norm_modulated(const Tensor& x, bool scaled = true) {
  Tensor wide = to(x, DType::f32);
  wide = rms_norm_by_hand(wide, false);
  if (scaled) wide = like(wide);
  return to(std::move(wide), x.dtype());
}

// MochiRMSNormZero; the gates keep the modulation alive in the caller.
Tensor norm_zero(const Tensor& x, const Tensor& emb, Tensor& modulation) {
  Trace& t = x.trace();
  t.in_norm = true;
  modulation = linear(like(emb), 4 * x.dim(-1));
  t.in_norm = false;
  Tensor scaled;
  {
    Tensor normed = rms_norm_by_hand(to(x, DType::f32), false);
    scaled = like(std::move(normed));
  }
  return to(std::move(scaled), x.dtype());
}

// Even and odd halves in FP32, turned, back, interleaved.
Tensor rotate_pairs(const Tensor& x) {
  Trace& t = x.trace();
  const Size half = x.shape().count() / 2;
  const Tensor even = t.make({half}, DType::f32, "rotary halves"), odd = t.make({half}, DType::f32, "rotary halves");
  const auto turned = [&] {
    Tensor a = like(even), b = like(odd);
    Tensor sum = el(std::move(a), std::move(b));
    return to(std::move(sum), x.dtype());
  };
  const Tensor cosine = turned(), sine = turned();
  return t.make(x.shape(), x.dtype(), "rotary embedding");
}

struct Joint {
  Tensor video, text;
};

Joint attention(const Tensor& video, const Tensor& text, Heads heads, Size text_out) {
  Trace& t = video.trace();
  const Size inner = heads.width(), batch = video.dim(0), tokens = video.dim(1), words = text.dim(1);
  const auto norm = [&](const Tensor& x) {
    t.count(heads.dim);
    Tensor normed;
    normed = rms_norm_by_hand(x, false);
    return normed;
  };
  Tensor query = heads.split(linear(video, inner, false)), key = heads.split(linear(video, inner, false)),
         value = heads.split(linear(video, inner, false));
  query = norm(query);
  key = norm(key);
  Tensor text_query = heads.split(linear(text, inner, false)), text_key = heads.split(linear(text, inner, false)),
         text_value = heads.split(linear(text, inner, false));
  text_query = norm(text_query);
  text_key = norm(text_key);
  query = rotate_pairs(query);
  key = rotate_pairs(key);
  // One element of the batch after the other, each with the words it really has.
  std::vector<Tensor> outputs;
  Tensor q, k, v, out, words_q, words_k, words_v;
  for (Size i = 0; i < batch; ++i) {
    const auto chosen = [&] { return t.make({1, heads.count, words, heads.dim}, video.dtype(), "words"); };
    words_q = chosen();
    words_k = chosen();
    words_v = chosen();
    const auto joined = [&] {
      return t.make({1, heads.count, tokens + words, heads.dim}, video.dtype(), "concatenation");
    };
    q = joined();
    k = joined();
    v = joined();
    out = attend(q, k, v, 1);
    out = like(out);  // padded to the length of all
    outputs.push_back(out);
  }
  Tensor hidden = cat(outputs, 0);
  hidden = reshape(transpose(hidden, 1, 2), {batch, tokens + words, inner});
  Tensor a = slice(hidden, 1, tokens), b = slice(hidden, 1, words);
  hidden.reset();
  a = linear(a, inner);
  if (text_out > 0) b = linear(b, text_out);
  return {std::move(a), std::move(b)};
}

}  // namespace

void trace_mochi(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Heads heads{s.integer("num_attention_heads", 24), s.integer("attention_head_dim", 128)};
  const Size width = heads.width(), text_width = s.integer("pooled_projection_dim", 1536);
  const Size channels = s.integer("in_channels", 12), patch = std::max<Size>(1, s.integer("patch_size", 2));
  const Size out_channels = s.integer("out_channels", channels), embed_width = s.integer("text_embed_dim", 4096);
  const Size inner = 4 * width * 2 / 3, text_inner = 4 * text_width * 2 / 3;
  const Size h = in.latent_height / patch, w = in.latent_width / patch, frames = in.latent_frames;
  const Size tokens = frames * h * w, layers = s.integer("num_layers", 48);

  const Tensor latents = t.input({in.batch, channels, frames, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor text_in = t.input({in.batch, in.text_tokens, embed_width}, dtype, "text embeddings");
  Tensor emb, text;
  {
    const Tensor time = embed_time(to(timestep_embedding(t, in.batch, s.integer("time_embed_dim", 256)), dtype), width);
    Tensor pooled;
    {
      const Tensor mean = t.make({in.batch, 1, embed_width}, dtype, "mean text");
      const Tensor words = cat({mean, text_in}, 1);
      const Tensor both = linear(words, 2 * embed_width);
      Tensor query = linear(mean, embed_width);
      pooled = linear(std::move(query), width).view({in.batch, width});
    }
    text = linear(text_in, text_width);
    emb = el(time, pooled);
  }
  Tensor video =
      reshape(permute(latents, {0, 2, 1, 3, 4}), {in.batch * frames, channels, in.latent_height, in.latent_width});
  {
    Tensor patches = conv2d(video, width, patch, patch, 0);
    video = reshape(transpose(patches.view({in.batch * frames, width, h * w}), 1, 2), {in.batch, tokens, width});
  }
  t.count(3 * heads.count * heads.dim / 2);
  const Tensor cosine = t.make({tokens, heads.count, heads.dim / 2}, DType::f32, "rotary cosines");
  const Tensor sine = t.make({tokens, heads.count, heads.dim / 2}, DType::f32, "rotary sines");

  const auto block = [&](bool last) {
    Tensor modulation, text_modulation;
    Tensor normed = norm_zero(video, emb, modulation), text_normed;
    if (!last) {
      text_normed = norm_zero(text, emb, text_modulation);
    } else {
      t.in_norm = true;
      const Tensor scale = linear(like(emb), text_width);
      t.in_norm = false;
      text_normed = norm_modulated(text);
    }
    // The norms of the words' queries and keys count as those of the video; the last block has no way out for words.
    const Joint attended = attention(normed, text_normed, heads, last ? 0 : text_width);
    Tensor hidden;
    {
      Tensor gated = norm_modulated(attended.video);
      hidden = el(video, std::move(gated));
    }
    normed = norm_modulated(hidden);
    const Tensor ff = feed_forward(normed, inner, width, Act::silu_gated, false);
    {
      Tensor gated = norm_modulated(ff);
      hidden = el(hidden, std::move(gated));
    }
    if (!last) {
      Tensor words;
      {
        Tensor gated = norm_modulated(attended.text);
        words = el(text, std::move(gated));
      }
      text_normed = norm_modulated(words);
      const Tensor text_ff = feed_forward(text_normed, text_inner, text_width, Act::silu_gated, false);
      Tensor gated = norm_modulated(text_ff);
      words = el(words, std::move(gated));
      text = std::move(words);
    }
    video = std::move(hidden);
  };
  t.stack("transformer_blocks", layers - 1, [&] { block(false); });
  t.stack("transformer_blocks", std::min<Size>(layers, 1), [&] { block(true); });
  video = ada_layer_norm_continuous(video, emb);
  video = linear(video, patch * patch * out_channels);
  const Tensor output = copy(video);
}

}  // namespace vram::diffusion
