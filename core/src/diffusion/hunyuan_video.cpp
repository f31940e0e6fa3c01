// HunyuanVideoTransformer3DModel. Source: huggingface/diffusers 58eb52c0803e,
// models/transformers/transformer_hunyuan_video.py.
#include "diffusion/hunyuan_video_blocks.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

// `apart`: the text has projections of its own (double stream), else it is joined first (single stream).
Joint attention(const Tensor& video, const Tensor& text, const Tensor& cosine, Heads heads, bool apart) {
  Tensor hidden = video;
  if (!apart) hidden = cat({video, text}, 1);
  Tensor query = linear(hidden, heads.width()), key = linear(hidden, heads.width()),
         value = linear(hidden, heads.width());
  query = heads.split(query);
  key = heads.split(key);
  value = heads.split(value);
  query = rms_norm_by_hand(query);
  key = rms_norm_by_hand(key);
  const Size words = text.dim(1);
  Tensor text_query, text_key, text_value;
  if (apart) {
    query = rotate(query, cosine);
    key = rotate(key, cosine);
    text_query = linear(text, heads.width());
    text_key = linear(text, heads.width());
    text_value = linear(text, heads.width());
    text_query = heads.split(text_query);
    text_key = heads.split(text_key);
    text_value = heads.split(text_value);
    text_query = rms_norm_by_hand(text_query);
    text_key = rms_norm_by_hand(text_key);
    query = cat({query, text_query}, 1);
    key = cat({key, text_key}, 1);
    value = cat({value, text_value}, 1);
  } else {
    const auto rotated = [&](const Tensor& x) {
      const Tensor turned = rotate(slice(x, 1, x.dim(1) - words), cosine);
      return cat({turned, slice(x, 1, words)}, 1);
    };
    query = rotated(query);
    key = rotated(key);
  }
  hidden = attend(query, key, value, 2);
  hidden = hidden.view({hidden.dim(0), hidden.dim(1), heads.width()});
  Tensor out = slice(hidden, 1, hidden.dim(1) - words), text_out = slice(hidden, 1, words);
  hidden.reset();
  if (apart) {
    out = linear(out, heads.width());
    text_out = linear(text_out, heads.width());
  }
  return {std::move(out), std::move(text_out)};
}

}  // namespace

void trace_hunyuan_video(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Heads heads{s.integer("num_attention_heads", 24), s.integer("attention_head_dim", 128)};
  const Size width = heads.width(), channels = s.integer("in_channels", 16);
  const Size out_channels = s.integer("out_channels", 16), patch = s.integer("patch_size", 2);
  const Size patch_t = s.integer("patch_size_t", 1);
  const auto inner = static_cast<Size>(static_cast<double>(width) * s.number("mlp_ratio", 4));
  const Size text_width = s.integer("text_embed_dim", 4096), pooled_width = s.integer("pooled_projection_dim", 768);
  const Size frames = in.latent_frames / patch_t, h = in.latent_height / patch, w = in.latent_width / patch;
  const Size tokens = frames * h * w;

  const Tensor latents =
      t.input({in.batch, channels, in.latent_frames, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor text_in = t.input({in.batch, in.text_tokens, text_width}, dtype, "text embeddings");
  const Tensor pooled = t.input({in.batch, pooled_width}, dtype, "pooled text");
  const Tensor cosine = t.make({1, tokens, 1, heads.dim}, DType::f32, "rotary cosines");
  const Tensor sine = t.make({1, tokens, 1, heads.dim}, DType::f32, "rotary sines");
  const auto timed = [&] { return embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width); };
  Tensor emb = timed();
  {
    const Tensor words = embed_time(pooled, width);
    if (s.truth("guidance_embeds", true)) {
      const Tensor guide = timed();
      emb = el(emb, guide);
    }
    emb = el(emb, words);
  }
  Tensor video = conv(latents, width, {patch_t, patch, patch}, {patch_t, patch, patch}, {0, 0, 0});
  video = transpose(video.view({in.batch, width, tokens}), 1, 2);
  Tensor text;
  {
    const Tensor mean = t.make({in.batch, text_width}, dtype, "mean text");
    Tensor refined = timed();
    const Tensor words = embed_time(mean, width);
    refined = el(refined, words);
    text = linear(text_in, width);
    t.repeat(s.integer("num_refiner_layers", 2), [&] { refine(text, refined, heads, inner); });
  }
  const Tensor mask = t.make({in.batch, 1, 1, tokens + in.text_tokens}, DType::u8, "attention mask");

  Joint streams{std::move(video), std::move(text)};
  t.stack("transformer_blocks", s.integer("num_layers", 20), [&] {
    two_stream_block(streams, emb, inner, [&](const Tensor& picture, const Tensor& words) {
      return attention(picture, words, cosine, heads, true);
    });
  });
  video = std::move(streams.video);
  text = std::move(streams.text);
  t.stack("single_transformer_blocks", s.integer("num_single_layers", 40), [&] {
    Tensor hidden = cat({video, text}, 1);
    const Tensor residual = hidden;
    auto [normed, modulation] = ada_layer_norm_zero(hidden, emb, 3);
    const Tensor row = slice(modulation, 1, width).view({in.batch, 1, width});
    Tensor mlp;
    {
      Tensor wide = linear(normed, inner);
      mlp = like(std::move(wide));
    }
    const Tensor picture = slice(normed, 1, tokens), words = slice(normed, 1, in.text_tokens);
    normed.reset();
    Joint attended = attention(picture, words, cosine, heads, false);
    attended.video = cat({attended.video, attended.text}, 1);
    hidden = cat({attended.video, mlp}, 2);
    {
      Tensor projected = linear(hidden, width);
      hidden = el(row, std::move(projected));
    }
    hidden = el(hidden, residual);
    video = slice(hidden, 1, tokens);
    text = slice(hidden, 1, in.text_tokens);
  });
  video = ada_layer_norm_continuous(video, emb);
  video = linear(video, patch_t * patch * patch * out_channels);
  const Tensor output = copy(video);
}

}  // namespace vram::diffusion
