// vLLM: a fixed share of every GPU, of which the cache gets what weights and the profile run leave. Release by release
// in vllm_rules.cpp.
#include <algorithm>
#include <vector>

#include "llm/engines/engines.hpp"
#include "llm/engines/vllm_checks.hpp"
#include "llm/engines/vllm_ledger.hpp"

namespace vram {

VllmOptions effective(const LlmRequest& request, const VllmOptions& options) {
  VllmOptions filled = options;
  if (filled.tensor_parallel_size == 0) {
    const std::int64_t others = mul(std::max<std::int64_t>(1, filled.pipeline_parallel_size),
                                    std::max<std::int64_t>(1, filled.data_parallel_size));
    filled.tensor_parallel_size = std::max<std::int64_t>(1, request.machine.count / others);
  }
  if (filled.max_model_len == 0) filled.max_model_len = request.context;
  if (filled.speculative_config.method != Speculation::Method::none) {
    filled.speculative_config.num_speculative_tokens =
        std::max<std::int64_t>(1, filled.speculative_config.num_speculative_tokens);
  }
  const VllmRules rules = vllm_rules(request, filled);
  filled.use_v1 = rules.v1;
  filled.enable_chunked_prefill = rules.chunked_prefill;
  if (filled.gpu_memory_utilization == 0) filled.gpu_memory_utilization = rules.gpu_memory_utilization;
  if (filled.block_size == 0) filled.block_size = rules.block_size;
  if (filled.max_num_batched_tokens == 0) {
    filled.max_num_batched_tokens = std::max(rules.max_num_batched_tokens, filled.max_num_seqs);
  }
  if (filled.max_num_seqs == 0) {
    const std::int64_t sequences = ceil_div(request.sequences, std::max<std::int64_t>(1, filled.data_parallel_size));
    filled.max_num_seqs = std::min(std::max(rules.max_num_seqs, sequences), filled.max_num_batched_tokens);
  }
  return filled;
}

Result<LlmEstimate> estimate_vllm(const LlmRequest& request, const VllmOptions& options) {
  const VllmRules rules = vllm_rules(request, options);
  if (std::optional<Error> error = refused(request, rules, options)) return *std::move(error);
  LlmEstimate estimate;
  std::vector<Rank> stages;
  const std::int64_t tp = options.tensor_parallel_size;
  const std::int64_t pp = options.pipeline_parallel_size;
  for (int stage = 0; stage < pp; ++stage) stages.push_back(rank_of(request, rules, options, stage));
  for (std::int64_t replica = 0; replica < options.data_parallel_size; ++replica) {
    for (std::int64_t stage = 0; stage < pp; ++stage) {
      const Rank& rank = stages[static_cast<std::size_t>(stage)];
      for (std::int64_t i = 0; i < tp; ++i) {
        const Device device = gpu(static_cast<int>((replica * pp + stage) * tp + i));
        write_rank(request, options, rank, device, estimate.ledger);
        write_fill(request, options, rank, device, estimate.ledger);
      }
    }
  }
  write_host(rules, options, stages, estimate.ledger);
  write_figures(request, rules, options, stages, estimate);
  write_warnings(request, rules, options, stages, estimate);
  return estimate;
}

}  // namespace vram
