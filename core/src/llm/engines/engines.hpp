// One function per engine, each in its own file: how this engine uses memory. estimate() in llm/estimate.cpp
// asks one and then adds what every process pays (llm/overhead.cpp).
#pragma once

#include "vram/llm.hpp"

namespace vram {

// The request's engine, defaults filled in. This and effective_options() are defined in every_engine.cpp (in the
// library), and in llama_cpp_only.cpp for a program that links that instead and has no other engine.
Result<LlmEstimate> ask_engine(const LlmRequest& request, EstimateMemo& memo);

Result<LlmEstimate> estimate_ideal(const LlmRequest& request, EstimateMemo& memo);
Result<LlmEstimate> estimate_llama_cpp(const LlmRequest& request, const LlamaCppOptions& options, EstimateMemo& memo);
Result<LlmEstimate> estimate_vllm(const LlmRequest& request, const VllmOptions& options);
Result<LlmEstimate> estimate_transformers(const LlmRequest& request, const TransformersOptions& options);
Result<LlmEstimate> estimate_sglang(const LlmRequest& request, const SglangOptions& options);
Result<LlmEstimate> estimate_tensorrt_llm(const LlmRequest& request, const TensorRtLlmOptions& options);
Result<LlmEstimate> estimate_mlx(const LlmRequest& request, const MlxOptions& options);
Result<LlmEstimate> estimate_exllama(const LlmRequest& request, const ExLlamaOptions& options);

// Defaults filled in, as the engine would.
LlamaCppOptions effective(const LlmRequest& request, const LlamaCppOptions& options);
VllmOptions effective(const LlmRequest& request, const VllmOptions& options);
TransformersOptions effective(const LlmRequest& request, const TransformersOptions& options);
SglangOptions effective(const LlmRequest& request, const SglangOptions& options);
TensorRtLlmOptions effective(const LlmRequest& request, const TensorRtLlmOptions& options);
MlxOptions effective(const LlmRequest& request, const MlxOptions& options);
ExLlamaOptions effective(const LlmRequest& request, const ExLlamaOptions& options);

}  // namespace vram
