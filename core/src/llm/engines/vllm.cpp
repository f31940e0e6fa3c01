// vLLM: a fixed share of every GPU, of which the cache gets what weights and the profile run leave.
// Checked against vLLM 0.11 (V1 engine): vllm/v1/worker/gpu_worker.py (determine_available_memory),
// vllm/utils (memory_profiling), vllm/engine/arg_utils.py (get_batch_defaults).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "llm/engines/engines.hpp"
#include "llm/engines/vllm_activations.hpp"
#include "llm/engines/vllm_cache.hpp"
#include "llm/engines/vllm_shard.hpp"
#include "llm/parts.hpp"

namespace vram {
namespace {

constexpr std::string_view kBudgetSource = "vLLM 0.11 v1/worker/gpu_worker.py, determine_available_memory";

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

// Captured graphs, outside the budget until vLLM 0.21. Fitted per layer on 14 logs of vLLM 0.8 to 0.11: 0 to 32 MiB
// a dense layer, 0 to 50 MiB a layer with experts.
Interval cuda_graph_bytes(const Model& model, const VllmOptions& options, std::int64_t layers) {
  if (options.enforce_eager) return {};
  return scaled(has_experts(model) ? Interval{0, 28, 50} : Interval{0, 15, 33}, layers);
}

// Cosines and sines for every position, once per model, in the model's 16-bit type (rotary_embedding/base.py).
Bytes rotary_bytes(const Model& model) {
  for (const Layer& layer : model.layers) {
    if (layer.attention) return product({model.max_position_embeddings, layer.attention->head_dim, 2});
    if (layer.latent) return product({model.max_position_embeddings, layer.latent->qk_rope_head_dim, 4});
  }
  return 0;
}

Bytes share_of(Bytes total, double utilization) {
  return static_cast<Bytes>(std::floor(static_cast<double>(total) * utilization));
}

// Everything one rank of a pipeline stage holds.
struct Rank {
  Bytes weights = 0;
  Bytes tower = 0;
  Interval forward;    // while prompts pass through
  Interval sampler;    // while the next tokens are drawn
  Interval framework;  // inside the budget
  Interval communication;
  Interval graphs;  // outside the budget
  CacheLayout layout;
  std::int64_t wanted_blocks = 0;
  Bytes cache = 0;  // for the sequences asked for

  // What the budget must hold besides the cache.
  Interval fixed() const {
    const Interval profile{std::max(forward.low, sampler.low), std::max(forward.expected, sampler.expected),
                           std::max(forward.high, sampler.high)};
    return Interval::exact(add(weights, tower)) + profile + framework + communication;
  }
};

Interval forward_interval(const LlmRequest& request, const VllmOptions& o, std::int64_t first, std::int64_t last,
                          bool has_tower) {
  const Model& model = *request.model;
  // A model known only by its size: the median and range of 22 logs.
  if (model.hidden_size == 0) return {kGiB / 4, kGiB * 6 / 5, 6 * kGiB};
  const Bytes workspace = cublas_workspace_bytes(request.machine.gpu);
  const Bytes forward = add(forward_peak_bytes(model, o, first, last), workspace);
  // Eager kernels keep up to two more copies of the hidden states (T4 log of Qwen2.5-1.5B); a tower's own profile run
  // took up to 3 GiB more in the logs of four vision-language models on the V1 engine.
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

double number(std::int64_t value) { return static_cast<double>(value); }

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
      "fitted on 14 start-up logs of vLLM 0.8 to 0.11");
}

// The two entries that fill a GPU: what vLLM leaves alone, and what its pool takes beyond the cache asked for. Both
// give way to the uncertain terms, so they are what remains when everything else is at its high bound, unless something
// does not even fit at its expected size: then they leave exactly the room that is missing.
void write_fill(const LlmRequest& request, const VllmOptions& o, const Rank& rank, Device device, Ledger& ledger) {
  const Bytes total = capacity_bytes(request.machine);
  if (total <= 0) return;
  const Bytes budget = share_of(total, o.gpu_memory_utilization);
  const OverheadProfile& profile = request.profile;
  const Interval outside =
      Interval::exact(display_bytes(profile, device.index)) +
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

void write_figures(const LlmRequest& request, const VllmOptions& o, const std::vector<Rank>& ranks,
                   LlmEstimate& estimate) {
  const Bytes budget = share_of(capacity_bytes(request.machine), o.gpu_memory_utilization);
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
