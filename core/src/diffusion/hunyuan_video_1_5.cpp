// HunyuanVideo15Transformer3DModel. Source: huggingface/diffusers 58eb52c0803e,
// models/transformers/transformer_hunyuan_video15.py.
#include <algorithm>

#include "diffusion/hunyuan_video_blocks.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

// HunyuanVideo15AttnProcessor2_0: which token may see which is spelled out, tokens by tokens.
Joint attention(const Tensor& video, const Tensor& text, const Tensor& cosine, Heads heads) {
  Trace& t = video.trace();
  const Size inner = heads.width(), batch = video.dim(0), words = text.dim(1), all = video.dim(1) + words;
  Tensor query = heads.split(linear(video, inner)), key = heads.split(linear(video, inner)),
         value = heads.split(linear(video, inner));
  query = rms_norm_by_hand(query);
  key = rms_norm_by_hand(key);
  query = rotate(query, cosine);
  key = rotate(key, cosine);
  Tensor text_query = heads.split(linear(text, inner)), text_key = heads.split(linear(text, inner)),
         text_value = heads.split(linear(text, inner));
  text_query = rms_norm_by_hand(text_query);
  text_key = rms_norm_by_hand(text_key);
  query = cat({query, text_query}, 1);
  key = cat({key, text_key}, 1);
  value = cat({value, text_value}, 1);
  const Tensor rows = t.make({batch, 1, all, all}, DType::u8, "attention mask, repeated");
  const Tensor mask = t.make({batch, 1, all, all}, DType::u8, "attention mask");
  Tensor hidden = attend_masked(query, key, value, 2, mask);
  hidden = hidden.view({batch, all, inner});
  Tensor out = slice(hidden, 1, video.dim(1)), text_out = slice(hidden, 1, words);
  hidden.reset();
  out = linear(out, inner);
  text_out = linear(text_out, inner);
  return {std::move(out), std::move(text_out)};
}

// The words of both encoders and the picture, all in one row.
Tensor conditions(Trace& t, const Settings& s, const DenoiseInput& in, Heads heads, Size inner) {
  constexpr Size kPicture = 729, kGlyphs = 256, kGlyphWidth = 2048;  // pipeline_hunyuan_video1_5.py
  const Size width = heads.width(), glyphs = std::min(kGlyphs, in.text_tokens / 2);
  const Size picture_width = s.integer("image_embed_dim", 1152);
  const Tensor text_in =
      t.input({in.batch, in.text_tokens - glyphs, s.integer("text_embed_dim", 3584)}, in.dtype, "text embeddings");
  const Tensor glyphs_in =
      t.input({in.batch, glyphs, s.integer("text_embed_2_dim", 1472)}, in.dtype, "glyph embeddings");
  const Tensor picture_in = t.input({in.batch, kPicture, picture_width}, in.dtype, "image embeddings");
  t.count(3 * width);
  const auto typed = [&](Tensor x) { return el(x, t.make(x.shape(), x.dtype(), "condition type")); };
  Tensor text;
  {
    const Tensor mean = t.make({in.batch, text_in.dim(2)}, in.dtype, "mean text");
    Tensor emb = embed_time(to(timestep_embedding(t, in.batch, 256), in.dtype), width);
    const Tensor words = embed_time(mean, width);
    emb = el(emb, words);
    text = linear(text_in, width);
    t.repeat(s.integer("num_refiner_layers", 2), [&] { refine(text, emb, heads, inner); });
    text = typed(text);
  }
  Tensor glyph = layer_norm(glyphs_in);
  glyph = embed_time(glyph, kGlyphWidth);
  glyph = like(glyph);
  glyph = linear(glyph, width);
  glyph = typed(glyph);
  Tensor picture = layer_norm(picture_in);
  picture = embed_time(picture, picture_width, width);
  picture = layer_norm(picture);
  picture = typed(picture);
  return cat({picture, glyph, text}, 1);
}

}  // namespace

void trace_hunyuan_video_1_5(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Heads heads{s.integer("num_attention_heads", 16), s.integer("attention_head_dim", 128)};
  const Size width = heads.width(), channels = s.integer("in_channels", 65);
  const Size patch = std::max<Size>(1, s.integer("patch_size", 1));
  const Size patch_t = std::max<Size>(1, s.integer("patch_size_t", 1));
  const auto inner = static_cast<Size>(static_cast<double>(width) * s.number("mlp_ratio", 4));
  const Size tokens = in.latent_frames / patch_t * (in.latent_height / patch) * (in.latent_width / patch);

  const Tensor latents =
      t.input({in.batch, channels, in.latent_frames, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor cosine = t.make({tokens, heads.dim}, DType::f32, "rotary cosines");
  const Tensor sine = t.make({tokens, heads.dim}, DType::f32, "rotary sines");
  const Tensor emb = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width);
  if (s.truth("use_meanflow", false)) {
    const Tensor other = embed_time(to(timestep_embedding(t, in.batch, 256), dtype), width);
  }
  Tensor video = conv(latents, width, {patch_t, patch, patch}, {patch_t, patch, patch}, {0, 0, 0});
  video = transpose(video.view({in.batch, width, tokens}), 1, 2);
  Tensor text = conditions(t, s, in, heads, 4 * width);

  Joint streams{std::move(video), std::move(text)};
  t.stack("transformer_blocks", s.integer("num_layers", 54), [&] {
    two_stream_block(streams, emb, inner, [&](const Tensor& picture, const Tensor& words) {
      return attention(picture, words, cosine, heads);
    });
  });
  video = std::move(streams.video);
  text = std::move(streams.text);
  video = ada_layer_norm_continuous(video, emb);
  video = linear(video, patch_t * patch * patch * s.integer("out_channels", 32));
  const Tensor output = copy(video);
}

}  // namespace vram::diffusion
