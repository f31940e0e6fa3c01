// UNetSpatioTemporalConditionModel (Stable Video Diffusion). Source: huggingface/diffusers 58eb52c0803e,
// models/unets/unet_spatio_temporal_condition.py, transformers/transformer_temporal.py, attention.py.
#include "diffusion/spatio_temporal.hpp"
#include "diffusion/unet.hpp"

namespace vram::diffusion {
namespace {

// TemporalBasicTransformerBlock: every place of the picture over all frames.
Tensor temporal_block(const Tensor& input, const Tensor& text, Size heads, Size batch) {
  const Size all = input.dim(0), places = input.dim(1), width = input.dim(2), frames = all / batch;
  AttnOptions o;
  o.heads = std::max<Size>(1, heads);
  o.head_dim = width / o.heads;
  Tensor hidden =
      reshape(permute(input.view({batch, frames, places, width}), {0, 2, 1, 3}), {batch * places, frames, width});
  const Tensor residual = hidden;
  hidden = layer_norm(hidden);
  hidden = feed_forward(hidden, 4 * width, width, Act::geglu);
  hidden = el(hidden, residual);
  Tensor normed = layer_norm(hidden);
  Tensor attended = attention_2_0(normed, {}, o);
  hidden = el(attended, hidden);
  normed = layer_norm(hidden);
  attended = attention_2_0(normed, text, o);
  hidden = el(attended, hidden);
  normed = layer_norm(hidden);
  const Tensor ff = feed_forward_chunked(normed, 4 * width, width, Act::geglu);
  hidden = el(ff, hidden);
  return reshape(permute(hidden.view({batch, places, frames, width}), {0, 2, 1, 3}), {all, places, width});
}

// TransformerSpatioTemporalModel
Tensor transformer(const Tensor& input, const Tensor& text, Size heads, Size depth, Size batch) {
  Trace& t = input.trace();
  const Size all = input.dim(0), width = input.dim(1), h = input.dim(2), w = input.dim(3);
  const Tensor first_text = t.make({batch * h * w, text.dim(1), text.dim(2)}, text.dtype(), "text for every place");
  const Tensor residual = input;
  Tensor hidden = group_norm(input);
  hidden = reshape(permute(hidden, {0, 2, 3, 1}), {all, h * w, width});
  hidden = linear(hidden, width);
  const Tensor frame = embed_time(to(timestep_embedding(t, all, width), input.dtype()), 4 * width, width);
  t.repeat(depth, [&] {
    hidden = transformer_block(hidden, text, heads);
    Tensor mixed = like(hidden);
    mixed = temporal_block(mixed, first_text, heads, batch);
    hidden = blended(hidden, mixed);
  });
  t.count(depth > 1 ? 1 - depth : 0);  // one mixer for all of its blocks
  hidden = linear(hidden, width);
  hidden = contiguous(permute(hidden.view({all, h, w, width}), {0, 3, 1, 2}));
  return el(hidden, residual);
}

}  // namespace

void trace_unet_spatio_temporal(Trace& t, const Settings& s, const DenoiseInput& in) {
  const UNetConfig c(s);
  const DType dtype = in.dtype;
  const Size frames = std::max<Size>(1, in.latent_frames), all = in.batch * frames;
  const Size channels = s.integer("in_channels", 8), out_channels = s.integer("out_channels", 4);
  const Size cross = s.integer("cross_attention_dim", 1024), time_width = 4 * c.widths.front();
  const std::vector<std::int64_t> heads = s.integers("num_attention_heads", {5, 10, 20, 20});
  const Tensor latents = t.input({all, channels, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor seen = t.input({in.batch, in.text_tokens, cross}, dtype, "image embeddings");
  const Tensor ids =
      t.input({in.batch, s.integer("projection_class_embeddings_input_dim", 768)}, dtype, "added conditions");
  Tensor emb = embed_time(to(timestep_embedding(t, in.batch, c.widths.front()), dtype), time_width);
  {
    const Tensor added = embed_time(ids, time_width);
    emb = el(emb, added);
  }
  emb = t.make({all, time_width}, dtype, "time embedding of every frame");
  const Tensor text = t.make({all, in.text_tokens, cross}, dtype, "image embeddings of every frame");
  Tensor x = conv2d(latents, c.widths.front());
  x = unet_levels(
      c, std::move(x), [&](const Tensor& y, Size out) { return spatio_temporal_resnet(y, emb, out, in.batch); },
      [&](const Tensor& y, std::size_t level) {
        return transformer(y, text, of_block(heads, level, 8), of_block(c.depth, level, 1), in.batch);
      });
  x = group_norm(x);
  x = like(x);
  x = conv2d(x, out_channels);
}

}  // namespace vram::diffusion
