// In place of every_engine.cpp: llama.cpp and the programs around it.
#include "llm/engines/engines.hpp"

namespace vram {

EngineOptions effective_options(const LlmRequest& request) {
  if (const auto* options = std::get_if<LlamaCppOptions>(&request.engine)) return effective(request, *options);
  return request.engine;
}

Result<LlmEstimate> ask_engine(const LlmRequest& request, EstimateMemo& memo) {
  if (std::holds_alternative<IdealOptions>(request.engine)) return estimate_ideal(request, memo);
  if (const auto* options = std::get_if<LlamaCppOptions>(&request.engine)) {
    return estimate_llama_cpp(request, effective(request, *options), memo);
  }
  return Error{"/engine/name", "this program has no such engine", std::string(name_of(request.engine)), "llama.cpp"};
}

}  // namespace vram
