// TensorRT-LLM 1.0 to 1.1: tensorrt_llm/_torch/pyexecutor/_util.py (KvCacheCreator: a profile run, then
// free_gpu_memory_fraction of what is left), resource_manager.py (bytes per token), llmapi/llm_args.py (defaults). The
// TensorRT backend takes its share of what engine and execution context leave. Two of its logs were at hand: one block
// size, one engine with its context.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "llm/decoder_tape.hpp"
#include "llm/engines/engines.hpp"
#include "llm/parts.hpp"
#include "llm/sharding.hpp"

namespace vram {
namespace {

using Backend = TensorRtLlmOptions::Backend;
constexpr std::string_view kSource = "TensorRT-LLM 1.1 _torch/pyexecutor/_util.py, configure_kv_cache_capacity";

double number(std::int64_t value) { return static_cast<double>(value); }

struct Rank {
  Bytes weights = 0;
  Interval communication;
  Interval activations;
  Interval logits;
  Interval graphs;
  Bytes block_bytes = 0;   // tokens_per_block tokens of every layer that keeps the whole context
  Bytes window_bytes = 0;  // the same of layers with windows
  std::int64_t window = 0;
  Bytes state_bytes = 0;  // recurrent state of one request
  Interval pool;
};

void count_cache(const LlmRequest& request, const TensorRtLlmOptions& o, StageLayers layers, Rank& rank) {
  const std::int64_t tp = o.tensor_parallel_size;
  for (std::int64_t i = layers.first; i < layers.last; ++i) {
    const Layer& layer = request.model->layers[static_cast<std::size_t>(i)];
    Bytes token = 0;
    if (layer.latent)
      token = row_bytes(*request.type_k, layer.latent->kv_lora_rank + layer.latent->qk_rope_head_dim, 1);
    if (layer.attention && layer.attention->caches) {
      const Attention& a = *layer.attention;
      const std::int64_t heads = std::max<std::int64_t>(1, ceil_div(a.num_key_value_heads, tp));
      token = add(row_bytes(*request.type_k, mul(heads, a.head_dim), 1),
                  row_bytes(*request.type_v, mul(heads, a.v_head_dim), 1));
    }
    if (layer.compressed) {
      token = ceil_div(tight_cache_bytes(layer, *request.type_k, *request.type_v, o.max_seq_len, 1), o.max_seq_len);
    }
    const bool windowed = layer.attention && layer.attention->span == Span::sliding && layer.attention->window > 0;
    if (windowed) rank.window = std::max(rank.window, layer.attention->window);
    Bytes& block = windowed ? rank.window_bytes : rank.block_bytes;
    block = add(block, mul(token, o.tokens_per_block));
    if (layer.state) {
      rank.state_bytes = add(rank.state_bytes, add(mul(ceil_div(layer.state->state_elements, tp), 4),
                                                   mul(ceil_div(layer.state->conv_elements, tp), 2)));
    }
  }
}

// Pool bytes of `sequences` requests of `tokens` tokens.
Bytes wanted_bytes(const Rank& rank, const TensorRtLlmOptions& o, std::int64_t sequences, std::int64_t tokens) {
  const std::int64_t beams = mul(sequences, o.max_beam_width);
  const std::int64_t in_window = rank.window > 0 ? std::min(tokens, rank.window + o.tokens_per_block) : 0;
  const Bytes blocks = add(mul(ceil_div(tokens, o.tokens_per_block), rank.block_bytes),
                           mul(ceil_div(in_window, o.tokens_per_block), rank.window_bytes));
  return mul(beams, blocks);
}

Interval share(Interval bytes, double of) {
  const auto part = [&](Bytes b) {
    return static_cast<Bytes>(std::floor(static_cast<double>(std::max<Bytes>(0, b)) * of));
  };
  return {part(bytes.low), part(bytes.expected), part(bytes.high)};
}

Rank rank_of(const LlmRequest& request, const TensorRtLlmOptions& o, int stage) {
  const Model& model = *request.model;
  const OverheadProfile& p = request.profile;
  const std::int64_t tp = o.tensor_parallel_size;
  const bool spread = o.moe_expert_parallel_size > 1;
  const Split split{tp, tp, spread, o.pipeline_parallel_size};
  const auto count = static_cast<std::int64_t>(model.layers.size());
  const StageLayers layers = layers_of_stage(stage, count, o.pipeline_parallel_size);
  Rank rank;
  for (const Part part : {Part::text, Part::tower, Part::projector}) {
    rank.weights = add(rank.weights, rank_weight_bytes(request, split, part, stage));
  }
  rank.weights = add(rank.weights, add(rotary_bytes(model), stage == 0 ? model.opaque_bytes : 0));
  if (mul(tp, o.pipeline_parallel_size) > 1) rank.communication = {100 * kMiB, 700 * kMiB, 3 * kGiB};
  if (model.hidden_size > 0) {
    const DecoderPass pass{o.max_num_tokens, tp, o.max_num_tokens, spread ? 1 : tp};
    const Bytes bytes = decoder_peak_bytes(model, pass, layers.first, layers.last);
    rank.activations = {bytes / 2, bytes, add(mul(bytes, 2), kGiB)};
  } else {
    rank.activations = {kGiB / 4, kGiB * 3 / 2, 8 * kGiB};
  }
  if (stage == o.pipeline_parallel_size - 1) {
    // One row for the last token of every request of the profile run, which packs prompts of max_seq_len.
    const std::int64_t rows =
        std::min(o.max_batch_size, ceil_div(o.max_num_tokens, std::max<std::int64_t>(1, o.max_seq_len)));
    const Bytes profiled = product({rows, model.vocab_size, 10});
    rank.logits = {profiled, profiled, product({o.max_batch_size, o.max_beam_width, model.vocab_size, 10})};
  }
  if (o.cuda_graph && o.backend == Backend::pytorch) rank.graphs = {50 * kMiB, 600 * kMiB, 3 * kGiB};
  count_cache(request, o, layers, rank);
  rank.state_bytes = mul(rank.state_bytes, o.max_batch_size);
  const Bytes total = request.machine.gpu.memory_bytes_runtime > 0 ? request.machine.gpu.memory_bytes_runtime
                                                                   : request.machine.gpu.memory_bytes;
  const Interval used = display_bytes(p, 0) +
                        Interval{p.runtime_context_low, p.runtime_context, p.runtime_context_high} +
                        Interval{p.framework_low, p.framework, p.framework_high} +
                        Interval::exact(add(rank.weights, rank.state_bytes)) + rank.activations + rank.communication;
  rank.pool =
      share({add(total, -used.high), add(total, -used.expected), add(total, -used.low)}, o.free_gpu_memory_fraction);
  if (o.max_tokens > 0) {
    const Bytes most = wanted_bytes(rank, o, 1, o.max_tokens);
    rank.pool = {std::min(rank.pool.low, most), std::min(rank.pool.expected, most), std::min(rank.pool.high, most)};
  }
  return rank;
}

std::optional<Error> refused(const LlmRequest& request, const TensorRtLlmOptions& o) {
  const Model& model = *request.model;
  const auto error = [](const char* field, std::string message, std::int64_t value, std::string expected) {
    return Error{std::string("/engine/") + field, std::move(message), std::to_string(value), std::move(expected)};
  };
  const std::int64_t tp = o.tensor_parallel_size;
  if (tp < 1 || tp > request.machine.count / o.pipeline_parallel_size) {
    return error("tensor_parallel_size", "tensor_parallel_size x pipeline_parallel_size needs more GPUs than there are",
                 tp, "a product of at most " + std::to_string(request.machine.count));
  }
  if (o.pipeline_parallel_size > std::max<std::int64_t>(1, static_cast<std::int64_t>(model.layers.size()))) {
    return error("pipeline_parallel_size", "there are fewer layers than pipeline stages", o.pipeline_parallel_size,
                 "at most " + std::to_string(model.layers.size()));
  }
  for (const Layer& layer : model.layers) {
    const std::int64_t heads = layer.attention ? layer.attention->num_attention_heads
                               : layer.latent  ? layer.latent->num_attention_heads
                                               : 0;
    if (heads > 0 && heads % tp != 0) {
      return error("tensor_parallel_size", "tensor_parallel_size must divide the attention heads", tp,
                   "a divisor of num_attention_heads (" + std::to_string(heads) + ")");
    }
  }
  if (o.moe_expert_parallel_size > 1 && !has_experts(model)) {
    return error("moe_expert_parallel_size", "there are no experts to spread: the model is dense",
                 o.moe_expert_parallel_size, "0 or 1");
  }
  if (o.moe_expert_parallel_size > 1 && o.moe_expert_parallel_size != tp) {
    return error("moe_expert_parallel_size", "only whole experts over all tensor parallel ranks are estimated",
                 o.moe_expert_parallel_size, "tensor_parallel_size (" + std::to_string(tp) + ")");
  }
  if (o.max_seq_len < request.context) {
    return error("max_seq_len", "max_seq_len is shorter than the context asked for", o.max_seq_len,
                 "at least the context (" + std::to_string(request.context) + ")");
  }
  if (o.tokens_per_block < 2 || (o.tokens_per_block & (o.tokens_per_block - 1)) != 0) {
    return error("tokens_per_block", "a block holds a power of two of tokens", o.tokens_per_block, "16, 32, 64 or 128");
  }
  if (o.max_num_tokens < o.tokens_per_block) {
    return error("max_num_tokens", "a batch holds less than one block of the cache", o.max_num_tokens,
                 "at least tokens_per_block (" + std::to_string(o.tokens_per_block) + ")");
  }
  return std::nullopt;
}

void write_rank(const LlmRequest& request, const TensorRtLlmOptions& o, const Rank& rank, Device device,
                Ledger& ledger) {
  const auto put = [&](Kind kind, std::string_view label, Stages stages, Interval bytes, std::string_view formula,
                       std::vector<Value> values, std::string_view source) {
    if (bytes.high > 0)
      ledger.entries.push_back({kind, label, device, stages, bytes, formula, std::move(values), source});
  };
  const Bytes wanted = wanted_bytes(rank, o, request.sequences, request.context);
  put(Kind::weights, o.backend == Backend::pytorch ? "Weights" : "Weights in the engine", kInference,
      Interval::exact(rank.weights), "shard(tensors, tensor_parallel_size, stage)",
      {{"tensor_parallel_size", number(o.tensor_parallel_size)},
       {"pipeline_parallel_size", number(o.pipeline_parallel_size)}},
      "TensorRT-LLM 1.1 _torch/modules/linear.py");
  put(Kind::recurrent_state, "Recurrent state", kInference, Interval::exact(rank.state_bytes), "max_batch_size * state",
      {{"max_batch_size", number(o.max_batch_size)}}, "TensorRT-LLM 1.1 _torch/pyexecutor/mamba_cache_manager.py");
  put(Kind::kv_cache, "KV cache", kRunning, Interval::exact(wanted), "sequences * beams * blocks * block_bytes",
      {{"block_bytes", number(rank.block_bytes)}, {"tokens_per_block", number(o.tokens_per_block)}}, kSource);
  put(Kind::activations, "Activations and runtime buffers", Stage::prefill, rank.activations,
      "peak(layer, max_num_tokens)", {{"max_num_tokens", number(o.max_num_tokens)}},
      "tape of one layer; not checked against TensorRT-LLM's logs");
  put(Kind::logits, "Logits", Stage::decode, rank.logits, "rows * vocab_size * 10",
      {{"vocab_size", number(request.model->vocab_size)}}, "TensorRT-LLM 1.1 _torch/pyexecutor/sampler.py");
  put(Kind::communication, "NCCL and all-reduce workspaces", kInference, rank.communication, "by GPUs",
      {{"gpus", number(mul(o.tensor_parallel_size, o.pipeline_parallel_size))}}, "as for vLLM, wider");
  put(Kind::cuda_graphs, "CUDA graphs", Stage::decode, rank.graphs, "not derived", {}, "not checked; a wide range");
  const Bytes total = capacity_bytes(request.machine);
  if (total <= 0) return;
  const Bytes pool = rank.pool.expected;
  if (wanted <= pool) {
    put(Kind::kv_pool, "KV pool beyond the sequences asked for", kRunning, Interval::exact(add(pool, -wanted)),
        "(total - weights - activations - context) * free_gpu_memory_fraction - kv_cache",
        {{"free_gpu_memory_fraction", o.free_gpu_memory_fraction}}, kSource);
    return;
  }
  // The pool is fixed before the first request: what does not fit into it does not fit, whatever else is free.
  const OverheadProfile& p = request.profile;
  const Bytes beside = add(add(rank.communication.expected, rank.state_bytes),
                           std::max(rank.activations.expected, add(rank.graphs.expected, rank.logits.expected)));
  const Bytes process = add(display_bytes(p, device.index).expected, add(p.runtime_context, p.framework));
  const Bytes left = add(add(total, -rank.weights), -add(pool, add(beside, process)));
  put(Kind::reserved, "Kept free by free_gpu_memory_fraction", kInference, Interval::exact(std::max<Bytes>(0, left)),
      "total - weights - pool - activations - context", {{"free_gpu_memory_fraction", o.free_gpu_memory_fraction}},
      kSource);
}

}  // namespace

TensorRtLlmOptions effective(const LlmRequest& request, const TensorRtLlmOptions& options) {
  TensorRtLlmOptions o = options;
  o.pipeline_parallel_size = std::max<std::int64_t>(1, o.pipeline_parallel_size);
  if (o.tensor_parallel_size == 0) {
    o.tensor_parallel_size = std::max<std::int64_t>(1, request.machine.count / o.pipeline_parallel_size);
  }
  if (o.max_seq_len == 0) o.max_seq_len = request.context;
  o.max_batch_size = std::max(o.max_batch_size, std::int64_t{1});
  return o;
}

Result<LlmEstimate> estimate_tensorrt_llm(const LlmRequest& request, const TensorRtLlmOptions& o) {
  if (std::optional<Error> error = refused(request, o)) return *std::move(error);
  LlmEstimate estimate;
  Rank tightest;
  double bytes_per_token = 0;
  for (int stage = 0; stage < o.pipeline_parallel_size; ++stage) {
    const Rank rank = rank_of(request, o, stage);
    bytes_per_token += number(add(rank.block_bytes, rank.window_bytes)) / number(o.tokens_per_block);
    if (stage == 0 || rank.pool.expected < tightest.pool.expected) tightest = rank;
    for (std::int64_t i = 0; i < o.tensor_parallel_size; ++i) {
      write_rank(request, o, rank, gpu(static_cast<int>(stage * o.tensor_parallel_size + i)), estimate.ledger);
    }
  }
  const auto put = [&](std::string_view name, double value, std::string_view unit) {
    estimate.figures.push_back({name, value, unit});
  };
  put("kv_bytes_per_token_per_gpu", bytes_per_token / number(o.pipeline_parallel_size), "bytes");
  put("weights_per_gpu", number(tightest.weights), "bytes");
  const Bytes block = add(tightest.block_bytes, tightest.window_bytes);
  if (capacity_bytes(request.machine) > 0 && block > 0) {
    const std::int64_t blocks = tightest.pool.expected / block;
    const Bytes one = wanted_bytes(tightest, o, 1, o.max_seq_len);
    estimate.figures.push_back({"available_kv_cache_memory", number(tightest.pool.expected), "bytes",
                                number(tightest.pool.low), number(tightest.pool.high)});
    put("num_gpu_blocks", number(blocks), "");
    put("block_size", number(o.tokens_per_block), "tokens");
    put("kv_cache_tokens", number(mul(blocks, o.tokens_per_block)), "tokens");
    if (one > 0) put("max_concurrency", number(tightest.pool.expected) / number(one), "requests");
    if (one > tightest.pool.expected) {
      estimate.warnings.push_back(
          {"/engine/max_seq_len", "TensorRT-LLM would cut max_seq_len to what the cache holds: one sequence of " +
                                      std::to_string(o.max_seq_len) + " tokens does not fit into the pool"});
    }
  }
  if (request.sequences > o.max_batch_size) {
    estimate.warnings.push_back(
        {"/engine/max_batch_size", "more sequences than max_batch_size: the rest would wait in the queue"});
  }
  estimate.warnings.push_back(
      {"/engine/name",
       "TensorRT-LLM's rules are from its source; none of its logs with all terms was at hand, so "
       "activations, graphs and the pool are not verified by measurements"});
  return estimate;
}

}  // namespace vram
