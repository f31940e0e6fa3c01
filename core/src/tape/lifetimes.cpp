#include "tape/lifetimes.hpp"

namespace vram {

std::vector<TapeId> last_reads(const Tape& tape) {
  const std::vector<TapeOp>& ops = tape.ops();
  std::vector<TapeId> last(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto id = static_cast<TapeId>(i);
    last[i] = id;
    if (ops[i].view_of >= 0) continue;  // making a view reads nothing
    for (const TapeId input : ops[i].inputs()) last[static_cast<std::size_t>(owner(tape, input))] = id;
  }
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].is_output)
      last[static_cast<std::size_t>(owner(tape, static_cast<TapeId>(i)))] = static_cast<TapeId>(ops.size());
  }
  return last;
}

TapeId taken_over(const Tape& tape, TapeId id, const std::vector<TapeId>& last_read) {
  const std::vector<TapeOp>& ops = tape.ops();
  const TapeOp& op = ops[static_cast<std::size_t>(id)];
  if (!op.inplace) return -1;
  for (const TapeId input : op.inputs()) {
    const TapeId own = owner(tape, input);
    const TapeOp& from = ops[static_cast<std::size_t>(own)];
    if (!from.is_input && !from.is_output && from.bytes == op.bytes && last_read[static_cast<std::size_t>(own)] == id) {
      return own;
    }
  }
  return -1;
}

}  // namespace vram
