#include "tape/lifetimes.hpp"

namespace vram {

std::vector<Bytes> live_during(const Tape& tape) {
  const std::vector<TapeOp>& ops = tape.ops();
  std::vector<TapeId> last = last_reads(tape);
  std::vector<Bytes> during(ops.size(), 0);
  Bytes live = 0;
  for (const TapeOp& op : ops) {
    if (op.is_input) live = add(live, op.bytes);
  }
  std::vector<std::vector<TapeId>> dying(ops.size() + 1);
  std::vector<bool> gone(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].view_of < 0) dying[static_cast<std::size_t>(last[i])].push_back(static_cast<TapeId>(i));
  }
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto id = static_cast<TapeId>(i);
    const TapeOp& op = ops[i];
    if (op.view_of >= 0) continue;
    const TapeId from = taken_over(tape, id, last);
    if (from >= 0) {
      gone[static_cast<std::size_t>(from)] = true;  // its memory is now this tensor's
    } else if (!op.is_input) {
      live = add(live, op.bytes);
    }
    during[i] = live;
    for (const TapeId dead : dying[i]) {
      if (!gone[static_cast<std::size_t>(dead)]) live -= ops[static_cast<std::size_t>(dead)].bytes;
    }
  }
  return during;
}

Replay replay_live_bytes(const Tape& tape) {
  const std::vector<TapeOp>& ops = tape.ops();
  Replay result;
  for (const TapeOp& op : ops) {
    if (op.is_input) result.peak_bytes = add(result.peak_bytes, op.bytes);
  }
  const std::vector<Bytes> during = live_during(tape);
  for (std::size_t i = 0; i < during.size(); ++i) {
    if (during[i] > result.peak_bytes) result = {during[i], static_cast<TapeId>(i)};
  }
  return result;
}

}  // namespace vram
