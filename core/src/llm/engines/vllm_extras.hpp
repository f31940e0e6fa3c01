// What a rank of vLLM holds besides the checkpoint's own tensors: adapters, products of latent projections, a draft.
// Internal to the vLLM engine.
#pragma once

#include "llm/engines/vllm_rules.hpp"
#include "llm/sharding.hpp"

namespace vram {

Split split_of(const VllmOptions& options);

// Slots for `max_loras` adapters of `max_lora_rank` in every linear layer of the text model that is no expert. `high`:
// embedding and head as well, which some architectures adapt too.
Interval lora_bytes(const LlmRequest& request, const VllmOptions& options, int stage);

// Copies and products of the projections of latent attention, as the rules keep them.
Bytes latent_bytes(const LlmRequest& request, const VllmRules& rules, const VllmOptions& options, int stage);

// The weights of a draft model, or of the model's own prediction layers; on the last stage.
Bytes draft_bytes(const LlmRequest& request, const VllmOptions& options, int stage);

// The request for the draft model itself: its own weights format, the same cache and machine.
LlmRequest draft_request(const LlmRequest& request, const Model& draft);

}  // namespace vram
