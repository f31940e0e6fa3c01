// The response of estimate, max_context and max_batch.
#pragma once

#include <optional>

#include "api/request.hpp"
#include "json/writer.hpp"
#include "vram/solve.hpp"

namespace vram {

// Answers beside the ledger; absent when not asked for, or not answerable without a GPU.
struct Answers {
  std::optional<Largest> max_context;
  std::optional<Largest> max_batch;
  std::vector<Advice> advice;
};

std::string write_estimate(const EstimateRequest& request, std::string_view op, const LlmEstimate& estimate,
                           const Answers& answers);

// advice: machines of popular GPUs, the caller's own and the one at hand.
std::vector<Advice> answer_advice(const EstimateRequest& request);
void write_advice(JsonWriter& out, const EstimateRequest& request, const std::vector<Advice>& advice);

// references: what other formulas say of the same request.
void write_references(JsonWriter& out, const LlmRequest& request);

// The engine's options under its own names, as one JSON object. The types of the cache stand in "kv_cache".
void write_options(JsonWriter& out, const EngineOptions& options);

}  // namespace vram
