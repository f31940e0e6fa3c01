#include "llm/engines/engines.hpp"
#include "llm/engines/vllm_checks.hpp"

namespace vram {

EngineOptions effective_options(const LlmRequest& request) {
  struct Fill {
    const LlmRequest& request;
    EngineOptions operator()(const IdealOptions& options) const { return options; }
    EngineOptions operator()(const LlamaCppOptions& options) const { return effective(request, options); }
    EngineOptions operator()(const VllmOptions& options) const { return effective(request, options); }
    EngineOptions operator()(const TransformersOptions& options) const { return effective(request, options); }
    EngineOptions operator()(const SglangOptions& options) const { return effective(request, options); }
    EngineOptions operator()(const TensorRtLlmOptions& options) const { return effective(request, options); }
    EngineOptions operator()(const MlxOptions& options) const { return effective(request, options); }
    EngineOptions operator()(const ExLlamaOptions& options) const { return effective(request, options); }
  };
  return std::visit(Fill{request}, request.engine);
}

Result<LlmEstimate> ask_engine(const LlmRequest& request, EstimateMemo& memo) {
  struct Ask {
    const LlmRequest& request;
    EstimateMemo& memo;
    Result<LlmEstimate> operator()(const IdealOptions&) const { return estimate_ideal(request, memo); }
    Result<LlmEstimate> operator()(const LlamaCppOptions& o) const {
      return estimate_llama_cpp(request, effective(request, o), memo);
    }
    Result<LlmEstimate> operator()(const VllmOptions& o) const {
      if (std::optional<Error> error = refused_as_given(request, o)) return *std::move(error);
      return estimate_vllm(request, effective(request, o));
    }
    Result<LlmEstimate> operator()(const TransformersOptions& o) const {
      return estimate_transformers(request, effective(request, o));
    }
    Result<LlmEstimate> operator()(const SglangOptions& o) const {
      return estimate_sglang(request, effective(request, o));
    }
    Result<LlmEstimate> operator()(const TensorRtLlmOptions& o) const {
      return estimate_tensorrt_llm(request, effective(request, o));
    }
    Result<LlmEstimate> operator()(const MlxOptions& o) const { return estimate_mlx(request, effective(request, o)); }
    Result<LlmEstimate> operator()(const ExLlamaOptions& o) const {
      return estimate_exllama(request, effective(request, o));
    }
  };
  return std::visit(Ask{request, memo}, request.engine);
}

}  // namespace vram
