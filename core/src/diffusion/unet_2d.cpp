// UNet2DConditionModel. Source: huggingface/diffusers 58eb52c0803e, models/unets/unet_2d_condition.py,
// unet_2d_blocks.py, transformers/transformer_2d.py, attention.py.
#include "diffusion/unet.hpp"

namespace vram::diffusion {
namespace {

// Transformer2DModel on a picture.
Tensor transformer_2d(const Tensor& input, const Tensor& text, Size heads, Size depth, bool linear_projection) {
  const Size batch = input.dim(0), width = input.dim(1), h = input.dim(2), w = input.dim(3);
  const Tensor residual = input;
  Tensor hidden = input;
  {
    Tensor x = group_norm(hidden);
    if (linear_projection) {
      x = reshape(permute(x, {0, 2, 3, 1}), {batch, h * w, width});
      x = linear(x, width);
    } else {
      x = conv2d(x, width, 1, 1, 0);
      x = reshape(permute(x, {0, 2, 3, 1}), {batch, h * w, width});
    }
    hidden = std::move(x);
  }
  input.trace().repeat(depth, [&] { hidden = transformer_block(hidden, text, heads); });
  if (linear_projection) {
    hidden = linear(hidden, width);
    hidden = contiguous(permute(reshape(hidden, {batch, h, w, width}), {0, 3, 1, 2}));
  } else {
    hidden = contiguous(permute(reshape(hidden, {batch, h, w, width}), {0, 3, 1, 2}));
    hidden = conv2d(hidden, width, 1, 1, 0);
  }
  return el(hidden, residual);
}

}  // namespace

void trace_unet_2d(Trace& t, const Settings& s, const DenoiseInput& in) {
  const UNetConfig c(s);
  const DType dtype = in.dtype;
  const Size channels = s.integer("in_channels", 4), out_channels = s.integer("out_channels", 4);
  const Tensor latents = t.input({in.batch, channels, in.latent_height, in.latent_width}, dtype, "latents");
  // Kolors projects its text encoder's states to the width of cross-attention.
  const bool projected = s.text("encoder_hid_dim_type", "") == "text_proj";
  const Tensor text_in =
      t.input({in.batch, in.text_tokens, projected ? s.integer("encoder_hid_dim", 4096) : c.cross.front()}, dtype,
              "text embeddings");
  const Size time_width = 4 * c.widths.front();
  const bool sized = s.text("addition_embed_type", "") == "text_time";
  const Size added_width = s.integer("projection_class_embeddings_input_dim", 2816);
  const Tensor added = t.input({in.batch, sized ? added_width : 0}, dtype, "added conditions");
  Tensor emb;
  {
    const Tensor raw = timestep_embedding(t, in.batch, c.widths.front());
    emb = embed_time(to(raw, dtype), time_width);
  }
  if (sized) {
    const Tensor extra = embed_time(added, time_width);
    emb = el(emb, extra);
  }
  const Tensor text = projected ? linear(text_in, c.cross.front()) : text_in;
  Tensor x = conv2d(latents, c.widths.front());
  x = unet_levels(
      c, std::move(x), [&](const Tensor& y, Size out) { return resnet_block(y, emb, out); },
      [&](const Tensor& y, std::size_t level) {
        return transformer_2d(y, text, of_block(c.heads, level, 8), of_block(c.depth, level, 1), c.linear_projection);
      });
  x = group_norm(x);
  x = like(x);
  x = conv2d(x, out_channels);
}

}  // namespace vram::diffusion
