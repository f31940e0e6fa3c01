// What vLLM refuses, by name. Internal to the vLLM engine.
#pragma once

#include "llm/engines/vllm_rules.hpp"

namespace vram {

// Options with every default filled in.
std::optional<Error> refused(const LlmRequest& request, const VllmRules& rules, const VllmOptions& options);

// Before any default is taken: what no default can mend.
std::optional<Error> refused_as_given(const LlmRequest& request, const VllmOptions& options);

}  // namespace vram
