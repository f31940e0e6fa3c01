// Sizes and lifetimes of PyTorch's operations.
#include <algorithm>

#include "diffusion/trace.hpp"

namespace vram::diffusion {
namespace {

bool floating(DType d) {
  return d == DType::f32 || d == DType::f16 || d == DType::bf16 || d == DType::f64 || d == DType::f8;
}

Shape broadcast(const Shape& a, const Shape& b) {
  Shape out;
  const int rank = std::max(a.rank(), b.rank());
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const Size x = ia < 0 ? 1 : a[ia], y = ib < 0 ? 1 : b[ib];
    out.push(x == 1 ? y : x);
  }
  return out;
}

}  // namespace

DType promote(DType a, DType b) {
  if (!floating(a)) return floating(b) || size_of(b) > size_of(a) ? b : a;
  if (!floating(b)) return a;
  return size_of(a) >= size_of(b) ? a : b;
}

Tensor like(Tensor x) {
  Tensor out = x.trace().make(x.shape(), x.dtype(), "element-wise");
  x.reset();
  return out;
}

Tensor like(Tensor x, DType dtype) {
  Tensor out = x.trace().make(x.shape(), dtype, "element-wise");
  x.reset();
  return out;
}

Tensor el(Tensor a, Tensor b) {
  const DType dtype = b.rank() == 0 && a.rank() > 0   ? a.dtype()
                      : a.rank() == 0 && b.rank() > 0 ? b.dtype()
                                                      : promote(a.dtype(), b.dtype());
  Tensor out = a.trace().make(broadcast(a.shape(), b.shape()), dtype, "element-wise");
  a.reset();
  b.reset();
  return out;
}

Tensor to(Tensor x, DType dtype) { return x.dtype() == dtype ? x : like(std::move(x), dtype); }

Tensor copy(Tensor x) {
  Tensor out = x.trace().make(x.shape(), x.dtype(), "copy");
  x.reset();
  return out;
}

Tensor contiguous(Tensor x) { return x.contiguous() ? x : copy(std::move(x)); }

Tensor reshape(const Tensor& x, const Shape& wanted) {
  Shape shape = wanted;
  Size known = 1;
  int open = -1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] < 0) {
      open = i;
    } else {
      known = mul(known, shape[i]);
    }
  }
  if (open >= 0) shape[open] = known > 0 ? x.shape().count() / known : 0;
  if (x.contiguous()) return x.view(shape);
  // A view after all when only dimensions of size 1 come or go.
  const auto squeezed = [](const Shape& s) {
    Shape out;
    for (int i = 0; i < s.rank(); ++i) {
      if (s[i] != 1) out.push(s[i]);
    }
    return out;
  };
  const Shape a = squeezed(x.shape()), b = squeezed(shape);
  bool same = a.rank() == b.rank();
  for (int i = 0; same && i < a.rank(); ++i) same = a[i] == b[i];
  if (same) return x.view(shape, false);
  return x.trace().make(shape, x.dtype(), "copy to reshape");
}

Tensor permute(const Tensor& x, std::initializer_list<int> order) {
  Shape shape;
  bool sorted = true;
  int last = -1;
  for (const int d : order) {
    const int at = d < 0 ? d + x.rank() : d;
    shape.push(x.dim(at));
    if (x.dim(at) == 1) continue;
    sorted = sorted && at > last;
    last = at;
  }
  return x.view(shape, x.contiguous() && sorted);
}

Tensor transpose(const Tensor& x, int a, int b) {
  Shape shape = x.shape();
  std::swap(shape[a], shape[b]);
  const int low = std::min(a < 0 ? a + x.rank() : a, b < 0 ? b + x.rank() : b);
  const int high = std::max(a < 0 ? a + x.rank() : a, b < 0 ? b + x.rank() : b);
  // In order still when all but one of the dimensions from `low` to `high` have size 1.
  int real = 0;
  for (int i = low; i <= high; ++i) real += x.dim(i) != 1;
  return x.view(shape, x.contiguous() && real <= 1);
}

Tensor slice(const Tensor& x, int dim, Size length) {
  Shape shape = x.shape();
  const int d = dim < 0 ? dim + x.rank() : dim;
  Size before = 1;
  for (int i = 0; i < d; ++i) before *= x.dim(i);
  const bool whole = shape[d] == length;
  shape[d] = length;
  return x.view(shape, x.contiguous() && (before == 1 || whole));
}

Tensor cat(std::initializer_list<Tensor> parts, int dim) {
  std::vector<Tensor> list(parts);
  return cat(list, dim);
}

Tensor cat(std::vector<Tensor>& parts, int dim) {
  Shape shape = parts.front().shape();
  DType dtype = parts.front().dtype();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    shape[dim] += parts[i].dim(dim);
    dtype = promote(dtype, parts[i].dtype());
  }
  return parts.front().trace().make(shape, dtype, "concatenation");
}

Tensor matmul(Tensor a, Tensor b) {
  Shape lead_a, lead_b;
  for (int i = 0; i + 2 < a.rank(); ++i) lead_a.push(a.dim(i));
  for (int i = 0; i + 2 < b.rank(); ++i) lead_b.push(b.dim(i));
  Shape shape = broadcast(lead_a, lead_b);
  shape.push(a.dim(-2));
  shape.push(b.dim(-1));
  Tensor out = a.trace().make(shape, promote(a.dtype(), b.dtype()), "matrix product");
  a.reset();
  b.reset();
  return out;
}

