// SGLang 0.5 (main of 2026-06-08): python/sglang/srt/server_args.py (_handle_gpu_memory_settings and checks). No
// start-up log with all terms was at hand: intervals are wide, and the ledger says so.
#include "llm/engines/sglang.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "llm/engines/engines.hpp"
#include "llm/parts.hpp"

namespace vram {
namespace {

constexpr std::string_view kSource =
    "SGLang 0.5 srt/model_executor/model_runner_kv_cache_mixin.py, pool_configurator.py";

double number(std::int64_t value) { return static_cast<double>(value); }

struct BatchDefaults {
  std::int64_t below_gib;
  std::int64_t chunked_prefill_size;
  std::int64_t graphs_few_ranks;  // tp_size below 4
  std::int64_t graphs_many_ranks;
};
constexpr BatchDefaults kBatches[] = {
    {20, 2048, 8, 8}, {35, 2048, 24, 80}, {60, 4096, 32, 160}, {160, 8192, 256, 512}, {1 << 20, 16384, 512, 512}};

bool has_latent(const Model& model) {
  return std::any_of(model.layers.begin(), model.layers.end(), [](const Layer& l) { return l.latent.has_value(); });
}

bool is_multimodal(const Model& model) {
  return std::any_of(model.tensors.begin(), model.tensors.end(), [](const Tensor& t) { return t.part == Part::tower; });
}

std::int64_t piecewise_graphs(std::int64_t most) {
  constexpr std::int64_t kSteps[][3] = {{4, 32, 4},      {48, 256, 16},     {288, 512, 32},
                                        {576, 1024, 64}, {1280, 4096, 256}, {4608, 1 << 20, 512}};
  std::int64_t sizes = 0;
  for (const auto& [first, last, step] : kSteps) {
    if (most >= first) sizes += (std::min(last, most) - first) / step + 1;
  }
  return sizes;
}

// The share that server_args.py leaves for weights and cache, in MiB as it computes.
double static_fraction(const LlmRequest& request, const SglangOptions& o) {
  const double total = number(request.machine.gpu.memory_bytes) / number(kMiB);
  if (total <= 0) return 0.88;
  const bool latent = has_latent(*request.model);
  const bool towers = is_multimodal(*request.model);
  double reserved = 512;
  reserved +=
      number(std::max<std::int64_t>(o.chunked_prefill_size > 0 ? o.chunked_prefill_size : o.max_prefill_tokens, 2048)) *
      1.5;
  reserved += number(o.cuda_graph_max_bs) * 2 + number(mul(o.tp_size, o.pp_size)) / 8 * 1024;
  if (o.enable_dp_attention) {
    reserved += number(mul(o.cuda_graph_max_bs, o.dp_size)) * (o.cuda_graph_max_bs > 300 ? 4.5 : 3);
  }
  if (o.pp_size == 1 && !towers) {
    reserved += latent ? 1536 : number(piecewise_graphs(o.chunked_prefill_size)) * 8;
  }
  if (total > 60 * 1024) reserved = std::max(reserved, 10.0 * 1024);
  const double fraction =
      static_cast<double>(static_cast<std::int64_t>((total - reserved) / total * 1000 + 0.5)) / 1000;
  return std::clamp(towers ? fraction * 0.95 : fraction, 0.01, 1.0);
}

std::optional<Error> refused(const LlmRequest& request, const SglangOptions& o) {
  const Model& model = *request.model;
  const auto error = [](const char* field, std::string message, std::int64_t value, std::string expected) {
    return Error{std::string("/engine/") + field, std::move(message), std::to_string(value), std::move(expected)};
  };
  if (o.tp_size < 1 || o.tp_size > request.machine.count / o.pp_size) {
    return error("tp_size", "tp_size x pp_size needs more GPUs than there are", o.tp_size,
                 "a product of at most " + std::to_string(request.machine.count));
  }
  if (o.pp_size > std::max<std::int64_t>(1, static_cast<std::int64_t>(model.layers.size()))) {
    return error("pp_size", "there are fewer layers than pipeline stages", o.pp_size,
                 "at most " + std::to_string(model.layers.size()));
  }
  if (o.enable_dp_attention && o.tp_size % o.dp_size != 0) {
    return error("dp_size", "with enable_dp_attention dp_size must divide tp_size", o.dp_size,
                 "a divisor of " + std::to_string(o.tp_size));
  }
  if (!o.enable_dp_attention && o.dp_size > 1) {
    return error("dp_size", "data parallelism without enable_dp_attention is several servers: estimate one of them",
                 o.dp_size, "1, or enable_dp_attention");
  }
  if (o.ep_size > 1 && !has_experts(model)) {
    return error("ep_size", "there are no experts to spread: the model is dense", o.ep_size, "1");
  }
  if (o.tp_size % o.ep_size != 0) {
    return error("ep_size", "ep_size must divide tp_size", o.ep_size, "a divisor of " + std::to_string(o.tp_size));
  }
  const std::int64_t ranks = o.enable_dp_attention ? o.tp_size / o.dp_size : o.tp_size;
  for (const Layer& layer : model.layers) {
    const std::int64_t heads = layer.attention ? layer.attention->num_attention_heads
                               : layer.latent  ? layer.latent->num_attention_heads
                                               : 0;
    if (heads > 0 && heads % ranks != 0) {
      return error("tp_size", "tp_size must divide the attention heads", o.tp_size,
                   "a divisor of num_attention_heads (" + std::to_string(heads) + ")");
    }
  }
  if (o.context_length < request.context) {
    return error("context_length", "context_length is shorter than the context asked for", o.context_length,
                 "at least the context (" + std::to_string(request.context) + ")");
  }
  return std::nullopt;
}

void write_rank(const LlmRequest& request, const SglangOptions& o, const SglangRank& rank, Device device,
                Ledger& ledger) {
  const auto put = [&](Kind kind, std::string_view label, Stages stages, Interval bytes, std::string_view formula,
                       std::vector<Value> values, std::string_view source) {
    if (bytes.high > 0)
      ledger.entries.push_back({kind, label, device, stages, bytes, formula, std::move(values), source});
  };
  const std::int64_t sequences = ceil_div(request.sequences, o.enable_dp_attention ? o.dp_size : 1);
  const Bytes wanted = sglang_wanted_bytes(rank, o, sequences, request.context);
  put(Kind::weights, "Weights", kInference, Interval::exact(rank.weights), "shard(tensors, tp_size, stage)",
      {{"tp_size", number(o.tp_size)}, {"pp_size", number(o.pp_size)}}, "SGLang 0.5 srt/layers/linear.py");
  put(Kind::kv_cache, "KV cache", kRunning, Interval::exact(wanted), "sequences * (context * cell_size + state)",
      {{"cell_size", rank.cell_bytes}, {"state", number(rank.state_bytes)}}, kSource);
  put(Kind::activations, "Activations and logits", Stage::prefill, rank.activations,
      "max(peak(layer, chunked_prefill_size), cuda_graph_max_bs * vocab_size * 14)",
      {{"chunked_prefill_size", number(o.chunked_prefill_size)}},
      "tape of one layer; not checked against SGLang's logs");
  put(Kind::output_buffer, "Table of requests and their tokens", kInference, Interval::exact(rank.request_table),
      "max_running_requests * (context_length + 4) * 4",
      {{"max_running_requests", number(sglang_running_requests(rank, o))}}, "SGLang 0.5 srt/mem_cache/memory_pool.py");
  put(Kind::communication, "NCCL and all-reduce buffers", kInference, rank.communication, "by GPUs",
      {{"gpus", number(mul(o.tp_size, o.pp_size))}}, "as for vLLM, wider");
  put(Kind::cuda_graphs, "CUDA graphs", Stage::decode, rank.graphs, "cuda_graph_max_bs * 2 MiB + 400 MiB",
      {{"cuda_graph_max_bs", number(o.cuda_graph_max_bs)}},
      "what SGLang 0.5 srt/server_args.py reserves; 0.03 and 0.8 GiB in 2 logs");
  const Bytes total = capacity_bytes(request.machine);
  if (total <= 0) return;
  const Bytes pool = o.max_total_tokens > 0 ? std::min(rank.pool.expected, sglang_wanted_bytes(rank, o, 1, rank.tokens))
                                            : rank.pool.expected;
  if (wanted > pool) {
    // The pool is fixed before the first request: what does not fit into it does not fit, whatever else is free.
    const OverheadProfile& p = request.profile;
    const Bytes beside = add(add(rank.communication.expected, rank.request_table),
                             std::max(rank.activations.expected, rank.graphs.expected));
    const Bytes process = add(display_bytes(p, device.index).expected, add(p.runtime_context, p.framework));
    const Bytes left = add(add(total, -rank.weights), -add(pool, add(beside, process)));
    put(Kind::reserved, "Kept free by mem_fraction_static", kInference, Interval::exact(std::max<Bytes>(0, left)),
        "total - weights - pool - activations - context", {{"mem_fraction_static", o.mem_fraction_static}}, kSource);
  } else {
    put(Kind::kv_pool, "KV pool beyond the sequences asked for", kRunning, Interval::exact(add(pool, -wanted)),
        "free_before_load * mem_fraction_static - weights - kv_cache",
        {{"mem_fraction_static", o.mem_fraction_static}, {"free_before_load", number(rank.free_before.expected)}},
        kSource);
  }
}

}  // namespace

SglangOptions effective(const LlmRequest& request, const SglangOptions& options) {
  SglangOptions o = options;
  o.pp_size = std::max<std::int64_t>(1, o.pp_size);
  if (o.tp_size == 0) o.tp_size = std::max<std::int64_t>(1, request.machine.count / o.pp_size);
  if (o.context_length == 0) o.context_length = request.context;
  const Bytes memory = request.machine.gpu.memory_bytes > 0 ? request.machine.gpu.memory_bytes : 40 * kGiB;
  const BatchDefaults* batch = kBatches;
  while (memory >= batch->below_gib * kGiB && batch + 1 != std::end(kBatches)) ++batch;
  if (o.chunked_prefill_size == 0) o.chunked_prefill_size = batch->chunked_prefill_size;
  if (o.cuda_graph_max_bs == 0) {
    o.cuda_graph_max_bs = o.tp_size < 4 ? batch->graphs_few_ranks : batch->graphs_many_ranks;
  }
  if (o.mem_fraction_static == 0) o.mem_fraction_static = static_fraction(request, o);
  return o;
}

Result<LlmEstimate> estimate_sglang(const LlmRequest& request, const SglangOptions& o) {
  if (std::optional<Error> error = refused(request, o)) return *std::move(error);
  LlmEstimate estimate;
  SglangRank tightest;
  double bytes_per_token = 0;
  for (int stage = 0; stage < o.pp_size; ++stage) {
    const SglangRank rank = sglang_rank(request, o, stage);
    bytes_per_token += rank.cell_bytes;
    if (stage == 0 || rank.tokens < tightest.tokens) tightest = rank;
    for (std::int64_t i = 0; i < o.tp_size; ++i) {
      write_rank(request, o, rank, gpu(static_cast<int>(stage * o.tp_size + i)), estimate.ledger);
    }
  }
  const auto put = [&](std::string_view name, double value, std::string_view unit) {
    estimate.figures.push_back({name, value, unit});
  };
  put("kv_bytes_per_token_per_gpu", bytes_per_token / number(o.pp_size), "bytes");
  put("weights_per_gpu", number(tightest.weights), "bytes");
  if (capacity_bytes(request.machine) > 0) {
    estimate.figures.push_back({"available_kv_cache_memory", number(tightest.pool.expected), "bytes",
                                number(tightest.pool.low), number(tightest.pool.high)});
    put("max_total_num_tokens", number(tightest.tokens), "tokens");
    put("max_running_requests", number(sglang_running_requests(tightest, o)), "requests");
    put("max_concurrency", number(tightest.tokens) / number(o.context_length), "requests");
    if (tightest.state_bytes > 0) put("max_mamba_cache_size", number(tightest.state_slots), "requests");
    if (tightest.pool.expected <= 0 || (tightest.cell_bytes > 0 && tightest.tokens == 0)) {
      estimate.warnings.push_back({"/engine/mem_fraction_static",
                                   "SGLang would not start: the static share holds no token beside the weights; raise "
                                   "mem_fraction_static or use more GPUs"});
    } else if (tightest.cell_bytes > 0 && tightest.tokens < request.context) {
      estimate.warnings.push_back({"/context", "the pool holds " + std::to_string(tightest.tokens) +
                                                   " tokens: SGLang starts, and refuses longer requests"});
    }
  }
  estimate.warnings.push_back({"/engine/name",
                               "SGLang's rules are from its source; only bytes per token were compared with its logs, "
                               "the rest is not verified by measurements"});
  return estimate;
}

}  // namespace vram
