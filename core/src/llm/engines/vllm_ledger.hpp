// Turns ranks into entries, figures and warnings. Internal to the vLLM engine.
#pragma once

#include <vector>

#include "llm/engines/vllm_rank.hpp"

namespace vram {

void write_rank(const LlmRequest& request, const VllmOptions& options, const Rank& rank, Device device, Ledger& ledger);

// The two entries that fill a GPU: what vLLM leaves alone, and what its pool takes beyond the cache asked for. Both
// give way to the uncertain terms, so they are what remains when everything else is at its high bound, unless something
// does not even fit at its expected size: then they leave exactly the room that is missing.
void write_fill(const LlmRequest& request, const VllmOptions& options, const Rank& rank, Device device, Ledger& ledger);

// What lies in RAM: offloaded weights, V0's room for swapped-out blocks. `ranks`: one per pipeline stage, never empty.
void write_host(const VllmRules& rules, const VllmOptions& options, const std::vector<Rank>& ranks, Ledger& ledger);

// What vLLM prints at start-up, for the rank with the fewest blocks.
void write_figures(const LlmRequest& request, const VllmRules& rules, const VllmOptions& options,
                   const std::vector<Rank>& ranks, LlmEstimate& estimate);

// What it would refuse at start-up once it has measured, and what this estimate does not cover.
void write_warnings(const LlmRequest& request, const VllmRules& rules, const VllmOptions& options,
                    const std::vector<Rank>& ranks, LlmEstimate& estimate);

}  // namespace vram
