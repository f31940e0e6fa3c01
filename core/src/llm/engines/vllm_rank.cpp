// The terms of vLLM's budget and what lies outside it. Checked against vLLM 0.11 (V1 engine).
#include "llm/engines/vllm_rank.hpp"

#include <cmath>

#include "llm/engines/vllm_activations.hpp"
#include "llm/engines/vllm_shard.hpp"
#include "llm/parts.hpp"

namespace vram {
namespace {

Interval scaled(Interval mib, std::int64_t by) {
  return {mul(mib.low * kMiB, by), mul(mib.expected * kMiB, by), mul(mib.high * kMiB, by)};
}

// NCCL and custom all-reduce buffers. Fitted on 5 logs of 2 to 4 GPUs (0.20 to 1.38 GiB of non-torch memory) and one of
// 8 (2.10 GiB), less what one GPU alone shows (0.13 GiB).
Interval communication_bytes(std::int64_t gpus) {
  if (gpus == 1) return {};
  if (gpus < 8) return {70 * kMiB, 430 * kMiB, 1250 * kMiB};
  return {300 * kMiB, 1000 * kMiB, 2048 * kMiB};
}

// Captured graphs, outside the budget until vLLM 0.21. Fitted per layer on 17 logs of vLLM 0.8 to 0.11: 0 to 32 MiB
// a dense layer, 0 to 50 MiB a layer with experts.
Interval cuda_graph_bytes(const Model& model, const VllmOptions& options, std::int64_t layers) {
  if (options.enforce_eager) return {};
  return scaled(has_experts(model) ? Interval{0, 28, 50} : Interval{0, 15, 33}, layers);
}

Interval forward_interval(const LlmRequest& request, const VllmOptions& o, std::int64_t first, std::int64_t last,
                          bool has_tower) {
  const Model& model = *request.model;
  // A model known only by its size: the median of 24 logs, and bounds that hold 20 of them.
  if (model.hidden_size == 0) return {kGiB / 4, kGiB * 7 / 5, 6 * kGiB};
  const Bytes workspace = cublas_workspace_bytes(request.machine.gpu);
  const Bytes forward = add(forward_peak_bytes(model, o, first, last), workspace);
  // Eager kernels keep up to two more copies of the hidden states (T4 log of Qwen2.5-1.5B); a tower's own profile run
  // took 0.4 GiB more for gemma-3-4b and about 2 for Qwen3-VL-30B (2 logs of the V1 engine).
  const Bytes copies = product({o.max_num_batched_tokens, model.hidden_size, 4});
  return {forward, forward, add(add(forward, copies), has_tower ? 3 * kGiB : 0)};
}

Interval sampler_interval(const LlmRequest& request, const VllmOptions& o) {
  const Model& model = *request.model;
  if (model.vocab_size == 0) return {};
  const Bytes workspace = cublas_workspace_bytes(request.machine.gpu);
  const Bytes sorting = add(sampler_peak_bytes(model, o), workspace);
  return {add(sampler_without_sort_bytes(model, o), workspace), sorting, add(sorting, sorting / 20)};
}

}  // namespace

Bytes rotary_bytes(const Model& model) {
  for (const Layer& layer : model.layers) {
    if (layer.attention) return product({model.max_position_embeddings, layer.attention->head_dim, 2});
    if (layer.latent) return product({model.max_position_embeddings, layer.latent->qk_rope_head_dim, 4});
  }
  return 0;
}

Bytes budget_bytes(const LlmRequest& request, const VllmOptions& options) {
  return static_cast<Bytes>(
      std::floor(static_cast<double>(capacity_bytes(request.machine)) * options.gpu_memory_utilization));
}

Rank rank_of(const LlmRequest& request, const VllmOptions& o, int stage) {
  const Model& model = *request.model;
  const std::int64_t tp = o.tensor_parallel_size;
  const std::int64_t pp = o.pipeline_parallel_size;
  const StageLayers layers = layers_of_stage(stage, static_cast<std::int64_t>(model.layers.size()), pp);
  Rank rank;
  rank.weights = add(rank_weight_bytes(request, Part::text, tp, pp, stage), rotary_bytes(model));
  if (stage == 0) {
    rank.tower = add(add(rank_weight_bytes(request, Part::tower, tp, pp, stage),
                         rank_weight_bytes(request, Part::projector, tp, pp, stage)),
                     model.opaque_bytes);
  }
  rank.forward = forward_interval(request, o, layers.first, layers.last, rank.tower > 0);
  if (stage == pp - 1) rank.sampler = sampler_interval(request, o);
  rank.framework = {request.profile.framework_low, request.profile.framework, request.profile.framework_high};
  rank.communication = communication_bytes(tp * pp);
  rank.graphs = cuda_graph_bytes(model, o, layers.last - layers.first);
  rank.layout = cache_layout(request, o, layers.first, layers.last);
  const std::int64_t asked = mul(request.sequences, blocks_per_request(rank.layout, o, request.context));
  rank.wanted_blocks = std::max(asked, blocks_per_request(rank.layout, o, o.max_model_len));
  rank.cache = mul(rank.wanted_blocks, rank.layout.block_bytes);
  return rank;
}

}  // namespace vram
