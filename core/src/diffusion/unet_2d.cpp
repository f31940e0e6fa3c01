// UNet2DConditionModel. Source: huggingface/diffusers 58eb52c0803e, models/unets/unet_2d_condition.py,
// unet_2d_blocks.py, transformers/transformer_2d.py, attention.py.
#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

// A setting given once for all blocks, or block by block.
Size of_block(const std::vector<std::int64_t>& list, std::size_t i, Size fallback) {
  if (list.empty()) return fallback;
  return list[std::min(i, list.size() - 1)];
}

struct Config {
  std::vector<std::int64_t> widths, layers, depth, heads, cross;
  std::vector<std::string_view> down, up;
  bool linear_projection, has_mid;
  explicit Config(const Settings& s)
      : widths(s.integers("block_out_channels", {320, 640, 1280, 1280})),
        layers(s.integers("layers_per_block", {2})),
        depth(s.integers("transformer_layers_per_block", {1})),
        heads(s.has("num_attention_heads") ? s.integers("num_attention_heads", {8})
                                           : s.integers("attention_head_dim", {8})),
        cross(s.integers("cross_attention_dim", {1280})),
        down(s.texts("down_block_types",
                     {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"})),
        up(s.texts("up_block_types", {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"})),
        linear_projection(s.truth("use_linear_projection", false)),
        has_mid(s.text("mid_block_type", "UNetMidBlock2DCrossAttn") == "UNetMidBlock2DCrossAttn") {}
};

// BasicTransformerBlock with layer norms and a gated feed-forward.
Tensor transformer_block(const Tensor& input, const Tensor& text, Size heads) {
  const Size width = input.dim(-1);
  AttnOptions o;
  o.heads = heads;
  o.head_dim = width / heads;
  o.fuse = input.trace().rules().fused_qkv;
  Tensor hidden = input;
  Tensor normed = layer_norm(hidden);
  Tensor attended = attention_2_0(normed, {}, o);
  hidden = el(attended, hidden);
  normed = layer_norm(hidden);
  attended = attention_2_0(normed, text, o);
  hidden = el(attended, hidden);
  normed = layer_norm(hidden);
  const Tensor ff = feed_forward_chunked(normed, 4 * width, width, Act::geglu);
  hidden = el(ff, hidden);
  return hidden;
}

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
  const Config c(s);
  require(c.down.size() == c.widths.size() && c.up.size() == c.widths.size(),
          "down_block_types, up_block_types and block_out_channels differ in length");
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
  const auto with_attention = [](std::string_view type) { return type.find("CrossAttn") != std::string_view::npos; };

  std::vector<Tensor> skips{x};
  const std::size_t n = c.widths.size();
  for (std::size_t i = 0; i < n; ++i) {
    const Tensor held = x;
    Tensor y = held;
    const Size before = t.weights().parameters;
    for (Size layer = 0; layer < of_block(c.layers, i, 2); ++layer) {
      y = resnet_block(y, emb, c.widths[i]);
      if (with_attention(c.down[i]))
        y = transformer_2d(y, text, of_block(c.heads, i, 8), of_block(c.depth, i, 1), c.linear_projection);
      skips.push_back(y);
    }
    if (i + 1 < n) {
      y = conv2d(y, c.widths[i], 3, 2, 1);
      skips.push_back(y);
    }
    x = std::move(y);
    t.note_stack("down_blocks", 1, t.weights().parameters - before, t.weights().parameters - before);
  }
  if (c.has_mid) {
    const Tensor held = x;
    Tensor y = resnet_block(held, emb, c.widths.back());
    y = transformer_2d(y, text, of_block(c.heads, n - 1, 8), of_block(c.depth, n - 1, 1), c.linear_projection);
    y = resnet_block(y, emb, c.widths.back());
    x = std::move(y);
  }
  std::vector<Tensor> mine;  // the skips of a block keep their names until the next block takes its own
  for (std::size_t up = 0; up < n; ++up) {
    const std::size_t i = n - 1 - up;  // the level of the down block beside it
    const Tensor held = x;
    Tensor y = held;
    const Size before = t.weights().parameters;
    const auto count = static_cast<std::size_t>(of_block(c.layers, i, 2) + 1);
    mine.assign(skips.end() - static_cast<std::ptrdiff_t>(count), skips.end());
    skips.resize(skips.size() - count);
    for (std::size_t layer = 0; layer < count; ++layer) {
      const Tensor skip = mine[count - 1 - layer];
      y = cat({y, skip}, 1);
      y = resnet_block(y, emb, c.widths[i]);
      if (with_attention(c.up[up]))
        y = transformer_2d(y, text, of_block(c.heads, i, 8), of_block(c.depth, i, 1), c.linear_projection);
    }
    if (up + 1 < n) {
      // To the size of the next skip, which halving may have rounded up.
      const Tensor& next = skips.back();
      Tensor high = resize(y, {next.dim(2), next.dim(3)});
      y = conv2d(high, c.widths[i]);
    }
    x = std::move(y);
    t.note_stack("up_blocks", 1, t.weights().parameters - before, t.weights().parameters - before);
  }
  x = group_norm(x);
  x = like(x);
  x = conv2d(x, out_channels);
}

}  // namespace vram::diffusion
