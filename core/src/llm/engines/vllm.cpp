// vLLM: weights per rank and the paged cache inside a fixed share of the GPU.
#include <algorithm>
#include <cmath>
#include <string>

#include "llm/engines/engines.hpp"
#include "llm/engines/vllm_shard.hpp"
#include "llm/parts.hpp"

namespace vram {

VllmOptions effective(const LlmRequest& request, const VllmOptions& options) {
  VllmOptions filled = options;
  if (filled.pipeline_parallel_size < 1) filled.pipeline_parallel_size = 1;
  if (filled.tensor_parallel_size == 0) {
    filled.tensor_parallel_size = std::max<std::int64_t>(1, request.machine.count / filled.pipeline_parallel_size);
  }
  if (filled.max_model_len == 0) filled.max_model_len = request.context;
  if (filled.max_num_batched_tokens == 0) filled.max_num_batched_tokens = 2048;
  return filled;
}

Result<LlmEstimate> estimate_vllm(const LlmRequest& request, const VllmOptions& options) {
  const Model& model = *request.model;
  const std::int64_t tp = options.tensor_parallel_size;
  const std::int64_t pp = options.pipeline_parallel_size;
  if (tp * pp > request.machine.count) {
    return Error{"/engine/tensor_parallel_size",
                 "tensor_parallel_size x pipeline_parallel_size needs more GPUs than there are", std::to_string(tp),
                 "at most " + std::to_string(request.machine.count) + " GPUs in all"};
  }
  LlmEstimate estimate;
  for (std::int64_t rank = 0; rank < tp * pp; ++rank) {
    const Device device = gpu(static_cast<int>(rank));
    const int stage = static_cast<int>(rank / tp);
    const Bytes weights = rank_weight_bytes(request, Part::text, tp, pp, stage);
    const Bytes tower = add(rank_weight_bytes(request, Part::tower, tp, pp, stage),
                            add(rank_weight_bytes(request, Part::projector, tp, pp, stage), model.opaque_bytes));
    Bytes cache = 0;
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
      if (stage_of_layer(static_cast<std::int64_t>(i), static_cast<std::int64_t>(model.layers.size()), pp) != stage)
        continue;
      const Layer& layer = model.layers[i];
      const std::int64_t heads = layer.attention ? layer.attention->num_key_value_heads : 1;
      const std::int64_t split = layer.attention ? std::min(tp, heads) : 1;
      cache = add(cache, ceil_div(tight_cache_bytes(layer, *request.type_k, *request.type_v,
                                                    round_up(request.context, options.block_size), request.sequences),
                                  split));
    }
    estimate.ledger.entries.push_back({Kind::weights,
                                       "Weights",
                                       device,
                                       kInference,
                                       Interval::exact(weights),
                                       "weights_per_rank",
                                       {},
                                       "vllm 0.11 linear.py"});
    if (tower > 0)
      estimate.ledger.entries.push_back({Kind::vision_tower,
                                         "Vision and audio towers",
                                         device,
                                         kInference,
                                         Interval::exact(tower),
                                         "tower_per_rank",
                                         {},
                                         "vllm 0.11"});
    if (cache > 0)
      estimate.ledger.entries.push_back({Kind::kv_cache,
                                         "KV cache",
                                         device,
                                         kRunning,
                                         Interval::exact(cache),
                                         "blocks * block_bytes",
                                         {},
                                         "vllm 0.11 v1/kv_cache_interface.py"});
  }
  return estimate;
}

}  // namespace vram
