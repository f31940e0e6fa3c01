#include "llm/engines/vllm_ledger.hpp"

#include <cstdio>
#include <string>

#include "llm/engines/vllm_activations.hpp"
#include "llm/parts.hpp"

namespace vram {
namespace {

constexpr std::string_view kBudgetSource = "vLLM 0.11 v1/worker/gpu_worker.py, determine_available_memory";

double number(std::int64_t value) { return static_cast<double>(value); }

std::string gib_text(Bytes bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f GiB", static_cast<double>(bytes) / static_cast<double>(kGiB));
  return text;
}

// What the tightest rank gives all of them.
struct Pool {
  Bytes available = 0;
  std::int64_t blocks = 0;
  std::size_t rank = 0;
};

}  // namespace

void write_rank(const LlmRequest& request, const VllmOptions& o, const Rank& rank, Device device, Ledger& ledger) {
  const auto put = [&](Kind kind, std::string_view label, Stages stages, Interval bytes, std::string_view formula,
                       std::vector<Value> values, std::string_view source) {
    if (bytes.high > 0)
      ledger.entries.push_back({kind, label, device, stages, bytes, formula, std::move(values), source});
  };
  put(Kind::weights, "Weights", kInference, Interval::exact(rank.weights),
      "shard(tensors, tensor_parallel_size, stage) + rotary_cache",
      {{"tensor_parallel_size", number(o.tensor_parallel_size)},
       {"pipeline_parallel_size", number(o.pipeline_parallel_size)},
       {"rotary_cache", number(rotary_bytes(*request.model))}},
      "vLLM 0.11 model_executor/layers/linear.py, vocab_parallel_embedding.py, rotary_embedding/base.py");
  put(Kind::vision_tower, "Vision and audio towers", kInference, Interval::exact(rank.tower), "tower",
      {{"tower", number(rank.tower)}}, "vLLM 0.11 config/multimodal.py: mm_encoder_tp_mode \"weights\" splits towers");
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
  put(Kind::logits, "Logits and sampler", Stage::decode, rank.sampler,
      "max_num_seqs * vocab_size * 38 + hidden_states + cublas_workspace",
      {{"max_num_seqs", number(o.max_num_seqs)}, {"vocab_size", number(request.model->vocab_size)}},
      "tape of vLLM 0.11's top-k/top-p sampler; checked on 17 start-up logs, 15 within 1 %");
  put(Kind::communication, "NCCL and all-reduce buffers", kInference, rank.communication, "by GPUs",
      {{"gpus", number(o.tensor_parallel_size * o.pipeline_parallel_size)}}, "fitted on 6 start-up logs (2 to 8 GPUs)");
  put(Kind::cuda_graphs, "CUDA graphs", Stage::decode, rank.graphs, "layers * bytes_per_layer",
      {{"layers", number(static_cast<std::int64_t>(request.model->layers.size()))}},
      "fitted on 17 start-up logs of vLLM 0.8 to 0.11");
}

void write_fill(const LlmRequest& request, const VllmOptions& o, const Rank& rank, Device device, Ledger& ledger) {
  const Bytes total = capacity_bytes(request.machine);
  if (total <= 0) return;
  const Bytes budget = budget_bytes(request, o);
  const OverheadProfile& profile = request.profile;
  const Interval outside =
      display_bytes(profile, device.index) +
      Interval{profile.runtime_context_low, profile.runtime_context, profile.runtime_context_high} + rank.graphs;
  const Interval inside = rank.fixed();
  const bool fits = add(inside.expected, rank.cache) <= budget && outside.expected <= total - budget;
  const Bytes left_alone = std::max<Bytes>(0, add(total - budget, -(fits ? outside.high : outside.expected)));
  const Bytes pool = std::max<Bytes>(0, add(add(budget, -(fits ? inside.high : inside.expected)), -rank.cache));
  if (left_alone > 0) {
    ledger.entries.push_back({Kind::reserved,
                              "Left alone by gpu_memory_utilization",
                              device,
                              kInference,
                              Interval::exact(left_alone),
                              "total * (1 - gpu_memory_utilization) - display - context - cuda_graphs",
                              {{"total", number(total)}, {"gpu_memory_utilization", o.gpu_memory_utilization}},
                              kBudgetSource});
  }
  if (pool > 0) {
    ledger.entries.push_back({Kind::kv_pool,
                              "KV pool beyond the sequences asked for, at least",
                              device,
                              kRunning,
                              Interval::exact(pool),
                              "total * gpu_memory_utilization - weights - activations - non_torch - kv_cache",
                              {{"total", number(total)},
                               {"gpu_memory_utilization", o.gpu_memory_utilization},
                               {"kv_cache", number(rank.cache)}},
                              kBudgetSource});
  }
}

void write_figures(const LlmRequest& request, const VllmOptions& o, const std::vector<Rank>& ranks,
                   LlmEstimate& estimate) {
  const Bytes budget = budget_bytes(request, o);
  double bytes_per_token = 0;
  Pool pool;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const Rank& rank = ranks[i];
    bytes_per_token += rank.layout.bytes_per_token;
    if (rank.layout.block_bytes == 0) continue;
    const Bytes available = add(budget, -rank.fixed().expected);
    const std::int64_t blocks = std::max<Bytes>(0, available) / rank.layout.block_bytes;
    if (pool.available == 0 || blocks < pool.blocks) pool = {available, blocks, i};
  }
  estimate.figures.push_back(
      {"kv_bytes_per_token_per_gpu", bytes_per_token / static_cast<double>(ranks.size()), "bytes"});
  const CacheLayout& layout = ranks[pool.rank].layout;
  if (capacity_bytes(request.machine) <= 0 || layout.block_bytes == 0) return;
  const std::int64_t needed = blocks_per_request(layout, o, o.max_model_len);
  const std::int64_t longest = longest_request(layout, o, pool.blocks);
  estimate.figures.push_back({"available_kv_cache_memory", number(pool.available), "bytes"});
  estimate.figures.push_back({"num_gpu_blocks", number(pool.blocks), ""});
  estimate.figures.push_back({"block_size", number(layout.min_block_size), "tokens"});
  estimate.figures.push_back({"kv_cache_tokens", number(printed_tokens(layout, pool.blocks)), "tokens"});
  estimate.figures.push_back({"max_concurrency", number(pool.blocks) / number(needed), "requests"});
  estimate.figures.push_back({"largest_max_model_len", number(longest), "tokens"});
  if (pool.blocks < needed) {
    estimate.warnings.push_back(
        {"/engine/max_model_len", "vLLM would not start: one sequence of " + std::to_string(o.max_model_len) +
                                      " tokens needs " + gib_text(mul(needed, layout.block_bytes)) +
                                      " of KV cache per GPU and " + gib_text(pool.available) +
                                      " are left; the longest max_model_len that fits is " + std::to_string(longest)});
  }
}

void write_warnings(const LlmRequest& request, const VllmOptions& o, const std::vector<Rank>& ranks,
                    LlmEstimate& estimate) {
  const Model& model = *request.model;
  if (model.max_position_embeddings > 0 && o.max_model_len > model.max_position_embeddings) {
    estimate.warnings.push_back({"/context", "vLLM refuses a max_model_len beyond the model's own " +
                                                 std::to_string(model.max_position_embeddings) + " positions"});
  }
  if (request.sequences > o.max_num_seqs) {
    estimate.warnings.push_back(
        {"/engine/max_num_seqs", "more sequences than max_num_seqs: the rest would wait in the queue"});
  }
  if (ranks.front().tower > 0) {
    estimate.warnings.push_back(
        {"/model", "the profile run of the vision or audio tower is not modelled; the high bound allows 3 GiB for it"});
  }
  if (ranks.front().layout.approximated) {
    estimate.warnings.push_back(
        {"/model", "compressed attention: vLLM's page layout is not modelled, the cache is counted at its tightest"});
  }
}

}  // namespace vram
