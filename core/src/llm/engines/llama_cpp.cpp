// Stands in until the llama.cpp rules land: nothing is estimated, and it says so.
#include "llm/engines/engines.hpp"

namespace vram {

LlamaCppOptions effective(const LlmRequest&, const LlamaCppOptions& options) { return options; }

Result<LlmEstimate> estimate_llama_cpp(const LlmRequest&, const LlamaCppOptions&) {
  return Error{"/engine/name", "llama.cpp is not estimated yet", "\"llama.cpp\"", "ideal, vllm or transformers"};
}

const TensorType& gguf_tensor_type(const WeightFormat& format, const Model&, const Tensor&) { return *format.type; }

}  // namespace vram
