// A forward pass on shapes: the operations of a PyTorch model are run with tensors that have a shape and a dtype but
// no contents. Tensors are counted as Python counts them: memory is given back when the last name of it goes. What
// comes out is a tape (live bytes, or replayed by an allocator's rule) and the count of the weights on the way.
// Internal to diffusion/.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "vram/diffusion.hpp"
#include "vram/tape.hpp"

namespace vram::diffusion {

using Size = std::int64_t;

// The sizes of the dimensions, at most 8 of them.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<Size> sizes) {
    for (const Size size : sizes) push(size);
  }
  int rank() const { return rank_; }
  Size operator[](int i) const { return sizes_[static_cast<std::size_t>(i < 0 ? i + rank_ : i)]; }
  Size& operator[](int i) { return sizes_[static_cast<std::size_t>(i < 0 ? i + rank_ : i)]; }
  void push(Size size) { sizes_[static_cast<std::size_t>(rank_++)] = size; }
  Size count() const {
    Size n = 1;
    for (int i = 0; i < rank_; ++i) n = mul(n, (*this)[i]);
    return n;
  }

 private:
  std::array<Size, 8> sizes_{};
  int rank_ = 0;
};

// A config that describes no model: caught by estimate(), which turns it into an Error.
struct BadConfig {
  std::string message;
};
inline void require(bool truth, const char* message) {
  if (!truth) throw BadConfig{message};
}

class Trace;

// A name of a tensor. Copying adds a name, destruction takes one away.
class Tensor {
 public:
  Tensor() = default;
  Tensor(Trace* trace, std::int32_t storage, const Shape& shape, DType dtype, bool contiguous);
  Tensor(const Tensor& other);
  Tensor(Tensor&& other) noexcept;
  Tensor& operator=(const Tensor& other);
  Tensor& operator=(Tensor&& other) noexcept;
  ~Tensor() { reset(); }

  void reset();
  explicit operator bool() const { return trace_ != nullptr; }
  Trace& trace() const { return *trace_; }
  const Shape& shape() const { return shape_; }
  Size dim(int i) const { return shape_[i]; }
  int rank() const { return shape_.rank(); }
  DType dtype() const { return dtype_; }
  bool contiguous() const { return contiguous_; }
  // Another shape of the same memory.
  Tensor view(const Shape& shape, bool contiguous) const;
  Tensor view(const Shape& shape) const { return view(shape, contiguous_); }

 private:
  Trace* trace_ = nullptr;
  std::int32_t storage_ = -1;
  Shape shape_;
  DType dtype_ = DType::f32;
  bool contiguous_ = true;
};

// How scaled dot products are computed.
struct Attention {
  enum class Kind : std::uint8_t { fused, vanilla, sliced } kind = Kind::fused;
  Size slices = 0;  // sliced: how many of the batch x heads products at a time; 0: half of the heads
};

// The copies in another layout that cuDNN makes around a convolution, by GPU generation.
enum class ConvCopies : std::uint8_t {
  none,
  tensor_cores,  // 16 bit: input and output in NHWC; TF32: the output
  hopper,        // as tensor_cores; no workspace of 4 GiB or more in 16 bit: the output alone then
  pascal,        // 16-bit convolutions run in FP32: input and output in FP32
};

// The weights that a forward pass goes through, in elements.
struct WeightCount {
  Size parameters = 0;
  Size linear_span = 0;     // sum of inputs and outputs of its Linear modules: what a LoRA of rank 1 takes
  Size linear = 0;          // of which weights of Linear modules: what quantizers take
  Size linear_in_norm = 0;  // of which in modules named "norm": what layerwise casting leaves alone
  Size convolution = 0;     // of which kernels of convolutions
  Size stack_linear = 0;    // of which in block stacks
  Size kept_f32 = 0;        // kept in FP32 whatever is asked for
  Size buffers = 0;         // persistent buffers
  Size largest_leaf = 0;    // the largest single module
  struct Stack {
    std::string_view name;
    Size count = 0;
    Size parameters = 0;  // of all of its blocks
    Size largest = 0;     // the largest block
  };
  std::vector<Stack> stacks;
};

class Trace {
 public:
  struct Rules {
    Attention attention;
    ConvCopies copies = ConvCopies::none;
    bool record = false;  // also write the tape
    Size ff_chunks = 1;   // forward chunking
    bool fused_qkv = false;
    int diffusers_minor = 36;  // of version 0.x
  };
  Trace() = default;
  explicit Trace(const Rules& rules) : rules_(rules) {}
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  Tensor make(const Shape& shape, DType dtype, std::string_view name = "tensor");
  // What the caller brings: alive all along.
  Tensor input(const Shape& shape, DType dtype, std::string_view name) {
    Tensor made = make(shape, dtype, name);
    input_bytes_ = live_;
    return made;
  }
  Bytes input_bytes() const { return input_bytes_; }
  Tensor weight(const Shape& shape, DType dtype);  // a parameter used as a tensor: counted as weight, no live bytes
  Tensor scratch(Bytes bytes);

