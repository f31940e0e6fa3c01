#include "tape/ggml_allocator.hpp"
#include "tape/lifetimes.hpp"

namespace vram {

Replay replay_ggml(const Tape& tape, Bytes alignment) {
  const std::vector<TapeOp>& ops = tape.ops();
  const std::size_t n = ops.size();
  GgmlAllocator allocator(alignment);
  std::vector<TapeId> last = last_reads(tape);
  std::vector<Bytes> offset(n, 0);
  std::vector<bool> held(n, false);
  Replay result;
  for (std::size_t i = 0; i < n; ++i) {
    if (!ops[i].is_input) continue;
    offset[i] = allocator.allocate(ops[i].bytes);
    held[i] = true;
  }
  result.peak_bytes = allocator.peak();
  for (std::size_t i = 0; i < n; ++i) {
    const auto id = static_cast<TapeId>(i);
    const TapeOp& op = ops[i];
    if (op.view_of >= 0) continue;
    if (!op.is_input) {
      const TapeId from = taken_over(tape, id, last);
      if (from >= 0 && held[static_cast<std::size_t>(from)]) {
        offset[i] = offset[static_cast<std::size_t>(from)];
        held[static_cast<std::size_t>(from)] = false;
      } else {
        offset[i] = allocator.allocate(op.bytes);
      }
      held[i] = true;
      if (allocator.peak() > result.peak_bytes) result = {allocator.peak(), id};
    }
    for (const TapeId input : op.inputs()) {
      const auto own = static_cast<std::size_t>(owner(tape, input));
      if (last[own] == id && held[own]) {
        allocator.free(offset[own], ops[own].bytes);
        held[own] = false;
      }
    }
  }
  return result;
}

}  // namespace vram
