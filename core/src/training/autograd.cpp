#include "training/autograd.hpp"

#include <algorithm>

#include "tape/lifetimes.hpp"

namespace vram {

Var Autograd::input(std::string_view name, Bytes bytes, bool needs_grad) {
  tensors_.push_back({tape_.input(name, bytes), bytes, needs_grad, -1});
  return {static_cast<std::int32_t>(tensors_.size()) - 1};
}

Var Autograd::op(std::string_view name, Bytes bytes, std::initializer_list<Var> inputs, const Saved& saved) {
  Node node;
  node.name = name;
  node.scratch = saved.scratch;
  bool needs_grad = false;
  std::array<TapeId, TapeOp::kMaxInputs> reads{};
  std::size_t count = 0;
  for (const Var var : inputs) {
    node.inputs.push_back(var.index);
    needs_grad = needs_grad || at(var).needs_grad;
    if (count < 3) reads[count++] = at(var).id;
  }
  if (saved.scratch > 0) tape_.op("scratch", saved.scratch, {});
  const auto read = [&](std::size_t i) { return reads[std::min(i, count - 1)]; };
  const TapeId id = count == 0 ? tape_.op(name, bytes, {}) : tape_.op(name, bytes, {read(0), read(1), read(2)});
  for (const Var var : saved.inputs) node.saved.push_back(at(var).id);
  if (saved.output) node.saved.push_back(id);
  if (saved.extra > 0) node.saved.push_back(tape_.op("saved beside", saved.extra, {id}));
  tensors_.push_back({id, bytes, needs_grad, -1});
  node.output = static_cast<std::int32_t>(tensors_.size()) - 1;
  const Var out{node.output};
  nodes_.push_back(std::move(node));
  return out;
}

Var Autograd::sum(std::string_view name, Bytes bytes, Var a, Var b) {
  const Var out = op(name, bytes, {a, b});
  nodes_.back().passes = true;
  return out;
}

void Autograd::backward(Var out) {
  boundary_ = tape_.ops().size();
  tape_.mark_output(at(out).id);
  at(out).grad = tape_.op("gradient of the output", at(out).bytes, {});
  for (std::size_t n = nodes_.size(); n-- > 0;) {
    const Node& node = nodes_[n];
    Tensor& made = tensors_[static_cast<std::size_t>(node.output)];
    if (made.grad < 0) continue;
    if (node.scratch > 0) tape_.op("scratch", node.scratch, {});
    std::vector<TapeId> fresh;
    for (const std::int32_t index : node.inputs) {
      if (!tensors_[static_cast<std::size_t>(index)].needs_grad) continue;
      const Bytes bytes = tensors_[static_cast<std::size_t>(index)].bytes;
      fresh.push_back(node.passes ? tape_.view(node.name, made.grad) : tape_.op(node.name, bytes, {made.grad}));
    }
    // What was saved, and the gradient that came in, live until all of this operation's gradients are made.
    TapeId done = tape_.op("done", 0, {made.grad});
    for (const TapeId id : node.saved) done = tape_.op("done", 0, {id, done});
    for (const TapeId id : fresh) done = tape_.op("done", 0, {id, done});
    std::size_t next = 0;
    for (const std::int32_t index : node.inputs) {
      Tensor& tensor = tensors_[static_cast<std::size_t>(index)];
      if (!tensor.needs_grad) continue;
      const TapeId grad = fresh[next++];
      tensor.grad = tensor.grad < 0 ? grad : tape_.op_inplace("accumulated", tensor.bytes, {tensor.grad, grad});
    }
  }
  // The gradient of the input goes on to the layer before.
  for (const Tensor& tensor : tensors_) {
    if (tensor.grad >= 0 && tape_.ops()[static_cast<std::size_t>(tensor.id)].is_input) tape_.mark_output(tensor.grad);
  }
}

Autograd::Profile Autograd::profile(Var out) const {
  const std::vector<TapeOp>& ops = tape_.ops();
  const std::vector<Bytes> during = live_during(tape_);
  const std::vector<TapeId> last = last_reads(tape_);
  const TapeId result = tensors_[static_cast<std::size_t>(out.index)].id;
  Profile profile;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    Bytes& peak = i < boundary_ ? profile.forward_peak : profile.backward_peak;
    peak = std::max(peak, during[i]);
    if (i < boundary_ && last[i] >= static_cast<TapeId>(boundary_) && static_cast<TapeId>(i) != result) {
      profile.saved = add(profile.saved, ops[i].bytes);
    }
  }
  return profile;
}

}  // namespace vram
