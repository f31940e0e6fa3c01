// Many estimates in one call: what is kept of each.
#pragma once

#include <array>

#include "vram/llm.hpp"

namespace vram {

// One estimate as a grid needs it.
struct Summary {
  Interval peak;             // of the fullest GPU
  Bytes host_bytes = 0;      // expected peak of the host's memory
  Bytes headroom_bytes = 0;  // capacity - expected peak of the fullest GPU
  Fit::Verdict verdict = Fit::Verdict::fits;
  // Expected bytes of the fullest GPU in its fullest stage, by kind; they sum to its peak.
  std::array<Bytes, 32> by_kind{};
};
Summary summarize(const Ledger& ledger, const Machine& machine);

}  // namespace vram