Tensor linear(Tensor x, Size out_features, bool bias) {
  x.trace().count_linear(x.dim(-1), out_features, bias);
  Shape shape = x.shape();
  shape[-1] = out_features;
  Tensor out = x.trace().make(shape, x.dtype(), "linear layer");
  x.reset();
  return out;
}

Tensor embed(Tensor ids, Size rows, Size width, DType dtype) {
  ids.trace().count(mul(rows, width));
  Shape shape = ids.shape();
  shape.push(width);
  Tensor out = ids.trace().make(shape, dtype, "embedding");
  ids.reset();
  return out;
}

Tensor conv(Tensor x, Size out_channels, std::initializer_list<Size> kernel, std::initializer_list<Size> stride,
            std::initializer_list<Size> padding, bool bias, Size groups) {
  Trace& trace = x.trace();
  const int n = static_cast<int>(kernel.size());
  const Size in_channels = x.dim(-n - 1);
  Size taps = 1, widest = 1;
  for (const Size k : kernel) {
    taps *= k;
    widest = std::max(widest, k);
  }
  trace.count_convolution(in_channels / groups * out_channels * taps, bias ? out_channels : 0);
  x = contiguous(std::move(x));
  Shape shape = x.shape();
  shape[-n - 1] = out_channels;
  for (int i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const Size k = kernel.begin()[at], s = stride.begin()[at], p = padding.begin()[at];
    shape[-n + i] = (x.dim(-n + i) + 2 * p - k) / s + 1;
  }
  Tensor out = trace.make(shape, x.dtype(), "convolution");
  if (n > 1 && groups == 1 && widest > 1) {
    const Size in = x.shape().count(), made = shape.count();
    const bool half = size_of(x.dtype()) == 2;
    const ConvCopies copies = trace.rules().copies;
    // Inferred from FLUX.1's pictures decoded 4, 8 and 16 at a time on an H100: 4, 4 and 3.75 of its largest maps each,
    // where cuDNN 8 on GPUs before Hopper takes 4.75 whatever the batch.
    const bool output_only = copies == ConvCopies::hopper && n == 2 && 2 * (in + made) >= 4 * kGiB;
    if (copies == ConvCopies::tensor_cores || copies == ConvCopies::hopper)
      trace.scratch(!half ? 4 * made : output_only ? 2 * made : 2 * (in + made));
    if (copies == ConvCopies::pascal && half) trace.scratch(4 * (in + made));
  }
  x.reset();
  return out;
}

Tensor conv2d(Tensor x, Size out, Size kernel, Size stride, Size padding, bool bias, Size groups) {
  return conv(std::move(x), out, {kernel, kernel}, {stride, stride}, {padding, padding}, bias, groups);
}

// What is not contiguous is copied first: aten/src/ATen/native/group_norm.cpp (PyTorch v2.8.0).
Tensor group_norm(Tensor x) {
  x.trace().count(2 * x.dim(1));
  const Tensor own = contiguous(std::move(x));
  return like(own);
}

Tensor layer_norm(Tensor x, bool weight, bool bias) {
  x.trace().count((weight ? x.dim(-1) : 0) + (bias && weight ? x.dim(-1) : 0));
  return like(std::move(x));
}

Tensor rms_norm(Tensor x, bool weight) {
  if (weight) x.trace().count(x.dim(-1));
  return like(std::move(x));
}

Tensor pad(Tensor x, std::initializer_list<Size> last_first) {
  Shape shape = x.shape();
  for (std::size_t i = 0; i < last_first.size(); ++i) shape[-1 - static_cast<int>(i / 2)] += last_first.begin()[i];
  Tensor out = x.trace().make(shape, x.dtype(), "padding");
  x.reset();
  return out;
}

Tensor resize(Tensor x, const Shape& spatial) {
  Shape shape = x.shape();
  for (int i = 0; i < spatial.rank(); ++i) shape[-spatial.rank() + i] = spatial[i];
  Tensor out = x.trace().make(shape, x.dtype(), "interpolation");
  x.reset();
  return out;
}

Tensor attend(Tensor q, Tensor k, Tensor v, int heads_dim) {
  Trace& trace = q.trace();
  Shape shape = q.shape();
  shape[-1] = v.dim(-1);
  const int length_dim = heads_dim == 1 ? 2 : 1;
  const Size rows = q.dim(0) * q.dim(heads_dim), queries = q.dim(length_dim), keys = k.dim(length_dim);
  Tensor out;
  switch (trace.rules().attention.kind) {
    case Attention::Kind::fused: out = trace.make(shape, q.dtype(), "attention"); break;
    case Attention::Kind::vanilla: {
      // An empty matrix to add to, the scores, then their softmax beside them.
      Tensor scores = trace.make({rows, queries, keys}, q.dtype(), "attention scores");
      Tensor weights = trace.make({rows, queries, keys}, q.dtype(), "attention weights");
      scores.reset();
      out = trace.make(shape, q.dtype(), "attention");
      break;
    }
    case Attention::Kind::sliced: {
      out = trace.make(shape, q.dtype(), "attention");
      const Size asked = trace.rules().attention.slices;
      const Size at_once = asked > 0 ? std::min(asked, rows) : std::max<Size>(1, q.dim(heads_dim) / 2);
      Tensor scores = trace.make({at_once, queries, keys}, q.dtype(), "attention scores, one slice");
      Tensor weights = trace.make({at_once, queries, keys}, q.dtype(), "attention weights, one slice");
      break;
    }
  }
  q.reset();
  k.reset();
  v.reset();
  return out;
}

}  // namespace vram::diffusion
