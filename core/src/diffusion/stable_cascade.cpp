// StableCascadeUNet: stage C (the prior) and stage B (the decoder) of Stable Cascade. Source: huggingface/diffusers
// 58eb52c0803e, models/unets/unet_stable_cascade.py, pipelines/stable_cascade/.
#include <algorithm>
#include <cmath>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

struct Config {
  std::vector<std::int64_t> widths, heads, down_layers, up_layers, down_repeats, up_repeats;
  Size cond, clip_tokens, time, channels, out_channels, patch, kernel, conditions;
  Size effnet, pixels, clip_text, clip_pooled, clip_image;
  bool switched;
  explicit Config(const Settings& s)
      : widths(s.integers("block_out_channels", {2048, 2048})),
        heads(s.integers("num_attention_heads", {32, 32})),
        down_layers(s.integers("down_num_layers_per_block", {8, 24})),
        up_layers(s.integers("up_num_layers_per_block", {24, 8})),
        down_repeats(s.integers("down_blocks_repeat_mappers", {1, 1})),
        up_repeats(s.integers("up_blocks_repeat_mappers", {1, 1})),
        cond(s.integer("conditioning_dim", 2048)),
        clip_tokens(s.integer("clip_seq", 4)),
        time(s.integer("timestep_ratio_embedding_dim", 64)),
        channels(s.integer("in_channels", 16)),
        out_channels(s.integer("out_channels", 16)),
        patch(std::max<Size>(1, s.integer("patch_size", 1))),
        kernel(s.integer("kernel_size", 3)),
        conditions(static_cast<Size>(s.texts("timestep_conditioning_type", {"sca", "crp"}).size())),
        effnet(s.integer("effnet_in_channels", 0)),
        pixels(s.integer("pixel_mapper_in_channels", 0)),
        clip_text(s.integer("clip_text_in_channels", 0)),
        clip_pooled(s.integer("clip_text_pooled_in_channels", 1280)),
        clip_image(s.integer("clip_image_in_channels", 0)),
        switched(s.has("switch_level")) {
    const std::size_t n = widths.size();
    require(n > 0 && heads.size() == n && down_layers.size() == n && up_layers.size() == n &&
                down_repeats.size() == n && up_repeats.size() == n,
            "its lists of levels differ in length");
    for (std::size_t i = 0; i < n; ++i) require(widths[i] >= heads[i], "a level is narrower than its heads are many");
  }
};

Tensor pixel_norm(const Tensor& x) { return layer_norm(x, false); }

Tensor res_block(const Tensor& input, const Tensor& skip, Size kernel) {
  const Size width = input.dim(1);
  Tensor x = conv2d(input, width, kernel, 1, kernel / 2, true, width);
  x = pixel_norm(x);
  if (skip) x = cat({x, skip}, 1);
  const Tensor held = x.view({x.dim(0), x.dim(2), x.dim(3), x.dim(1)});
  Tensor y = linear(held, 4 * width);
  y = like(std::move(y));
  {  // GlobalResponseNorm
    x.trace().count(8 * width);
    Tensor scaled = like(y);
    scaled = like(std::move(scaled));
    scaled = like(std::move(scaled));
    y = el(std::move(scaled), y);
  }
  y = linear(std::move(y), width);
  y = y.view({input.dim(0), width, input.dim(2), input.dim(3)}, false);
  return el(y, input);
}

Tensor timestep_block(const Tensor& x, const Tensor& emb, const Config& c) {
  for (Size i = 0; i <= c.conditions; ++i) {
    const Tensor part = slice(emb, 1, c.time);
    const Tensor mapped = linear(part, 2 * x.dim(1));
  }
  Tensor y = like(x);
  return like(std::move(y));
}

Tensor attention_block(const Tensor& x, const Tensor& clip, Size heads) {
  const Size batch = x.dim(0), width = x.dim(1), pixels = x.dim(2) * x.dim(3);
  Tensor context = linear(like(clip), width);
  const Tensor normed = pixel_norm(x);
  context = cat({normed.view({batch, pixels, width}), context}, 1);
  AttnOptions o;
  o.heads = heads;
  o.head_dim = width / heads;
  o.bias = true;
  Tensor attended = attention_2_0(normed.view({batch, pixels, width}), context, o);
  return el(x, attended.view({batch, width, x.dim(2), x.dim(3)}, false));
}

// conv, GELU, conv, norm: four times as wide inside
Tensor mapper(const Tensor& x, Size width) {
  Tensor y = conv2d(x, 4 * width, 1, 1, 0);
  y = like(std::move(y));
  y = conv2d(std::move(y), width, 1, 1, 0);
  return pixel_norm(y);
}

Size rounded_up(double x) { return static_cast<Size>(std::ceil(x)); }

}  // namespace

