// SGLang 0.5 (main of 2026-06-08): python/sglang/srt/model_executor/model_runner_kv_cache_mixin.py
// (_profile_available_bytes, handle_max_mamba_cache, _resolve_max_num_reqs), pool_configurator.py (cell sizes, the two
// pools of models with windows). How layers are split is as in vLLM, whose layers SGLang started from.
#include <algorithm>
#include <cmath>

#include "llm/decoder_tape.hpp"
#include "llm/engines/sglang.hpp"
#include "llm/parts.hpp"
#include "llm/sharding.hpp"

namespace vram {
namespace {

constexpr std::int64_t kSlotsPerRequest = 3;  // with a radix cache (MAMBA_CACHE_SIZE_MAX_RUNNING_REQUESTS_RATIO)

std::int64_t attention_ranks(const SglangOptions& o) {
  return o.enable_dp_attention ? std::max<std::int64_t>(1, o.tp_size / o.dp_size) : o.tp_size;
}

Bytes token_bytes(const LlmRequest& request, const Layer& layer, std::int64_t ranks) {
  if (layer.latent) {
    const LatentAttention& a = *layer.latent;
    Bytes bytes = row_bytes(*request.type_k, a.kv_lora_rank + a.qk_rope_head_dim, 1);
    if (a.index_n_heads > 0) bytes = add(bytes, add(a.index_head_dim, ceil_div(a.index_head_dim, 128) * 4));
    return bytes;
  }
  if (!layer.attention || !layer.attention->caches) return 0;
  const Attention& a = *layer.attention;
  const std::int64_t heads = std::max<std::int64_t>(1, a.num_key_value_heads / ranks);
  return add(row_bytes(*request.type_k, mul(heads, a.head_dim), 1),
             row_bytes(*request.type_v, mul(heads, a.v_head_dim), 1));
}

void count_cache(const LlmRequest& request, const SglangOptions& o, StageLayers layers, SglangRank& rank) {
  const std::int64_t ranks = attention_ranks(o);
  double full = 0;
  double windowed = 0;
  for (std::int64_t i = layers.first; i < layers.last; ++i) {
    const Layer& layer = request.model->layers[static_cast<std::size_t>(i)];
    const bool window = layer.attention && layer.attention->span == Span::sliding && layer.attention->window > 0;
    (window ? windowed : full) += static_cast<double>(token_bytes(request, layer, ranks));
    if (layer.compressed) {
      const Bytes bytes = tight_cache_bytes(layer, *request.type_k, *request.type_v, o.context_length, 1);
      full += static_cast<double>(bytes) / static_cast<double>(o.context_length);
    }
    if (layer.state) {
      const std::int64_t elements = ceil_div(layer.state->state_elements, ranks);
      const std::int64_t conv = ceil_div(layer.state->conv_elements, ranks);
      rank.state_bytes = add(rank.state_bytes, add(mul(elements, 4), mul(conv, 2)));  // states in FP32
    }
  }
  rank.cell_bytes = full > 0 ? full + o.swa_full_tokens_ratio * windowed : windowed;
}

Interval share(Interval bytes, double of) {
  const auto part = [&](Bytes b) { return static_cast<Bytes>(std::floor(static_cast<double>(b) * of)); };
  return {part(bytes.low), part(bytes.expected), part(bytes.high)};
}

Bytes chunk_tokens(const SglangOptions& o) {
  return o.chunked_prefill_size > 0 ? o.chunked_prefill_size : std::max(o.max_prefill_tokens, o.context_length);
}

// The layers' tape, and logits of all requests in 16 and 32 bits with their probabilities. No log of SGLang prints
// them, hence the wide bounds.
Interval activations(const LlmRequest& request, const SglangOptions& o, StageLayers layers, bool last) {
  const Model& model = *request.model;
  if (model.hidden_size == 0) return {kGiB / 4, kGiB * 3 / 2, 8 * kGiB};
  const std::int64_t tokens = chunk_tokens(o);
  const DecoderPass pass{tokens, attention_ranks(o), mul(tokens, o.enable_dp_attention ? o.dp_size : 1),
                         ceil_div(o.tp_size, o.ep_size)};
  Bytes bytes = decoder_peak_bytes(model, pass, layers.first, layers.last);
  const std::int64_t rows = std::max<std::int64_t>(1, o.cuda_graph_max_bs);
  if (last)
    bytes = std::max(bytes, add(product({rows, model.vocab_size, 14}), product({tokens, model.hidden_size, 2})));
  return {bytes / 2, bytes, add(mul(bytes, 2), kGiB)};
}

}  // namespace

SglangRank sglang_rank(const LlmRequest& request, const SglangOptions& o, int stage) {
  const Model& model = *request.model;
  const OverheadProfile& p = request.profile;
  const Split split{attention_ranks(o), o.tp_size, o.ep_size > 1, o.pp_size};
  const StageLayers layers = layers_of_stage(stage, static_cast<std::int64_t>(model.layers.size()), o.pp_size);
  const std::int64_t gpus = mul(o.tp_size, o.pp_size);
  SglangRank rank;
  for (const Part part : {Part::text, Part::tower, Part::projector}) {
    rank.weights = add(rank.weights, rank_weight_bytes(request, split, part, stage));
  }
  rank.weights = add(rank.weights, add(rotary_bytes(model), stage == 0 ? model.opaque_bytes : 0));
  if (gpus > 1) rank.communication = {70 * kMiB, 500 * kMiB, 2560 * kMiB};
  const Bytes total = request.machine.gpu.memory_bytes_runtime > 0 ? request.machine.gpu.memory_bytes_runtime
                                                                   : request.machine.gpu.memory_bytes;
  const Interval taken = display_bytes(p, 0) +
                         Interval{p.runtime_context_low, p.runtime_context, p.runtime_context_high} +
                         rank.communication;
  rank.free_before = {add(total, -taken.high), add(total, -taken.expected), add(total, -taken.low)};
  rank.activations = activations(request, o, layers, stage == o.pp_size - 1);
  if (!o.disable_cuda_graph) {
    // server_args.py reserves 2 MiB a request of the largest graph and about 8 MiB a piece of prompts.
    const Bytes graphs = add(mul(2 * kMiB, o.cuda_graph_max_bs), 400 * kMiB);
    rank.graphs = {graphs / 8, graphs, mul(graphs, 3)};
  }
  count_cache(request, o, layers, rank);
  const Interval share_of_free = share(rank.free_before, o.mem_fraction_static);
  rank.pool = {add(share_of_free.low, -rank.weights), add(share_of_free.expected, -rank.weights),
               add(share_of_free.high, -rank.weights)};
  Bytes for_tokens = std::max<Bytes>(0, rank.pool.expected);
  if (rank.state_bytes > 0) {
    const double ratio = rank.cell_bytes > 0 ? o.mamba_full_memory_ratio / (1 + o.mamba_full_memory_ratio) : 1;
    const auto states = static_cast<Bytes>(static_cast<double>(for_tokens) * ratio);
    rank.state_slots =
        o.disable_radix_cache && o.max_running_requests > 0 ? o.max_running_requests : states / rank.state_bytes;
    for_tokens = std::max<Bytes>(0, add(for_tokens, -mul(rank.state_slots, rank.state_bytes)));
  }
  if (rank.cell_bytes > 0) {
    rank.tokens = static_cast<std::int64_t>(static_cast<double>(for_tokens) / rank.cell_bytes);
    if (o.max_total_tokens > 0) rank.tokens = std::min(rank.tokens, o.max_total_tokens);
    rank.tokens = rank.tokens / o.page_size * o.page_size;
  }
  rank.request_table = product({sglang_running_requests(rank, o), add(o.context_length, 4), 4});
  return rank;
}

std::int64_t sglang_running_requests(const SglangRank& rank, const SglangOptions& o) {
  const double estimated = static_cast<double>(rank.tokens) / static_cast<double>(o.context_length) * 512;
  auto bound = static_cast<std::int64_t>(std::clamp(estimated, 2048.0, 4096.0));
  bound = o.max_running_requests > 0 ? std::min(bound, o.max_running_requests) : std::min(bound, rank.tokens / 2);
  if (rank.state_bytes > 0) bound = std::min(bound, rank.state_slots / (o.disable_radix_cache ? 1 : kSlotsPerRequest));
  return std::max<std::int64_t>(0, bound);
}

Bytes sglang_wanted_bytes(const SglangRank& rank, const SglangOptions& o, std::int64_t sequences,
                          std::int64_t context) {
  const double tokens = static_cast<double>(mul(sequences, round_up(context, o.page_size)));
  const double cache = std::min(tokens * rank.cell_bytes, static_cast<double>(kMaxBytes));
  Bytes bytes = static_cast<Bytes>(std::ceil(cache));
  const std::int64_t slots = mul(sequences, o.disable_radix_cache ? 1 : kSlotsPerRequest);
  return add(bytes, mul(slots, rank.state_bytes));
}

}  // namespace vram
