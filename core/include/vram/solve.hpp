// Inverse problems: the largest value of one knob whose ledger still fits, by exact search over estimate().
#pragma once

#include <cstdint>
#include <vector>

#include "vram/llm.hpp"

namespace vram {

struct Largest {
  std::int64_t value = 0;        // 0: not even the smallest value fits
  bool bounded_by_limit = false; // true: `limit` itself fits, memory is not what binds
  std::int64_t limit = 0;        // where the search stopped
  Kind blocked_by = Kind::weights;  // first entry that does not fit at value + 1 (when not bounded_by_limit)
  Device blocked_on;
};

// The search never looks above these.
inline constexpr std::int64_t kContextLimit = std::int64_t{1} << 27;    // 134,217,728 tokens
inline constexpr std::int64_t kSequencesLimit = std::int64_t{1} << 16;

// Largest `context` with everything else as in the request.
Result<Largest> max_context(LlmRequest request);
// Largest `sequences` likewise.
Result<Largest> max_sequences(LlmRequest request);

// "2x A100 80GB with tensor parallelism": the smallest machines on which the request fits, smallest total memory first.
struct Advice {
  Machine machine;
  Fit fit;
};
std::vector<Advice> advise(const LlmRequest& request, const std::vector<Gpu>& candidates, std::size_t at_most);

}  // namespace vram
