#include "llm/engines/vllm_ledger.hpp"

#include <algorithm>

#include "llm/engines/vllm_activations.hpp"
#include "llm/parts.hpp"
#include "llm/sharding.hpp"

namespace vram {
namespace {

constexpr std::string_view kBudgetSource = "vLLM 0.11 v1/worker/gpu_worker.py, determine_available_memory";

double number(std::int64_t value) { return static_cast<double>(value); }

// What `a` needs more than `b`, which lives at the same time.
Interval beyond(Interval a, Interval b) {
  const auto more = [](Bytes x, Bytes y) { return std::max<Bytes>(0, add(x, -y)); };
  return {0, more(a.expected, b.expected), more(a.high, b.expected)};
}

}  // namespace

void write_rank(const LlmRequest& request, const VllmOptions& o, const Rank& rank, Device device, Ledger& ledger) {
  const auto put = [&](Kind kind, std::string_view label, Stages stages, Interval bytes, std::string_view formula,
                       std::vector<Value> values, std::string_view source) {
    if (bytes.high > 0)
      ledger.entries.push_back({kind, label, device, stages, bytes, formula, std::move(values), source});
  };
  put(Kind::weights, "Weights", kInference, rank.held(),
      rank.offloaded > 0 ? "shard(tensors, tensor_parallel_size, stage) + rotary_cache - cpu_offload_gb"
                         : "shard(tensors, tensor_parallel_size, stage) + rotary_cache",
      {{"tensor_parallel_size", number(o.tensor_parallel_size)},
       {"pipeline_parallel_size", number(o.pipeline_parallel_size)},
       {"rotary_cache", number(rotary_bytes(*request.model))}},
      "vLLM 0.11 model_executor/layers/linear.py, vocab_parallel_embedding.py, rotary_embedding/base.py");
  put(Kind::weights, "LoRA slots", kInference, rank.adapters, "max_loras * max_lora_rank * sum(inputs + outputs) * 2",
      {{"max_loras", number(o.max_loras)}, {"max_lora_rank", number(o.max_lora_rank)}},
      "vLLM 0.11 lora/layers/base_linear.py, create_lora_weights");
  put(Kind::weights, "Weights, if Marlin packs them", kInference, rank.repacked, "marlin - triton", {},
      "vLLM 0.11 model_executor/layers/quantization/mxfp4.py; 65.97 and 64.38 GiB in two logs of gpt-oss-120b");
  put(Kind::weights, "Draft for speculative decoding", kInference, Interval::exact(rank.draft), "draft",
      {{"draft", number(rank.draft)}}, "vLLM 0.11 v1/spec_decode/eagle.py, load_model");
  put(Kind::vision_tower, "Vision and audio towers", kInference, Interval::exact(rank.tower), "tower",
      {{"tower", number(rank.tower)}}, "vLLM 0.11 config/multimodal.py: mm_encoder_tp_mode \"weights\" splits towers");
  put(Kind::recurrent_state, "Recurrent state, V0", kInference, Interval::exact(rank.layout.state_bytes),
      "max_num_seqs * state", {{"max_num_seqs", number(o.max_num_seqs)}},
      "vLLM 0.7 model_executor/models/mamba_cache.py");
  put(Kind::kv_cache, "KV cache", kRunning, Interval::exact(rank.cache), "blocks * block_bytes",
      {{"blocks", number(rank.wanted_blocks)},
       {"block_bytes", number(rank.layout.block_bytes)},
       {"block_size", number(rank.layout.min_block_size)},
       {"groups", number(rank.layout.total_groups)}},
      "vLLM 0.11 v1/core/kv_cache_utils.py, v1/kv_cache_interface.py");
  put(Kind::activations, "Activations of the largest layer", Stage::prefill, rank.forward,
      "peak(layer, max_num_batched_tokens) + cublas_workspace",
      {{"max_num_batched_tokens", number(o.max_num_batched_tokens)},
       {"cublas_workspace", number(cublas_workspace_bytes(request.machine.gpu))}},
      "tape of one layer as vLLM 0.11 runs it");
  put(Kind::activations, "Vision and audio towers at work", Stage::prefill, beyond(rank.encoder, rank.forward),
      "max(0, patches * max(8 * hidden, 2 * hidden + ffn) * 2 - text_model)",
      {{"max_num_batched_tokens", number(o.max_num_batched_tokens)}},
      "tape of one block in vLLM 0.11's profile run; compared with 2 start-up logs");
  put(Kind::logits, "Logits and sampler", Stage::decode, rank.sampler,
      "max_num_seqs * vocab_size * bytes_per_logit + hidden_states + cublas_workspace",
      {{"max_num_seqs", number(std::min(o.max_num_seqs, o.max_num_batched_tokens))},
       {"vocab_size", number(request.model->vocab_size)}},
      "tape of the top-k/top-p sampler of this version; sorting ones checked on 17 start-up logs, 15 within 1 %");
  put(Kind::communication, "NCCL and all-reduce buffers", kInference, rank.communication, "by GPUs",
      {{"gpus", number(o.tensor_parallel_size * o.pipeline_parallel_size * o.data_parallel_size)}},
      "fitted on 9 start-up logs (2 to 8 GPUs)");
  put(Kind::cuda_graphs, "CUDA graphs", Stage::decode, rank.graphs, "layers * captured_sizes * bytes_per_graph",
      {{"layers", number(static_cast<std::int64_t>(request.model->layers.size()))}},
      "fitted on 17 start-up logs of vLLM 0.8 to 0.11");
}

void write_fill(const LlmRequest& request, const VllmOptions& o, const Rank& rank, Device device, Ledger& ledger) {
  const Bytes total = capacity_bytes(request.machine);
  if (total <= 0) return;
  const OverheadProfile& profile = request.profile;
  const Interval elsewhere =
      display_bytes(profile, device.index) +
      Interval{profile.runtime_context_low, profile.runtime_context, profile.runtime_context_high};
  const Interval inside = rank.fixed();
  const Interval outside =
      (rank.outside.high > 0 ? Interval{} : elsewhere) + (rank.graphs_inside ? Interval{} : rank.graphs);
  const bool given = o.kv_cache_memory_bytes > 0 || o.num_gpu_blocks_override > 0;
  const Bytes pool_given = given ? available_bytes(request, o, rank).expected : 0;
  const Bytes budget = given ? add(inside.expected, pool_given) : budget_bytes(request, o);
  const bool fits = add(inside.expected, rank.cache) <= budget && outside.expected <= total - budget;
  const Bytes beside = fits ? outside.high : outside.expected;
  const Bytes held = fits ? inside.high : inside.expected;
  const Bytes pool = std::max<Bytes>(0, given ? add(pool_given, -rank.cache) : add(add(budget, -held), -rank.cache));
  const Bytes alone = given ? add(add(total, -held), -add(pool_given, beside)) : add(add(total, -budget), -beside);
  const Bytes left_alone = std::max<Bytes>(0, alone);
  if (left_alone > 0) {
    ledger.entries.push_back({Kind::reserved,
                              "Left alone by gpu_memory_utilization",
                              device,
                              kInference,
                              Interval::exact(left_alone),
                              "total - total_of_runtime * gpu_memory_utilization - what lies outside",
                              {{"total", number(total)},
                               {"total_of_runtime", number(runtime_bytes(request.machine))},
                               {"gpu_memory_utilization", o.gpu_memory_utilization}},
                              kBudgetSource});
  }
  if (pool > 0) {
    ledger.entries.push_back(
        {Kind::kv_pool,
         "KV pool beyond the sequences asked for, at least",
         device,
         kRunning,
         Interval::exact(pool),
         "total_of_runtime * gpu_memory_utilization - weights - activations - non_torch - kv_cache",
         {{"total_of_runtime", number(runtime_bytes(request.machine))},
          {"gpu_memory_utilization", o.gpu_memory_utilization},
          {"kv_cache", number(rank.cache)}},
         kBudgetSource});
  }
}

void write_host(const VllmRules& rules, const VllmOptions& o, const std::vector<Rank>& ranks, Ledger& ledger) {
  const std::int64_t each = mul(o.tensor_parallel_size, o.data_parallel_size);
  Bytes offloaded = 0;
  for (const Rank& rank : ranks) offloaded = add(offloaded, mul(rank.offloaded, each));
  if (offloaded > 0) {
    ledger.entries.push_back({Kind::weights,
                              "Weights kept in RAM",
                              kHost,
                              kInference,
                              Interval::exact(offloaded),
                              "gpus * cpu_offload_gb",
                              {{"cpu_offload_gb", o.cpu_offload_gb}},
                              "vLLM 0.11 model_executor/models/utils.py, maybe_offload_to_cpu"});
  }
  if (rules.v1 || o.swap_space <= 0) return;
  const auto gpus = mul(each, o.pipeline_parallel_size);
  ledger.entries.push_back({Kind::kv_cache,
                            "Room for swapped-out blocks",
                            kHost,
                            kInference,
                            Interval::exact(mul(static_cast<Bytes>(o.swap_space * static_cast<double>(kGiB)), gpus)),
                            "gpus * swap_space",
                            {{"gpus", number(gpus)}, {"swap_space", o.swap_space}},
                            "vLLM 0.7 worker/cache_engine.py"});
}

}  // namespace vram
