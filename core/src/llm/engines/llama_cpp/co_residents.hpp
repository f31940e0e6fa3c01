// What speculative decoding keeps beside a model: a draft model, or the model's own prediction layers.
#pragma once

#include <optional>

#include "vram/llm.hpp"

namespace vram::llama_cpp {

// The ledger of the model of `request` alone. `options` are effective.
Result<LlmEstimate> estimate_one_model(const LlmRequest& request, const LlamaCppOptions& options, EstimateMemo& memo);

// Adds the draft model of `options` to the estimate, in entries of its own. Errors name the draft's options.
std::optional<Error> add_draft_model(const LlmRequest& request, const LlamaCppOptions& options, EstimateMemo& memo,
                                     LlmEstimate& estimate);

// Adds the multi-token-prediction layers: their weights, a cache, and a context of their own.
void add_mtp(const LlmRequest& request, const LlamaCppOptions& options, LlmEstimate& estimate);

}  // namespace vram::llama_cpp
