// Inverse problems: the largest value of one knob whose ledger still fits, by exact search over estimate().
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "vram/llm.hpp"

namespace vram {

struct Largest {
  std::int64_t value = 0;           // 0: not even the smallest value fits
  bool bounded_by_limit = false;    // true: `limit` itself fits, memory is not what binds
  std::int64_t limit = 0;           // where the search stopped
  Kind blocked_by = Kind::weights;  // first entry that does not fit at value + 1 (when not bounded_by_limit)
  Device blocked_on;
};

// The search never looks above these, nor above what the engine's own options allow (n_ctx, max_model_len,
// max_num_seqs).
inline constexpr std::int64_t kContextLimit = std::int64_t{1} << 27;  // 134,217,728 tokens
inline constexpr std::int64_t kSequencesLimit = std::int64_t{1} << 16;

// Largest `context` with everything else as in the request.
Result<Largest> max_context(LlmRequest request);
Result<Largest> max_context(LlmRequest request, EstimateMemo& memo);
// Largest `sequences` likewise.
Result<Largest> max_sequences(LlmRequest request);
Result<Largest> max_sequences(LlmRequest request, EstimateMemo& memo);

// A machine on which the request fits.
struct Advice {
  Machine machine;
  Fit fit;
};

// The overhead profile of a machine, for callers that let the machine choose it.
using ProfileOf = std::function<const OverheadProfile&(const Machine&)>;

// The smallest machines of 1, 2, 4 or 8 equal GPUs on which the request fits, least memory first, at most `at_most`:
// one per total size, a popular card before its equals, several GPUs only where fewer of the same do not do.
// Engines that split by parallel size do so over all GPUs of the machine: sizes in the request are left aside.
std::vector<Advice> advise(const LlmRequest& request, const std::vector<Gpu>& candidates, const ProfileOf& profile_of,
                           std::size_t at_most);

}  // namespace vram
