#include "diffusion/ggml_graph.hpp"

namespace vram::diffusion {
namespace {

constexpr Size kF32 = 4, kF16 = 2;
Bytes floats(Size n) { return mul(n, kF32); }

}  // namespace

Features GgmlGraph::input(Size width, Size height, Size channels) {
  // What the caller hands in stays: its place is not given to others.
  const TapeId id = tape_.input("input", floats(width * height * channels));
  tape_.mark_output(id);
  return {id, width, height, channels};
}

Features GgmlGraph::like(const Features& x, std::string_view name) {
  return {tape_.op(name, floats(x.pixels() * x.channels), {x.id}), x.width, x.height, x.channels};
}

// ggml_conv_2d: patches in FP16, their product with the kernels, made contiguous; the bias is added in place.
Features GgmlGraph::conv(const Features& x, Size out, Size kernel, Size stride) {
  const Size side = kernel / 2;
  const Size width = (x.width + 2 * side - kernel) / stride + 1, height = (x.height + 2 * side - kernel) / stride + 1;
  const Bytes result = floats(width * height * out);
  if (options_.direct) return {tape_.op("conv 2d", result, {x.id}), width, height, out};
  const TapeId patches = tape_.op("im2col", mul(width * height * x.channels * kernel * kernel, kF16), {x.id});
  const TapeId made = tape_.op("convolution", result, {patches});
  return {tape_.op("cont", result, {made}), width, height, out};
}

Features GgmlGraph::group_norm_silu(const Features& x) { return group_norm(x); }

Features GgmlGraph::linear(const Features& x, Size out) {
  return {tape_.op("linear layer", floats(x.pixels() * out), {x.id}), x.width, x.height, out};
}

Features GgmlGraph::upscale(const Features& x) {
  return {tape_.op("upscale", floats(4 * x.pixels() * x.channels), {x.id}), 2 * x.width, 2 * x.height, x.channels};
}

Features GgmlGraph::add(const Features& a, const Features& b) {
  return {tape_.op_inplace("add", floats(a.pixels() * a.channels), {a.id, b.id}), a.width, a.height, a.channels};
}

Features GgmlGraph::concat(const Features& a, const Features& b) {
  const Size channels = a.channels + b.channels;
  return {tape_.op("concat", floats(a.pixels() * channels), {a.id, b.id}), a.width, a.height, channels};
}

Features GgmlGraph::tokens(const Features& x) {
  return {tape_.op("cont", floats(x.pixels() * x.channels), {x.id}), x.pixels(), 1, x.channels};
}

Features GgmlGraph::picture(const Features& x, Size width, Size height) {
  return {tape_.op("cont", floats(x.pixels() * x.channels), {x.id}), width, height, x.channels};
}

Features GgmlGraph::attend(const Features& q, const Features& k, const Features& v, Size heads) {
  const Bytes of_q = floats(q.pixels() * q.channels), of_k = floats(k.pixels() * k.channels);
  const TapeId split_q = tape_.op("cont", of_q, {q.id}), split_k = tape_.op("cont", of_k, {k.id});
  TapeId out = -1;
  if (options_.flash) {
    const TapeId half_k = tape_.op("cast", of_k / 2, {split_k});
    const TapeId split_v = tape_.op("cont", of_k, {v.id});
    const TapeId half_v = tape_.op("cast", of_k / 2, {split_v});
    out = tape_.op("flash attention", of_q, {split_q, half_k, half_v});
  } else {
    const TapeId split_v = tape_.op("cont", of_k, {v.id});
    // Scaled and put through softmax in place.
    const TapeId scores =
        tape_.op("attention scores", floats(mul(heads, mul(q.pixels(), k.pixels()))), {split_k, split_q});
    out = tape_.op("attention", of_q, {split_v, scores});
  }
  return {tape_.op("cont", of_q, {out}), q.width, q.height, q.channels};
}

Features GgmlGraph::geglu(const Features& x, Size inner) {
  const Features both = linear(x, 2 * inner);
  const TapeId gate = tape_.op("cont", floats(x.pixels() * inner), {both.id});
  return {tape_.op_inplace("gated", floats(x.pixels() * inner), {gate, both.id}), x.width, x.height, inner};
}

}  // namespace vram::diffusion
