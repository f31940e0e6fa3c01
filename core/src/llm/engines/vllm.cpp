// vLLM: a fixed share of every GPU, of which the cache gets what weights and the profile run leave.
// Checked against vLLM 0.11 (V1 engine): vllm/v1/worker/gpu_worker.py (determine_available_memory),
// vllm/utils (memory_profiling), vllm/engine/arg_utils.py (get_batch_defaults).
#include <algorithm>
#include <string>
#include <vector>

#include "llm/engines/engines.hpp"
#include "llm/engines/vllm_ledger.hpp"

namespace vram {
namespace {

// 70 GiB and more, A100 excepted: vLLM's larger defaults.
bool large_defaults(const Gpu& gpu) {
  return gpu.memory_bytes >= 70 * kGiB && gpu.name.find("A100") == std::string::npos &&
         gpu.id.find("a100") == std::string::npos;
}

std::optional<Error> refused(const LlmRequest& request, const VllmOptions& o) {
  const Model& model = *request.model;
  const auto layers = static_cast<std::int64_t>(model.layers.size());
  const auto error = [](const char* field, std::string message, std::int64_t value, std::string expected) {
    return Error{std::string("/engine/") + field, std::move(message), std::to_string(value), std::move(expected)};
  };
  if (!(o.gpu_memory_utilization > 0 && o.gpu_memory_utilization <= 1)) {
    return Error{"/engine/gpu_memory_utilization", "gpu_memory_utilization must be a share of the GPU",
                 std::to_string(o.gpu_memory_utilization), "a number above 0, at most 1"};
  }
  if (o.tensor_parallel_size < 1 || o.pipeline_parallel_size < 1 ||
      o.tensor_parallel_size > request.machine.count / o.pipeline_parallel_size) {
    return error("tensor_parallel_size", "tensor_parallel_size x pipeline_parallel_size needs more GPUs than there are",
                 o.tensor_parallel_size, "a product of at most " + std::to_string(request.machine.count));
  }
  if (o.pipeline_parallel_size > std::max<std::int64_t>(1, layers)) {
    return error("pipeline_parallel_size", "there are fewer layers than pipeline stages", o.pipeline_parallel_size,
                 "at most " + std::to_string(layers));
  }
  for (const Layer& layer : model.layers) {
    if (!layer.attention) continue;
    const std::int64_t heads = layer.attention->num_attention_heads;
    const std::int64_t kv_heads = layer.attention->num_key_value_heads;
    const std::int64_t tp = o.tensor_parallel_size;
    if (heads % tp != 0) {
      return error("tensor_parallel_size", "tensor_parallel_size must divide the attention heads", tp,
                   "a divisor of num_attention_heads (" + std::to_string(heads) + ")");
    }
    if (kv_heads % tp != 0 && tp % kv_heads != 0) {
      return error("tensor_parallel_size",
                   "tensor_parallel_size must divide the key-value heads or be a multiple of them", tp,
                   "a divisor or multiple of num_key_value_heads (" + std::to_string(kv_heads) + ")");
    }
  }
  if (o.max_model_len < request.context) {
    return error("max_model_len", "max_model_len is shorter than the context asked for", o.max_model_len,
                 "at least the context (" + std::to_string(request.context) + ")");
  }
  if (o.block_size < 1)
    return error("block_size", "block_size must be at least one token", o.block_size, "16, 32, 64 or 128");
  if (o.max_num_batched_tokens < o.max_num_seqs) {
    return error("max_num_batched_tokens", "max_num_batched_tokens must not be less than max_num_seqs",
                 o.max_num_batched_tokens, "at least max_num_seqs (" + std::to_string(o.max_num_seqs) + ")");
  }
  return std::nullopt;
}

}  // namespace

VllmOptions effective(const LlmRequest& request, const VllmOptions& options) {
  VllmOptions filled = options;
  const bool large = large_defaults(request.machine.gpu);
  if (filled.tensor_parallel_size == 0) {
    filled.tensor_parallel_size =
        std::max<std::int64_t>(1, request.machine.count / std::max<std::int64_t>(1, filled.pipeline_parallel_size));
  }
  if (filled.max_model_len == 0) filled.max_model_len = request.context;
  if (filled.max_num_batched_tokens == 0) {
    // `vllm serve`; the LLM class doubles or quadruples it.
    filled.max_num_batched_tokens = std::max<std::int64_t>(large ? 8192 : 2048, filled.max_num_seqs);
  }
  if (filled.max_num_seqs == 0) {
    filled.max_num_seqs =
        std::min(std::max<std::int64_t>(large ? 1024 : 256, request.sequences), filled.max_num_batched_tokens);
  }
  return filled;
}

Result<LlmEstimate> estimate_vllm(const LlmRequest& request, const VllmOptions& options) {
  if (std::optional<Error> error = refused(request, options)) return *std::move(error);
  LlmEstimate estimate;
  std::vector<Rank> stages;
  for (int stage = 0; stage < options.pipeline_parallel_size; ++stage) {
    stages.push_back(rank_of(request, options, stage));
    for (std::int64_t i = 0; i < options.tensor_parallel_size; ++i) {
      const Device device = gpu(static_cast<int>(stage * options.tensor_parallel_size + i));
      write_rank(request, options, stages.back(), device, estimate.ledger);
      write_fill(request, options, stages.back(), device, estimate.ledger);
    }
  }
  write_figures(request, options, stages, estimate);
  write_warnings(request, options, stages, estimate);
  return estimate;
}

}  // namespace vram
