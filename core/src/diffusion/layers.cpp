#include "diffusion/layers.hpp"

#include <algorithm>

namespace vram::diffusion {

Tensor timestep_embedding(Trace& t, Size n, Size channels) { return t.make({n, channels}, DType::f32, "timesteps"); }

Tensor embed_time(const Tensor& sample, Size width, Size out) {
  Tensor x = linear(sample, width);
  x = like(x);
  x = linear(x, out > 0 ? out : width);
  return x;
}

Tensor resnet_block(const Tensor& input, const Tensor& temb, Size out) {
  Tensor x = group_norm(input);
  x = like(x);
  x = conv2d(x, out);
  if (temb) {
    Tensor e = like(temb);
    e = linear(e, out);
    x = el(x, e.view({e.dim(0), out, 1, 1}));
  }
  x = group_norm(x);
  x = like(x);
  x = conv2d(x, out);
  Tensor shortcut = input;
  if (input.dim(1) != out) shortcut = conv2d(input, out, 1, 1, 0);
  Tensor sum = el(shortcut, x);
  return like(std::move(sum));  // divided by output_scale_factor
}

Tensor attention_2_0(const Tensor& input, const Tensor& context, const AttnOptions& o) {
  Tensor hidden = input;
  const Tensor residual = input;
  const bool image = hidden.rank() == 4;
  const Size batch = hidden.dim(0);
  if (image) {
    hidden = hidden.view({batch, hidden.dim(1), hidden.dim(2) * hidden.dim(3)});
    hidden = transpose(hidden, 1, 2);
  }
  if (o.group_norm) {
    Tensor normed = group_norm(transpose(hidden, 1, 2));
    hidden = transpose(normed, 1, 2);
  }
  const Size inner = o.heads * o.head_dim;
  const Tensor from = context ? context : hidden;  // a name of its own, until the end
  Tensor query, key, value;
  if (o.fuse && !context) {
    Tensor qkv = linear(hidden, 3 * inner, o.bias);
    query = slice(qkv, -1, inner);
    key = query;
    value = query;
  } else {
    query = linear(hidden, inner, o.bias);
    key = linear(from, inner, o.bias);
    value = linear(from, inner, o.bias);
  }
  const auto heads = [&](const Tensor& x) {
    return transpose(x.view({x.dim(0), x.dim(1), o.heads, o.head_dim}), 1, 2);
  };
  query = heads(query);
  key = heads(key);
  value = heads(value);
  // The call keeps q, k and v, and `hidden` is taken over by its result.
  Tensor out = attend(query, key, value, 1);
  hidden = std::move(out);
  hidden = reshape(transpose(hidden, 1, 2), {batch, -1, inner});
  hidden = linear(hidden, input.rank() == 4 ? input.dim(1) : input.dim(-1), o.out_bias);
  if (image) {
    hidden = reshape(transpose(hidden, -1, -2), {batch, input.dim(1), input.dim(2), input.dim(3)});
  }
  if (image || o.residual) hidden = el(hidden, residual);
  hidden = like(hidden);  // divided by rescale_output_factor
  return hidden;
}

Tensor attend_masked(const Tensor& q, const Tensor& k, const Tensor& v, int heads_dim, const Tensor& mask) {
  constexpr Size kAligned = 8;
  Trace& t = q.trace();
  Tensor bias = mask;
  if (mask.dtype() == DType::u8) {
    bias = t.make(mask.shape(), q.dtype(), "attention bias");
    const Tensor inverse = like(mask);
  }
  if (mask.dim(-1) % kAligned != 0) {
    Shape padded = mask.shape();
    padded[-1] = round_up(padded[-1], kAligned);
    bias = t.make(padded, q.dtype(), "padded attention bias");
  }
  return attend(q, k, v, heads_dim);
}

Tensor feed_forward(const Tensor& input, Size inner, Size out, Act act, bool bias) {
  Tensor x;
  if (act == Act::gelu) {
    x = linear(input, inner, bias);
    x = like(x);
  } else {
    Tensor both = linear(input, 2 * inner, bias);
    Tensor half = slice(both, -1, inner);
    Tensor gate = act == Act::geglu ? like(half) : like(half);
    x = el(half, std::move(gate));
  }
  return linear(std::move(x), out, bias);
}

Tensor feed_forward_chunked(const Tensor& input, Size inner, Size out, Act act) {
  const Size chunks = input.trace().rules().ff_chunks;
  if (chunks <= 1 || input.dim(1) < chunks) return feed_forward(input, inner, out, act);
  std::vector<Tensor> parts;
  const Size length = ceil_div(input.dim(1), chunks);
  parts.push_back(feed_forward(slice(input, 1, length), inner, out, act));
  for (Size i = 1; i < chunks; ++i) {
    parts.push_back(input.trace().uncounted([&] { return feed_forward(slice(input, 1, length), inner, out, act); }));
  }
  return cat(parts, 1);
}

Tensor transformer_block(const Tensor& input, const Tensor& text, Size asked_heads) {
  const Size width = input.dim(-1);
  AttnOptions o;
  o.heads = std::max<Size>(1, asked_heads);
  o.head_dim = width / o.heads;
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

Tensor safe_conv(const Tensor& x, Size out, std::initializer_list<Size> kernel, std::initializer_list<Size> stride,
                 std::initializer_list<Size> padding) {
  const auto one = [&](const Tensor& part) { return conv(part, out, kernel, stride, padding); };
  const double gib = static_cast<double>(x.shape().count()) * 2 / static_cast<double>(kGiB);
  if (gib <= 2) return one(x);
  const Size parts = static_cast<Size>(gib / 2) + 1, length = ceil_div(x.dim(2), parts), taps = *kernel.begin();
  std::vector<Tensor> inputs;
  for (Size at = 0; at < x.dim(2); at += length) {
    const Size n = std::min(length, x.dim(2) - at);
    Tensor view = slice(x, 2, n);
    if (at > 0 && taps > 1) {
      const Tensor tail = slice(x, 2, std::min(taps - 1, length));
      view = cat({tail, view}, 2);
    }
    inputs.push_back(std::move(view));
  }
  std::vector<Tensor> outputs;
  Tensor chunk;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    chunk = inputs[i];
    outputs.push_back(i == 0 ? one(chunk) : x.trace().uncounted([&] { return one(chunk); }));
  }
  return cat(outputs, 2);
}

Tensor rms_norm_by_hand(const Tensor& x, bool weight) {
  const DType dtype = x.dtype();
  Shape row = x.shape();
  row[-1] = 1;
  Tensor variance;
  {
    Tensor wide = to(x, DType::f32);
    wide = like(wide);
    variance = x.trace().make(row, DType::f32, "variance");
  }
  Tensor factor = like(like(variance));
  Tensor out = el(x, std::move(factor));
  if (!weight) return to(std::move(out), dtype);
  x.trace().count(x.dim(-1));
  if (size_of(dtype) == 2) out = to(std::move(out), dtype);
  return like(std::move(out));
}

Tensor normalize_channels(const Tensor& x) {
  x.trace().count(x.dim(1));
  Tensor normed;
  {
    Tensor wide = size_of(x.dtype()) == 2 ? to(x, DType::f32) : x;
    normed = like(wide);
  }
  normed = to(std::move(normed), x.dtype());
  Tensor out = like(normed);
  out = like(std::move(out));
  return like(std::move(out));
}

Tensor rotate(const Tensor& x, const Tensor& cosine) {
  const DType dtype = x.dtype();
  const Tensor halves = contiguous(x);  // seen as pairs
  Tensor rotated;
  {
    Tensor negative = x.trace().make({x.shape().count() / 2}, dtype, "rotated half");
    rotated = like(x);
  }
  Tensor a;
  {
    Tensor wide = to(x, DType::f32);
    a = el(std::move(wide), cosine);
  }
  Tensor b;
  {
    Tensor wide = to(rotated, DType::f32);
    b = el(std::move(wide), cosine);
  }
  Tensor sum = el(std::move(a), std::move(b));
  return to(std::move(sum), dtype);
}

Tensor rotate_complex(const Tensor& x, DType frequencies) {
  const Tensor wide = to(x, DType::f32);
  const Tensor product = like(wide, frequencies);
  return to(product, x.dtype());
}

Tensor layer_norm_f32(const Tensor& x, bool weight) {
  Tensor wide = to(x, DType::f32);
  wide = layer_norm(wide, weight, weight);
  return to(std::move(wide), x.dtype());
}

Tensor modulate(Tensor x, const Tensor& row) {
  Tensor scale = like(row);
  Tensor product = el(std::move(x), std::move(scale));
  return el(std::move(product), row);
}

AdaLayerNormZero ada_layer_norm_zero(const Tensor& x, const Tensor& emb, Size n) {
  Trace& t = x.trace();
  const Size width = x.dim(-1);
  t.in_norm = true;
  Tensor modulation = linear(like(emb), n * width);
  t.in_norm = false;
  const Tensor row = slice(modulation, 1, width).view({modulation.dim(0), 1, width});
  Tensor out = modulate(layer_norm(x, false), row);
  return {std::move(out), std::move(modulation)};
}

Tensor ada_layer_norm_continuous(const Tensor& x, const Tensor& emb) {
  Trace& t = x.trace();
  const Size width = x.dim(-1);
  t.in_norm = true;
  Tensor modulation = linear(to(like(emb), x.dtype()), 2 * width);
  t.in_norm = false;
  const Tensor row = slice(modulation, 1, width).view({modulation.dim(0), 1, width});
  return modulate(layer_norm(x, false), row);
}

}  // namespace vram::diffusion
