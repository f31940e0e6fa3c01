// Exact search for the largest value of one knob: doubling, then bisection, over the same forward estimate.
#include <algorithm>

#include "vram/solve.hpp"

namespace vram {
namespace {

enum class Answer { fits, does_not_fit, refused };

// `knob` is the member of LlmRequest that is searched.
Result<Largest> largest(LlmRequest request, std::int64_t LlmRequest::*knob, std::int64_t limit) {
  Fit fit;
  Kind blocked_by = Kind::weights;
  const auto try_value = [&](std::int64_t value) {
    request.*knob = value;
    const Result<LlmEstimate> result = estimate(request);
    if (!result.ok()) return Answer::refused;
    fit = check_fit(result->ledger, request.machine);
    if (fit.verdict != Fit::Verdict::does_not_fit) return Answer::fits;
    if (fit.first_entry >= 0) blocked_by = result->ledger.entries[static_cast<std::size_t>(fit.first_entry)].kind;
    return Answer::does_not_fit;
  };

  request.*knob = 1;
  if (const Result<LlmEstimate> smallest = estimate(request); !smallest.ok()) return smallest.error();

  // Invariant: `good` fits (or is 0), `bad` does not (or is limit + 1).
  std::int64_t good = 0;
  std::int64_t bad = limit + 1;
  Answer at_bad = Answer::refused;
  for (std::int64_t probe = 1; good < limit && bad > limit;) {
    const Answer answer = try_value(probe);
    if (answer == Answer::fits) {
      good = probe;
      probe = std::min(limit, probe * 2);
    } else {
      bad = probe;
      at_bad = answer;
    }
  }
  while (bad - good > 1) {
    const std::int64_t middle = good + (bad - good) / 2;
    const Answer answer = try_value(middle);
    if (answer == Answer::fits) {
      good = middle;
    } else {
      bad = middle;
      at_bad = answer;
    }
  }

  Largest found;
  found.value = good;
  // What the engine itself refuses is a limit of the engine, not of the memory.
  found.bounded_by_limit = at_bad == Answer::refused;
  found.limit = found.bounded_by_limit ? good : limit;
  if (at_bad == Answer::does_not_fit) {
    try_value(bad);
    found.blocked_by = blocked_by;
    found.blocked_on = fit.device;
  }
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
  return std::max<std::int64_t>(1, limit);
}

std::int64_t sequences_limit(const LlmRequest& request) {
  std::int64_t limit = kSequencesLimit;
  if (const auto* o = std::get_if<LlamaCppOptions>(&request.engine)) {
    limit = std::min(limit, o->n_seq_max > 0 ? o->n_seq_max : kLlamaMaxSeq);
    if (o->n_ctx > 0) limit = std::min(limit, o->n_ctx / request.context);
  }
  if (const auto* o = std::get_if<VllmOptions>(&request.engine)) limit = std::min(limit, o->max_num_seqs);
  return std::max<std::int64_t>(1, limit);
}

}  // namespace

Result<Largest> max_context(LlmRequest request) {
  const std::int64_t limit = context_limit(request);
  return largest(std::move(request), &LlmRequest::context, limit);
}

Result<Largest> max_sequences(LlmRequest request) {
  const std::int64_t limit = sequences_limit(request);
  return largest(std::move(request), &LlmRequest::sequences, limit);
}

}  // namespace vram
