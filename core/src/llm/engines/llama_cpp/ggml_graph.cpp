#include "llm/engines/llama_cpp/ggml_graph.hpp"

namespace vram::ggml {

const TensorType kI32{"i32", "I32", "plain", 1, 4, false, "IEEE"};
const TensorType kI64{"i64", "I64", "plain", 1, 8, false, "IEEE"};

std::array<std::int64_t, 4> contiguous_strides(const TensorType& type, const std::array<std::int64_t, 4>& ne) {
  const std::int64_t row = mul(ceil_div(ne[0], type.block_elements), type.block_bytes);
  return {type.block_bytes, row, mul(row, ne[1]), product({row, ne[1], ne[2]})};
}

bool is_contiguous(const Tensor& t) {
  const auto nb = contiguous_strides(*t.type, t.ne);
  // The stride of a dimension of one element does not matter.
  for (std::size_t i = 0; i < 4; ++i) {
    if (t.ne[i] != 1 && t.nb[i] != nb[i]) return false;
  }
  return true;
}

Bytes byte_size(const Tensor& t) {
  Bytes bytes = t.type->block_elements == 1 ? t.type->block_bytes : 0;
  std::size_t first = 0;
  if (t.type->block_elements > 1) {
    bytes = mul(ceil_div(t.ne[0], t.type->block_elements), t.nb[0]);
    first = 1;
  }
  for (std::size_t i = first; i < 4; ++i) {
    if (t.ne[i] == 0) return 0;
    bytes = add(bytes, mul(t.ne[i] - 1, t.nb[i]));
  }
  return bytes;
}

Tensor Graph::input(const TensorType& type, std::int64_t ne0, std::int64_t ne1, std::int64_t ne2, std::int64_t ne3) {
  Tensor t = make(Op::none, type, {ne0, ne1, ne2, ne3}, {});
  node(t.id).input = true;
  return t;
}

Tensor Graph::external(const TensorType& type, std::array<std::int64_t, 4> ne, int place, bool weight) {
  Tensor t = make(Op::none, type, ne, {});
  Node& n = node(t.id);
  n.external = true;
  n.weight = weight;
  n.place = static_cast<std::int8_t>(place);
  if (type.block_elements > 1 && ne[0] % 512 != 0) n.gpu_extra = row_bytes(type, 512 - ne[0] % 512, 1);
  return t;
}

Tensor Graph::make(Op op, const TensorType& type, std::array<std::int64_t, 4> ne, std::initializer_list<Tensor> src) {
  Tensor t;
  t.id = static_cast<Id>(nodes_.size());
  t.type = &type;
  t.ne = ne;
  t.nb = contiguous_strides(type, ne);
  Node n;
  n.op = op;
  n.bytes = mul(t.nb[3], ne[3]);
  n.batch = op == Op::get_rows                       ? 0
            : op == Op::mul_mat                      ? ne[1]
            : op == Op::mul_mat_id || op == Op::rope ? ne[2]
                                                     : product({ne[1], ne[2], ne[3]});
  for (const Tensor& s : src) {
    if (s.id < 0 || n.src_count == kMaxSrc) continue;
    if ((op == Op::inplace || op == Op::rope) && s.type == t.type && s.ne == t.ne && s.nb == t.nb) {
      n.same_layout = static_cast<std::uint16_t>(n.same_layout | 1u << n.src_count);
    }
    n.src[n.src_count++] = s.id;
  }
  nodes_.push_back(n);
  return t;
}

Tensor Graph::add_view(const Tensor& of, const TensorType& type, std::array<std::int64_t, 4> ne,
                       std::array<std::int64_t, 4> nb) {
  Tensor t;
  t.id = static_cast<Id>(nodes_.size());
  t.type = &type;
  t.ne = ne;
  t.nb = nb;
  Node n;
  n.op = Op::view;
  n.view_src = owner(of.id);
  n.bytes = byte_size(t);
  n.src[0] = of.id;
  n.src_count = 1;
  nodes_.push_back(n);
  return t;
}

Tensor Graph::reshape(const Tensor& t, std::int64_t ne0, std::int64_t ne1, std::int64_t ne2, std::int64_t ne3) {
  const std::array<std::int64_t, 4> ne{ne0, ne1, ne2, ne3};
  return add_view(t, *t.type, ne, contiguous_strides(*t.type, ne));
}

Tensor Graph::view(const Tensor& t, std::array<std::int64_t, 4> ne, std::array<std::int64_t, 3> nb) {
  return add_view(t, *t.type, ne, {t.nb[0], nb[0], nb[1], nb[2]});
}

Tensor Graph::permute(const Tensor& t, int a0, int a1, int a2, int a3) {
  const std::array<int, 4> axes{a0, a1, a2, a3};
  std::array<std::int64_t, 4> ne{}, nb{};
  for (std::size_t i = 0; i < 4; ++i) {
    ne[static_cast<std::size_t>(axes[i])] = t.ne[i];
    nb[static_cast<std::size_t>(axes[i])] = t.nb[i];
  }
  return add_view(t, *t.type, ne, nb);
}

Tensor Graph::write(const Tensor& destination, std::initializer_list<Tensor> src) {
  Tensor t = make(Op::write, *destination.type, destination.ne, src);
  t.nb = destination.nb;
  Node& n = node(t.id);
  n.view_src = owner(destination.id);
  n.bytes = node(destination.id).bytes;
  n.src[n.src_count++] = destination.id;
  return t;
}

Tensor Graph::mul_mat(const Tensor& w, const Tensor& x) {
  return make(Op::mul_mat, f32(), {w.ne[1], x.ne[1], x.ne[2], x.ne[3]}, {w, x});
}

Tensor Graph::mul_mat_id(const Tensor& w, const Tensor& x, const Tensor& ids) {
  return make(Op::mul_mat_id, f32(), {w.ne[1], ids.ne[0], x.ne[2], 1}, {w, x, ids});
}

Tensor Graph::get_rows(const Tensor& table, const Tensor& ids) {
  const TensorType& type = table.type == &kI32 ? kI32 : f32();
  return make(Op::get_rows, type, {table.ne[0], ids.ne[0], ids.ne[1], ids.ne[2]}, {table, ids});
}

Tensor Graph::concat(const Tensor& a, const Tensor& b, int dim) {
  std::array<std::int64_t, 4> ne = a.ne;
  ne[static_cast<std::size_t>(dim)] += b.ne[static_cast<std::size_t>(dim)];
  return make(Op::general, *a.type, ne, {a, b});
}

void Graph::expand(const Tensor& t) { visit(t.id); }

void Graph::visit(Id id) {
  {
    Node& n = node(id);
    if (n.visited) return;
    n.visited = true;
  }
  for (std::uint8_t i = 0; i < node(id).src_count; ++i) {
    const Id src = node(id).src[i];
    if (!node(src).visited) visit(src);
  }
  (node(id).op == Op::none ? leafs_ : order_).push_back(id);
}

Id Graph::add_copy(Id of) {
  Node n;
  n.copy = true;
  n.bytes = node(of).bytes;
  n.gpu_extra = node(of).gpu_extra;
  if (node(of).op == Op::flash_attn) n.gpu_extra = 0;
  nodes_.push_back(n);
  return static_cast<Id>(nodes_.size()) - 1;
}

}  // namespace vram::ggml