void trace_stable_cascade(Trace& t, const Settings& s, const DenoiseInput& in) {
  const Config c(s);
  const DType dtype = in.dtype;
  const bool decoder = c.effnet > 0;
  // The prior's latents are 42.67 times smaller than the picture, the decoder's 10.67 times larger than those.
  const Size prior_h = rounded_up(static_cast<double>(in.height) / 42.67);
  const Size prior_w = rounded_up(static_cast<double>(in.width) / 42.67);
  const Size h = decoder ? static_cast<Size>(static_cast<double>(prior_h) * 10.67) : prior_h;
  const Size w = decoder ? static_cast<Size>(static_cast<double>(prior_w) * 10.67) : prior_w;
  // The decoder runs without guidance.
  const Size batch = decoder && in.images > 0 ? in.images : in.batch;

  const Tensor latents = t.input({batch, c.channels, h, w}, dtype, "latents");
  const Tensor pooled = t.input({batch, 1, c.clip_pooled}, dtype, "pooled text");
  const Tensor text = t.input({batch, c.clip_text > 0 ? Size{77} : 0, c.clip_text}, dtype, "text embeddings");
  const Tensor images = t.input({batch, c.clip_image > 0 ? Size{1} : 0, c.clip_image}, dtype, "image embeddings");
  const Tensor small = t.input({batch, c.effnet, decoder ? prior_h : 0, prior_w}, dtype, "prior's latents");
  const Tensor emb = t.make({batch, c.time * (1 + c.conditions)}, dtype, "timesteps");
  Tensor clip;
  {
    Tensor words = linear(pooled, c.cond * c.clip_tokens).view({batch, c.clip_tokens, c.cond});
    if (c.clip_text > 0 && c.clip_image > 0) {
      const Tensor all = linear(text, c.cond);
      const Tensor picture = linear(images, c.cond * c.clip_tokens).view({batch, c.clip_tokens, c.cond});
      words = cat({all, words, picture}, 1);
    }
    clip = layer_norm(words, false);
  }
  Tensor x = t.make({batch, c.channels * c.patch * c.patch, h / c.patch, w / c.patch}, dtype, "pixel unshuffle");
  x = conv2d(std::move(x), c.widths.front(), 1, 1, 0);
  x = pixel_norm(x);
  if (decoder) {
    const Tensor resized = resize(small, {x.dim(2), x.dim(3)});
    x = el(x, mapper(resized, c.widths.front()));
  }
  if (c.pixels > 0) {
    const Tensor pixels = t.make({batch, c.pixels, 8, 8}, dtype, "pixels");
    x = el(x, resize(mapper(pixels, c.widths.front()), {x.dim(2), x.dim(3)}));
  }
  const Tensor start = x;

  const std::size_t n = c.widths.size();
  std::vector<Tensor> levels;  // the deepest last
  const auto blocks = [&](Tensor y, std::size_t i, const Tensor& skip) {
    y = res_block(y, skip, c.kernel);
    y = timestep_block(y, emb, c);
    // Levels without heads have no attention.
    if (c.heads[i] > 0) y = attention_block(y, clip, c.heads[i]);
    return y;
  };
  for (std::size_t i = 0; i < n; ++i) {
    const Size before = t.weights().parameters;
    if (i > 0) {
      const Tensor normed = pixel_norm(x);
      x = c.switched ? conv2d(normed, c.widths[i], 1, 1, 0) : conv2d(normed, c.widths[i], 2, 2, 0);
    }
    for (Size again = 0; again < std::max<Size>(1, c.down_repeats[i]); ++again) {
      if (again == 0) {
        t.repeat(c.down_layers[i], [&] { x = blocks(x, i, {}); });
      } else {
        x = t.uncounted([&] { return blocks(x, i, {}); });
      }
      if (again + 1 < c.down_repeats[i]) x = conv2d(x, c.widths[i], 1, 1, 0);
    }
    levels.push_back(x);
    t.note_stack("down_blocks", 1, t.weights().parameters - before, t.weights().parameters - before);
  }
  for (std::size_t up = 0; up < n; ++up) {
    const std::size_t i = n - 1 - up;
    const Size before = t.weights().parameters;
    const Tensor& level = levels[i];
    const Tensor skip = up > 0 ? level : Tensor();
    if (up > 0 && (x.dim(2) != level.dim(2) || x.dim(3) != level.dim(3))) {
      Tensor wide = resize(to(x, DType::f32), {level.dim(2), level.dim(3)});
      x = to(std::move(wide), dtype);
    }
    const Size repeats = std::max<Size>(1, c.up_repeats[up]);
    for (Size again = 0; again < repeats; ++again) {
      if (again == 0) {
        x = blocks(x, i, skip);
        t.repeat(c.up_layers[up] - 1, [&] { x = blocks(x, i, {}); });
      } else {
        x = t.uncounted([&] { return blocks(x, i, skip); });
      }
      if (again + 1 < repeats) x = conv2d(x, c.widths[i], 1, 1, 0);
    }
    if (i > 0) {
      const Tensor normed = pixel_norm(x);
      const Size width = c.widths[i - 1], side = c.switched ? 1 : 2;
      t.count(c.widths[i] * width * side * side + width);
      x = t.make({batch, width, normed.dim(2) * side, normed.dim(3) * side}, dtype, "transposed convolution");
    }
    t.note_stack("up_blocks", 1, t.weights().parameters - before, t.weights().parameters - before);
  }
  x = pixel_norm(x);
  x = conv2d(x, c.out_channels * c.patch * c.patch, 1, 1, 0);
  x = t.make({batch, c.out_channels, h, w}, dtype, "pixel shuffle");
}

}  // namespace vram::diffusion
