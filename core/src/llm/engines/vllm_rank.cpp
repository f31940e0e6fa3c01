// The terms of vLLM's budget and what lies outside it. Checked against vLLM 0.6.1 to 0.11: vllm/worker/worker.py,
// vllm/v1/worker/gpu_worker.py (determine_available_memory), vllm/utils (memory_profiling).
#include "llm/engines/vllm_rank.hpp"

#include <algorithm>
#include <cmath>

#include "llm/engines/vllm_activations.hpp"
#include "llm/engines/vllm_extras.hpp"
#include "llm/parts.hpp"
#include "llm/sharding.hpp"

namespace vram {
namespace {

// NCCL and custom all-reduce buffers, less what one GPU alone shows. Compute capability 9 and above, where NCCL keeps
// multicast buffers besides: 0.40 to 1.25 GiB in 4 logs of 2 to 4 GPUs. Below: 0.13 GiB in two logs of two A100, 0.1 to
// 0.2 of four cards of 22 GiB. Eight GPUs: 2.0 GiB (A100), more across nodes.
Interval communication_bytes(const Gpu& gpu, std::int64_t gpus) {
  if (gpus == 1) return {};
  const bool multicast =
      gpu.compute_capability.empty() || gpu.compute_capability.size() > 3 || gpu.compute_capability[0] >= '9';
  if (gpus < 8)
    return multicast ? Interval{70 * kMiB, 430 * kMiB, 1250 * kMiB} : Interval{40 * kMiB, 150 * kMiB, 700 * kMiB};
  return {150 * kMiB, 1000 * kMiB, 2560 * kMiB};
}

// Captured graphs. Fitted per layer and captured size on 17 logs of vLLM 0.8 to 0.11 with 67 sizes: 15 MiB a dense
// layer (0 to 33), 28 MiB a layer with experts (0 to 50). Graphs of few sizes still took 0.1 to 0.5 GiB.
Interval cuda_graph_bytes(const Model& model, std::int64_t sizes, std::int64_t layers) {
  if (sizes == 0) return {};
  const auto scaled = [&](std::int64_t mib) { return product({mib * kMiB, layers, sizes}) / 67; };
  const bool experts = has_experts(model);
  return {0, scaled(experts ? 28 : 15), add(scaled(experts ? 50 : 33), kGiB / 2)};
}

// Of 16 printed peaks the tape is within 2 % where the sampler decides, and low by up to 14 % where eager kernels keep
// up to two more copies of the hidden states (V0 on T4).
Interval forward_interval(const LlmRequest& request, const VllmOptions& o, std::int64_t first, std::int64_t last) {
  const Model& model = *request.model;
  // A model known only by its size: the median of 24 logs, and bounds that hold 20 of them.
  if (model.hidden_size == 0) return {kGiB / 4, kGiB * 7 / 5, 6 * kGiB};
  const Bytes workspace = cublas_workspace_bytes(request.machine.gpu);
  const Bytes forward = add(forward_peak_bytes(model, o, first, last), workspace);
  const Bytes copies = product({o.max_num_batched_tokens, model.hidden_size, 4});
  return {forward - forward / 8, forward, add(add(forward, forward / 16), copies)};
}

Interval sampler_interval(const LlmRequest& request, const VllmRules& rules, const VllmOptions& o) {
  const Model& model = *request.model;
  if (model.vocab_size == 0) return {};
  const Bytes workspace = cublas_workspace_bytes(request.machine.gpu);
  const auto with = [&](VllmSampler sampler) {
    return add(rules.profiles_sampler ? sampler_peak_bytes(model, o, sampler) : logits_bytes(model, o), workspace);
  };
  const Bytes least = std::min(with(rules.least_sampler), with(rules.sampler));
  const Bytes most = std::max(with(rules.most_sampler), with(rules.sampler));
  Bytes high = add(most, most / 12);
  // Logits of every proposed token are not profiled (#37521).
  if (o.speculative_config.method != Speculation::Method::none) {
    high = add(high, product({o.max_num_seqs, o.speculative_config.num_speculative_tokens, model.vocab_size, 6}));
  }
  return {least - least / 32, with(rules.sampler), high};
}

// Rotary tables of text positions that count time, height and width are four times as long
// (rotary_embedding/mrope.py, cache_max_position_num): Qwen2-VL and after.
Bytes rotary_tables(const Model& model) {
  const bool sections = model.model_type.rfind("qwen", 0) == 0 && model.model_type.find("_vl") != std::string::npos;
  return mul(rotary_bytes(model), sections ? 4 : 1);
}

// MXFP4 experts on compute capability 9: without Triton's kernels Marlin packs them, padded (gpt-oss-120b: 65.97 GiB
// against 64.38).
Bytes repacked_bytes(const LlmRequest& request, const Split& split, int stage) {
  if (request.weights.scheme != WeightFormat::Scheme::mxfp4) return 0;
  if (request.machine.gpu.compute_capability.rfind("9.", 0) != 0) return 0;
  LlmRequest marlin = request;
  marlin.machine.gpu.compute_capability = "8.0";
  return std::max<Bytes>(0, add(rank_weight_bytes(marlin, split, Part::text, stage),
                                -rank_weight_bytes(request, split, Part::text, stage)));
}

Interval larger(Interval a, Interval b) {
  return {std::max(a.low, b.low), std::max(a.expected, b.expected), std::max(a.high, b.high)};
}

}  // namespace

Interval Rank::held() const {
  const Bytes bytes = add(weights, -offloaded);
  const Bytes more = tower > 0 ? bytes / 40 : bytes / 200;
  return {bytes - bytes / 250, bytes, add(bytes, more)};
}

Interval Rank::fixed() const {
  const Interval profile = larger(encoder, larger(forward, sampler));
  return held() + Interval::exact(add(tower, draft)) + adapters + repacked + Interval::exact(layout.state_bytes) +
         profile + framework + outside + communication + (graphs_inside ? graphs : Interval{});
}

Bytes runtime_bytes(const Machine& machine) {
  const Gpu& gpu = machine.gpu;
  if (gpu.memory_bytes_runtime > 0) return std::min(gpu.memory_bytes, gpu.memory_bytes_runtime);
  // What the driver keeps for itself where the row says that its size is the driver's: the median of 23 GPUs of the
  // catalogue whose both sizes are known. A size given by hand is taken as what the engine prints.
  const bool kept = gpu.vendor == "nvidia" && gpu.memory_reported && !gpu.source.empty() && !gpu.unified_memory &&
                    gpu.memory_bytes > 4 * kGiB;
  return kept ? gpu.memory_bytes - 460 * kMiB : gpu.memory_bytes;
}

Bytes budget_bytes(const LlmRequest& request, const VllmOptions& options) {
  const auto total = static_cast<double>(runtime_bytes(request.machine));
  return static_cast<Bytes>(std::floor(total * options.gpu_memory_utilization));
}

Interval available_bytes(const LlmRequest& request, const VllmOptions& o, const Rank& rank) {
  if (o.kv_cache_memory_bytes > 0) return Interval::exact(o.kv_cache_memory_bytes);
  if (o.num_gpu_blocks_override > 0) {
    return Interval::exact(mul(o.num_gpu_blocks_override, rank.layout.block_bytes));
  }
  const Bytes budget = budget_bytes(request, o);
  const Interval fixed = rank.fixed();
  return {add(budget, -fixed.high), add(budget, -fixed.expected), add(budget, -fixed.low)};
}

Rank rank_of(const LlmRequest& request, const VllmRules& rules, const VllmOptions& o, int stage) {
  const Model& model = *request.model;
  const OverheadProfile& profile = request.profile;
  const auto count = static_cast<std::int64_t>(model.layers.size());
  const StageLayers layers = layers_of_stage(stage, count, o.pipeline_parallel_size);
  const bool last = stage == o.pipeline_parallel_size - 1;
  Rank rank;
  const Split split = split_of(o);
  const bool latent_copies = o.version >= VllmVersion{0, 7, 1};
  rank.weights = add(add(rank_weight_bytes(request, split, Part::text, stage, latent_copies), rotary_tables(model)),
                     latent_bytes(request, rules, o, stage));
  rank.adapters = lora_bytes(request, o, stage);
  rank.repacked = {0, 0, repacked_bytes(request, split, stage)};
  rank.draft = draft_bytes(request, o, stage);
  rank.offloaded = std::min(rank.weights, static_cast<Bytes>(o.cpu_offload_gb * static_cast<double>(kGiB)));
  rank.forward = forward_interval(request, o, layers.first, layers.last);
  if (last) rank.sampler = sampler_interval(request, rules, o);
  const bool text_only = o.limit_mm_per_prompt == 0 && rules.text_only_by_limit;
  if (stage == 0 && !text_only) {
    rank.tower = add(add(rank_weight_bytes(request, split, Part::tower, stage),
                         rank_weight_bytes(request, split, Part::projector, stage)),
                     model.opaque_bytes);
    const EncoderRun run = encoder_run(model, rules, o);
    rank.encoder = run.peak;
    rank.forward = rank.forward + run.outputs;
    if (last) rank.sampler = rank.sampler + run.outputs;
  }
  rank.framework = {profile.framework_low, profile.framework, profile.framework_high};
  if (rules.context_in_budget) {
    rank.outside = display_bytes(profile, 0) +
                   Interval{profile.runtime_context_low, profile.runtime_context, profile.runtime_context_high};
  }
  rank.communication = communication_bytes(
      request.machine.gpu, product({o.tensor_parallel_size, o.pipeline_parallel_size, o.data_parallel_size}));
  rank.graphs = cuda_graph_bytes(model, captured_sizes(rules, o), layers.last - layers.first);
  rank.graphs_inside = rules.graphs_in_budget;
  rank.layout = cache_layout(request, rules, o, layers.first, layers.last);
  const std::int64_t sequences = ceil_div(request.sequences, o.data_parallel_size);
  const std::int64_t asked = mul(sequences, blocks_per_request(rank.layout, o, request.context));
  rank.wanted_blocks = std::max(asked, blocks_per_request(rank.layout, o, o.max_model_len));
  rank.cache = mul(rank.wanted_blocks, rank.layout.block_bytes);
  return rank;
}

}  // namespace vram