  const Rules& rules() const { return rules_; }
  Bytes live() const { return live_; }
  Bytes peak() const { return peak_; }
  std::string_view peak_name() const { return peak_name_; }
  const Tape& tape() const { return tape_; }
  const WeightCount& weights() const { return weights_; }

  void count_linear(Size in, Size out, bool bias);
  void count(Size parameters);  // one module without linear weights
  void count_convolution(Size kernels, Size bias) {
    count(kernels + bias);
    weights_.convolution += mul(kernels, times_);
  }
  void count_buffer(Size elements) { weights_.buffers += mul(elements, times_); }
  // T5 keeps the second matrix of its feed-forward in FP32 when the rest is FP16.
  void keep_f32(Size elements) { weights_.kept_f32 += mul(elements, times_); }

  // Runs `body(i)` for n equal blocks: once for the first and once more for all others, which come back to the same
  // state.
  template <class Body>
  void repeat(Size n, Body body) {
    if (n <= 0) return;
    const Size outer = times_;
    body();
    if (n > 1) {
      times_ = mul(outer, n - 1);
      body();
      times_ = outer;
    }
  }
  // As repeat, as a stack of blocks that can be offloaded one by one.
  template <class Body>
  void stack(std::string_view name, Size n, Body body) {
    if (n <= 0) return;
    const Size before = weights_.parameters;
    const Size linear = weights_.linear;
    Size first = 0;
    const Size outer = times_;
    body();
    first = weights_.parameters - before;
    if (n > 1) {
      times_ = mul(outer, n - 1);
      body();
      times_ = outer;
    }
    const Size all = weights_.parameters - before;
    weights_.stack_linear += weights_.linear - linear;
    note_stack(name, n, all, first);
  }
  void note_stack(std::string_view name, Size n, Size all, Size largest);
  // Weights met inside are not counted (again).
  template <class Body>
  auto uncounted(Body body) {
    const Size outer = times_;
    times_ = 0;
    auto result = body();
    times_ = outer;
    return result;
  }
  bool in_norm = false;

 private:
  friend class Tensor;
  struct Slot {
    Bytes bytes = 0;
    std::int32_t names = 0;
    TapeId id = -1;
  };
  void add_name(std::int32_t storage) {
    if (storage >= 0) ++slots_[static_cast<std::size_t>(storage)].names;
  }
  void drop_name(std::int32_t storage);

  Rules rules_;
  std::vector<Slot> slots_;
  Tape tape_;
  Bytes live_ = 0, peak_ = 0, input_bytes_ = 0;
  std::string_view peak_name_;
  WeightCount weights_;
  Size times_ = 1;
};

// --- operations: arguments are given up when the result is there, as Python's temporaries are
DType promote(DType a, DType b);
Tensor like(Tensor x);  // element-wise: silu, gelu, a norm without weights, x + 1
Tensor like(Tensor x, DType dtype);
Tensor el(Tensor a, Tensor b);     // element-wise on two, broadcast
Tensor to(Tensor x, DType dtype);  // a copy when the dtype differs
Tensor copy(Tensor x);
Tensor contiguous(Tensor x);
Tensor reshape(const Tensor& x, const Shape& shape);  // -1 for the rest; copies when it must
Tensor permute(const Tensor& x, std::initializer_list<int> order);
Tensor transpose(const Tensor& x, int a, int b);
Tensor slice(const Tensor& x, int dim, Size length);
Tensor cat(std::initializer_list<Tensor> parts, int dim);
Tensor cat(std::vector<Tensor>& parts, int dim);
Tensor matmul(Tensor a, Tensor b);
Tensor linear(Tensor x, Size out, bool bias = true);
Tensor embed(Tensor ids, Size rows, Size width, DType dtype);
Tensor conv(Tensor x, Size out, std::initializer_list<Size> kernel, std::initializer_list<Size> stride,
            std::initializer_list<Size> padding, bool bias = true, Size groups = 1);
Tensor conv2d(Tensor x, Size out, Size kernel = 3, Size stride = 1, Size padding = 1, bool bias = true,
              Size groups = 1);
Tensor group_norm(Tensor x);
Tensor layer_norm(Tensor x, bool weight = true, bool bias = true);
Tensor rms_norm(Tensor x, bool weight = true);
Tensor pad(Tensor x, std::initializer_list<Size> last_first);  // as torch.nn.functional.pad
Tensor resize(Tensor x, const Shape& spatial);                 // interpolate
// softmax(q k^T) v; heads in dimension 1 (B, H, L, D) or 2 (B, L, H, D)
Tensor attend(Tensor q, Tensor k, Tensor v, int heads_dim);

}  // namespace vram::diffusion
