// Exact search for the largest value of one knob over the same forward estimate.
#include <algorithm>

#include "vram/solve.hpp"

namespace vram {
namespace {

// A little more than the steps in which engines take their caches (256 cells, 16 tokens).
constexpr std::int64_t kNearby = 300;

enum class Answer { fits, does_not_fit, refused };

// One probe of the search.
struct Probe {
  Answer answer = Answer::refused;
  Bytes headroom = 0;               // of the fullest GPU
  Device device;                    // which one that is
  Kind blocked_by = Kind::weights;  // the first entry that no longer fits
};

// What is known so far: `good` fits (or is 0), `bad` does not (or is one above the limit).
struct Bracket {
  std::int64_t good = 0;
  std::int64_t bad = 0;
  Probe at_good;
  Probe at_bad;

  void learn(std::int64_t value, const Probe& probe) {
    const bool fits = probe.answer == Answer::fits;
    (fits ? good : bad) = value;
    (fits ? at_good : at_bad) = probe;
  }
  std::int64_t middle() const { return good + (bad - good) / 2; }
  // Where the headroom would run out if it fell in a straight line, as it nearly does. Both ends are probed.
  std::int64_t straight_line() const {
    const auto left = static_cast<double>(at_good.headroom);
    const double share = left / (left - static_cast<double>(at_bad.headroom));
    const auto step = static_cast<std::int64_t>(share * static_cast<double>(bad - good));
    return good + std::clamp<std::int64_t>(step, 1, bad - good - 1);
  }
};

// `knob` is the member of LlmRequest that is searched. A straight line finds the neighbourhood, halving the rest;
// whatever is probed, the value found fits and the next one does not.
Result<Largest> largest(LlmRequest request, std::int64_t LlmRequest::*knob, std::int64_t limit, EstimateMemo& memo) {
  const auto probe = [&](std::int64_t value) {
    request.*knob = value;
    const Result<LlmEstimate> result = estimate(request, memo);
    if (!result.ok()) return Probe{};
    const Fit fit = check_fit(result->ledger, request.machine);
    Probe found{Answer::fits, fit.headroom_bytes, fit.device, Kind::weights};
    if (fit.verdict == Fit::Verdict::does_not_fit) found.answer = Answer::does_not_fit;
    if (fit.first_entry >= 0) found.blocked_by = result->ledger.entries[static_cast<std::size_t>(fit.first_entry)].kind;
    return found;
  };

  // The request as it stands is the first guess.
  const std::int64_t asked = std::clamp<std::int64_t>(request.*knob, 1, limit);
  request.*knob = 1;
  if (const Result<LlmEstimate> smallest = estimate(request, memo); !smallest.ok()) return smallest.error();

  Bracket range;
  range.bad = limit + 1;
  for (std::int64_t value = asked; range.bad > limit && range.good < limit;) {
    range.learn(value, probe(value));
    value = value > limit / 4 ? limit : value * 4;
  }
  for (int turn = 0; range.bad - range.good > 1; ++turn) {
    const bool line = turn % 3 != 2 && range.good > 0 && range.at_bad.answer == Answer::does_not_fit;
    const std::int64_t value = line ? range.straight_line() : range.middle();
    range.learn(value, probe(value));
    // A line tends to end on one side again and again: the next probe looks just across.
    if (line && range.bad - range.good > kNearby) {
      const bool near_good = range.at_good.headroom < -range.at_bad.headroom;
      const std::int64_t across = near_good ? range.good + kNearby : range.bad - kNearby;
      range.learn(across, probe(across));
    }
  }

  Largest found;
  found.value = range.good;
  // What the engine itself refuses is a limit of the engine, not of the memory.
  found.bounded_by_limit = range.at_bad.answer == Answer::refused;
  found.limit = found.bounded_by_limit ? range.good : limit;
  found.blocked_by = range.at_bad.blocked_by;
  found.blocked_on = range.at_bad.device;
  return found;
}

constexpr std::int64_t kLlamaMaxSeq = 256;  // llama.cpp, src/llama-cparams.h: LLAMA_MAX_SEQ

// What the engine's own options leave of the search range, whatever the memory.
std::int64_t context_limit(const LlmRequest& request) {
  std::int64_t limit = kContextLimit;
  if (const auto* o = std::get_if<LlamaCppOptions>(&request.engine); o != nullptr && o->n_ctx > 0) {
    limit = std::min(limit, o->n_ctx / request.sequences);
  }
  if (const auto* o = std::get_if<VllmOptions>(&request.engine); o != nullptr && o->max_model_len > 0) {
    limit = std::min(limit, o->max_model_len);
  }
  if (const auto* o = std::get_if<SglangOptions>(&request.engine); o != nullptr && o->context_length > 0) {
    limit = std::min(limit, o->context_length);
  }
  if (const auto* o = std::get_if<TensorRtLlmOptions>(&request.engine); o != nullptr && o->max_seq_len > 0) {
    limit = std::min(limit, o->max_seq_len);
  }
  return std::max<std::int64_t>(1, limit);
}

std::int64_t sequences_limit(const LlmRequest& request) {
  std::int64_t limit = kSequencesLimit;
  if (const auto* o = std::get_if<LlamaCppOptions>(&request.engine)) {
    limit = std::min(limit, o->n_seq_max > 0 ? o->n_seq_max : kLlamaMaxSeq);
    if (o->n_ctx > 0) limit = std::min(limit, o->n_ctx / request.context);
  }
  if (const auto* o = std::get_if<VllmOptions>(&request.engine); o != nullptr && o->max_num_seqs > 0) {
    limit = std::min(limit, mul(o->max_num_seqs, o->data_parallel_size));
  }
  if (const auto* o = std::get_if<SglangOptions>(&request.engine); o != nullptr && o->max_running_requests > 0) {
    limit = std::min(limit, o->max_running_requests);
  }
  if (const auto* o = std::get_if<TensorRtLlmOptions>(&request.engine)) limit = std::min(limit, o->max_batch_size);
  return std::max<std::int64_t>(1, limit);
}

}  // namespace

Result<Largest> max_context(LlmRequest request, EstimateMemo& memo) {
  const std::int64_t limit = context_limit(request);
  return largest(std::move(request), &LlmRequest::context, limit, memo);
}

Result<Largest> max_sequences(LlmRequest request, EstimateMemo& memo) {
  const std::int64_t limit = sequences_limit(request);
  return largest(std::move(request), &LlmRequest::sequences, limit, memo);
}

Result<Largest> max_context(LlmRequest request) {
  EstimateMemo memo;
  return max_context(std::move(request), memo);
}

Result<Largest> max_sequences(LlmRequest request) {
  EstimateMemo memo;
  return max_sequences(std::move(request), memo);
}

}  // namespace vram
