// A ggml graph as far as memory is concerned: tensors with shapes and strides, in the order in which they are computed.
// Source: llama.cpp v0.5.0 (de3ff81), ggml/src/ggml.c (result shapes, ggml_build_forward_expand),
// ggml/src/ggml-alloc.c (ggml_op_can_inplace).
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "vram/storage.hpp"

namespace vram::ggml {

// Operations, as far as the scheduler and the allocator tell them apart.
enum class Op : std::uint8_t {
  none,     // inputs, weights, caches
  view,     // reshape, view, permute, transpose
  inplace,  // any operation of ggml_op_can_inplace: may take over the memory of an input
  general,  // any other operation with a result of its own
  write,    // set_rows, cpy and in-place operations: the result is a view of the destination
  get_rows,
  mul_mat,
  mul_mat_id,
  rope,        // in-place, and not drawn to its weights
  flash_attn,  // not drawn to its weights
};

using Id = std::int32_t;

inline const TensorType& f32() {
  static const TensorType& t = *find_tensor_type("f32");
  return t;
}
inline const TensorType& f16() {
  static const TensorType& t = *find_tensor_type("f16");
  return t;
}
extern const TensorType kI32;
extern const TensorType kI64;

// A handle: which tensor, and its shape. Cheap to copy.
struct Tensor {
  Id id = -1;
  const TensorType* type = nullptr;
  std::array<std::int64_t, 4> ne{1, 1, 1, 1};
  std::array<std::int64_t, 4> nb{};  // bytes

  explicit operator bool() const { return id >= 0; }
};

inline constexpr int kMaxSrc = 10;  // GGML_MAX_SRC

struct Node {
  Op op = Op::none;
  std::uint8_t src_count = 0;
  std::uint16_t same_layout = 0;  // bit i: src[i] has the layout of the result
  bool input = false;
  bool output = false;
  bool external = false;  // lives in a buffer of its own: weights and caches
  bool weight = false;
  bool visited = false;
  bool copy = false;  // made by the scheduler, on another backend
  bool gpu_supported = true;
  bool soft_place = false;  // `place` was set by hand and a dry run forgets it
  std::int8_t place = -1;   // backend: external ones from the start, the others once scheduled
  Id view_src = -1;         // the tensor that owns the memory; -1: itself
  std::array<Id, kMaxSrc> src{};
  Bytes bytes = 0;         // ggml_nbytes
  Bytes gpu_extra = 0;     // what a CUDA buffer adds: row padding, scratch of flash attention
  std::int64_t batch = 0;  // rows that decide whether an operation on weights in RAM goes to the GPU
};

// Tensors that must stay until the node after a fused group has run (ggml-cuda.cu, graph_optimize).
struct Fusion {
  std::int32_t first = 0;  // position of the group in the order
  std::int32_t count = 0;
  enum class Kind : std::uint8_t { topk_moe, weighted_sum } kind = Kind::topk_moe;
};

class Graph {
 public:
  void reserve(std::size_t nodes) {
    nodes_.reserve(nodes);
    order_.reserve(nodes);
  }

  Tensor input(const TensorType& type, std::int64_t ne0, std::int64_t ne1 = 1, std::int64_t ne2 = 1,
               std::int64_t ne3 = 1);
  // A tensor in a buffer of backend `place`.
  Tensor external(const TensorType& type, std::array<std::int64_t, 4> ne, int place, bool weight);

  // Same memory, another shape. Strides of reshape are those of a contiguous tensor.
  Tensor reshape(const Tensor& t, std::int64_t ne0, std::int64_t ne1 = 1, std::int64_t ne2 = 1, std::int64_t ne3 = 1);
  Tensor view(const Tensor& t, std::array<std::int64_t, 4> ne, std::array<std::int64_t, 3> nb123);
  Tensor permute(const Tensor& t, int a0, int a1, int a2, int a3);
  Tensor transpose(const Tensor& t) { return permute(t, 1, 0, 2, 3); }

