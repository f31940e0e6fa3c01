#include "vram/tape.hpp"

#include <algorithm>

namespace vram {
namespace {

TapeId append(std::vector<TapeOp>& ops, TapeOp op, std::initializer_list<TapeId> inputs) {
  for (const TapeId id : inputs) {
    if (op.input_count < TapeOp::kMaxInputs) op.input_ids[op.input_count++] = id;
  }
  ops.push_back(op);
  return static_cast<TapeId>(ops.size()) - 1;
}

}  // namespace

TapeId Tape::input(std::string_view name, Bytes bytes) {
  TapeOp op;
  op.name = name;
  op.bytes = bytes;
  op.is_input = true;
  return append(ops_, op, {});
}

TapeId Tape::op(std::string_view name, Bytes bytes, std::initializer_list<TapeId> inputs) {
  TapeOp op;
  op.name = name;
  op.bytes = bytes;
  return append(ops_, op, inputs);
}

TapeId Tape::op_inplace(std::string_view name, Bytes bytes, std::initializer_list<TapeId> inputs) {
  TapeOp op;
  op.name = name;
  op.bytes = bytes;
  op.inplace = true;
  return append(ops_, op, inputs);
}

TapeId Tape::view(std::string_view name, TapeId of) {
  TapeOp op;
  op.name = name;
  // A view of a view is a view of the tensor that owns the memory.
  const TapeOp& parent = ops_[static_cast<std::size_t>(of)];
  op.view_of = parent.view_of >= 0 ? parent.view_of : of;
  return append(ops_, op, {of});
}

void Tape::mark_output(TapeId id) {
  TapeOp& op = ops_[static_cast<std::size_t>(id)];
  op.is_output = true;
  if (op.view_of >= 0) ops_[static_cast<std::size_t>(op.view_of)].is_output = true;
}

}  // namespace vram
