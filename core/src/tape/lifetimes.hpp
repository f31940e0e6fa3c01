// When each tensor of a tape dies. Internal to the replays.
#pragma once

#include <vector>

#include "vram/tape.hpp"

namespace vram {

// The tensor whose memory `id` uses: itself, or what it is a view of.
inline TapeId owner(const Tape& tape, TapeId id) {
  const TapeOp& op = tape.ops()[static_cast<std::size_t>(id)];
  return op.view_of >= 0 ? op.view_of : id;
}

// For every owner the last operation that reads it, directly or through a view; its own id when nobody does;
// the number of operations for outputs. Undefined for views.
std::vector<TapeId> last_reads(const Tape& tape);

// The input whose memory the in-place operation `id` takes over: same size, dies here, no input of the tape and no
// output. -1: none.
TapeId taken_over(const Tape& tape, TapeId id, const std::vector<TapeId>& last_read);

}  // namespace vram