  // A result of its own with the given shape.
  Tensor make(Op op, const TensorType& type, std::array<std::int64_t, 4> ne, std::initializer_list<Tensor> src);
  Tensor like(Op op, const Tensor& shape, std::initializer_list<Tensor> src) {
    return make(op, *shape.type, shape.ne, src);
  }
  // An operation that writes into `destination`.
  Tensor write(const Tensor& destination, std::initializer_list<Tensor> src);

  Tensor mul_mat(const Tensor& w, const Tensor& x);
  Tensor mul_mat_id(const Tensor& w, const Tensor& x, const Tensor& ids);
  Tensor get_rows(const Tensor& table, const Tensor& ids);
  // add, mul, scale, unary, clamp, rms_norm, soft_max, ...: the shape of the first operand.
  Tensor inplace(const Tensor& a) { return like(Op::inplace, a, {a}); }
  Tensor inplace(const Tensor& a, const Tensor& b) { return like(Op::inplace, a, {a, b}); }
  Tensor general(const Tensor& a) { return like(Op::general, a, {a}); }
  Tensor concat(const Tensor& a, const Tensor& b, int dim);
  Tensor cont(const Tensor& t) { return like(Op::general, t, {t}); }
  Tensor cont_2d(const Tensor& t, std::int64_t ne0, std::int64_t ne1) {
    return make(Op::general, *t.type, {ne0, ne1, 1, 1}, {t});
  }
  Tensor cast(const Tensor& t, const TensorType& type) { return make(Op::general, type, t.ne, {t}); }

  // Appends `t` and what it needs to the order, depth first, sources from left to right.
  void expand(const Tensor& t);
  void mark_output(const Tensor& t) { node(t.id).output = true; }
  void set_gpu_supported(const Tensor& t, bool supported) { node(t.id).gpu_supported = supported; }
  // Places a node by hand. `forgotten_by_dry_runs`: see Backends::dry_run.
  void pin(const Tensor& t, int place, bool forgotten_by_dry_runs = false) {
    node(t.id).place = static_cast<std::int8_t>(place);
    node(t.id).soft_place = forgotten_by_dry_runs;
  }
  // Here a layer begins: what follows in the order belongs to it.
  void mark_layer() { marks_.push_back({static_cast<std::int32_t>(order_.size()), static_cast<Id>(nodes_.size())}); }
  struct Mark {
    std::int32_t position = 0;  // in the order
    Id first = 0;               // tensors from here on
  };
  const std::vector<Mark>& marks() const { return marks_; }
  void add_fusion(Fusion fusion) { fusions_.push_back(fusion); }

  Node& node(Id id) { return nodes_[static_cast<std::size_t>(id)]; }
  const Node& node(Id id) const { return nodes_[static_cast<std::size_t>(id)]; }
  Id owner(Id id) const { return node(id).view_src >= 0 ? node(id).view_src : id; }
  Id add_copy(Id of);  // a tensor of the same layout, not in the order

  const std::vector<Id>& order() const { return order_; }
  const std::vector<Id>& leafs() const { return leafs_; }
  const std::vector<Fusion>& fusions() const { return fusions_; }
  std::size_t size() const { return nodes_.size(); }

 private:
  Tensor add_view(const Tensor& of, const TensorType& type, std::array<std::int64_t, 4> ne,
                  std::array<std::int64_t, 4> nb);
  void visit(Id id);

  std::vector<Node> nodes_;
  std::vector<Id> order_;
  std::vector<Id> leafs_;
  std::vector<Fusion> fusions_;
  std::vector<Mark> marks_;
};

std::array<std::int64_t, 4> contiguous_strides(const TensorType& type, const std::array<std::int64_t, 4>& ne);
bool is_contiguous(const Tensor& t);
Bytes byte_size(const Tensor& t);  // ggml_nbytes
inline std::int64_t elements(const Tensor& t) { return product({t.ne[0], t.ne[1], t.ne[2], t.ne[3]}); }

}  // namespace vram::ggml
