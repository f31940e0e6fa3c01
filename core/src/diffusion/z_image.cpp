// ZImageTransformer2DModel. Source: huggingface/diffusers 58eb52c0803e, models/transformers/transformer_z_image.py.
#include <algorithm>

#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {
namespace {

// Both sequences are padded to a multiple of this.
constexpr Size kSequenceMultiple = 32;
// Width of the embedded timestep.
constexpr Size kTimeWidth = 256;

struct Shapes {
  Size width, heads;
  bool qk_norm;
  Size head_dim() const { return width / heads; }
};

Tensor attention(const Tensor& x, const Shapes& s) {
  Tensor query = linear(x, s.width, false), key = linear(x, s.width, false), value = linear(x, s.width, false);
  const auto split = [&](const Tensor& y) { return y.view({y.dim(0), y.dim(1), s.heads, s.head_dim()}); };
  query = split(query);
  key = split(key);
  value = split(value);
  if (s.qk_norm) {
    query = rms_norm_by_hand(query);
    key = rms_norm_by_hand(key);
  }
  query = rotate_complex(query);
  key = rotate_complex(key);
  Tensor hidden = attend(query, key, value, 2);
  hidden = hidden.view({x.dim(0), x.dim(1), s.width});
  return linear(hidden, s.width, false);
}

// w2(silu(w1 x) * w3 x): both halves are there until the product is.
Tensor gated(const Tensor& x, Size inner) {
  Tensor product;
  {
    const Tensor one = linear(x, inner, false), other = linear(x, inner, false);
    product = el(like(one), other);
  }
  return linear(std::move(product), x.dim(-1), false);
}

Tensor block(const Tensor& input, const Tensor& emb, const Shapes& s) {
  Tensor x = input;
  const Size inner = s.width * 8 / 3;
  Tensor row;
  if (emb) row = linear(emb, 4 * s.width);
  const auto scaled = [&](const Tensor& y) {
    Tensor normed = rms_norm_by_hand(y);
    return emb ? el(std::move(normed), slice(row, 1, s.width).view({emb.dim(0), 1, s.width})) : normed;
  };
  Tensor attended;
  {
    const Tensor normed = scaled(x);
    attended = attention(normed, s);
  }
  {
    Tensor normed = rms_norm_by_hand(attended);
    if (emb) normed = like(std::move(normed));
    x = el(x, std::move(normed));
  }
  Tensor ff;
  {
    const Tensor normed = scaled(x);
    ff = gated(normed, inner);
  }
  Tensor normed = rms_norm_by_hand(ff);
  ff.reset();
  if (emb) normed = like(std::move(normed));
  return el(x, std::move(normed));
}

}  // namespace

void trace_z_image(Trace& t, const Settings& s, const DenoiseInput& in) {
  const DType dtype = in.dtype;
  const Shapes shapes{s.integer("dim", 3840), std::max<Size>(1, s.integer("n_heads", 30)), s.truth("qk_norm", true)};
  const Size width = shapes.width, channels = s.integer("in_channels", 16), patch = 2;
  const Size refiners = s.integer("n_refiner_layers", 2), caption_width = s.integer("cap_feat_dim", 2560);
  const Size time_width = std::min(width, kTimeWidth);
  const auto padded = [](Size n) { return (n + kSequenceMultiple - 1) / kSequenceMultiple * kSequenceMultiple; };
  const Size pictures = padded((in.latent_height / patch) * (in.latent_width / patch));
  const Size words = padded(in.text_tokens);

  const Tensor latents = t.input({in.batch, channels, in.latent_height, in.latent_width}, dtype, "latents");
  const Tensor text_in = t.input({in.batch, in.text_tokens, caption_width}, dtype, "text embeddings");
  Tensor emb;
  {
    const Tensor steps = to(timestep_embedding(t, in.batch, 256), dtype);
    emb = linear(like(linear(steps, 1024)), time_width);
  }
  Tensor x;
  {
    const Tensor patches = t.make({in.batch, pictures, patch * patch * channels}, dtype, "patches");
    x = linear(patches, width);
  }
  t.count(width);  // what pads
  x = like(std::move(x));
  const auto frequencies = [&](Size n) {
    return t.make({in.batch, n, shapes.head_dim() / 2}, DType::f64, "rotary frequencies");
  };
  const Tensor picture_frequencies = frequencies(pictures);
  t.stack("noise_refiner", refiners, [&] { x = block(x, emb, shapes); });
  Tensor caption;
  {
    Tensor y = t.make({in.batch, words, caption_width}, dtype, "padded text");
    y = rms_norm_by_hand(y);
    caption = linear(std::move(y), width);
  }
  t.count(width);
  caption = like(std::move(caption));
  const Tensor text_frequencies = frequencies(words);
  t.stack("context_refiner", refiners, [&] { caption = block(caption, {}, shapes); });
  // The two sequences keep their names beside the joint one.
  Tensor joint = t.make({in.batch, pictures + words, width}, dtype, "joint sequence");
  {
    const Tensor parts = t.make(joint.shape(), dtype, "joint sequences, one a picture");
    joint = copy(parts);
  }
  const Tensor joint_frequencies = frequencies(pictures + words);
  t.stack("layers", s.integer("n_layers", 30), [&] { joint = block(joint, emb, shapes); });
  const Tensor scale = linear(like(emb), width);
  joint = el(layer_norm(joint, false), scale.view({in.batch, 1, width}));
  joint = linear(joint, patch * patch * channels);
}

}  // namespace vram::diffusion
