// What vLLM says at start-up: its figures, what it would refuse, and what this estimate leaves open.
#include <algorithm>
#include <cstdio>
#include <string>

#include "llm/engines/vllm_ledger.hpp"
#include "llm/parts.hpp"

namespace vram {
namespace {

double number(std::int64_t value) { return static_cast<double>(value); }

std::string gib_text(Bytes bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f GiB", static_cast<double>(bytes) / static_cast<double>(kGiB));
  return text;
}

// What the tightest rank gives all of them.
struct Pool {
  Interval available;
  std::int64_t blocks = 0;
  std::size_t rank = 0;
};

Pool tightest(const LlmRequest& request, const VllmOptions& o, const std::vector<Rank>& ranks) {
  Pool pool;
  bool found = false;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const Rank& rank = ranks[i];
    if (rank.layout.block_bytes == 0) continue;
    const Interval available = available_bytes(request, o, rank);
    const std::int64_t blocks = std::max<Bytes>(0, available.expected) / rank.layout.block_bytes;
    if (!found || blocks < pool.blocks || (blocks == 0 && available.expected < pool.available.expected)) {
      pool = {available, blocks, i};
    }
    found = true;
  }
  return pool;
}

// The checks that vLLM makes after its profile run, in the order in which it makes them: v1/worker/gpu_worker.py
// (init_device, from 0.9.1), v1/core/kv_cache_utils.py (check_enough_kv_cache_memory); V0: worker/worker.py
// (raise_if_cache_size_invalid).
void write_refusal(const LlmRequest& request, const VllmOptions& o, const std::vector<Rank>& ranks,
                   LlmEstimate& estimate) {
  const Pool pool = tightest(request, o, ranks);
  const CacheLayout& layout = ranks[pool.rank].layout;
  if (capacity_bytes(request.machine) <= 0 || layout.block_bytes == 0) return;
  const OverheadProfile& profile = request.profile;
  const Bytes free =
      add(runtime_bytes(request.machine), -add(display_bytes(profile, 0).expected, profile.runtime_context));
  const Bytes wanted = budget_bytes(request, o);
  const bool given = o.kv_cache_memory_bytes > 0 || o.num_gpu_blocks_override > 0;
  if (!given && o.version >= VllmVersion{0, 9, 1} && free < wanted) {
    estimate.warnings.push_back({"/engine/gpu_memory_utilization",
                                 "vLLM would not start: " + gib_text(free) + " are free before it loads anything, " +
                                     gib_text(wanted) + " are asked for; lower gpu_memory_utilization"});
  }
  const std::int64_t needed = blocks_per_request(layout, o, o.max_model_len);
  if (pool.blocks >= needed) return;
  if (pool.available.expected <= 0 || pool.blocks == 0) {
    estimate.warnings.push_back(
        {"/engine/gpu_memory_utilization",
         "vLLM would not start: no memory is left for cache blocks, " + gib_text(add(0, -pool.available.expected)) +
             " are missing per GPU; raise gpu_memory_utilization, use more GPUs or smaller weights"});
    return;
  }
  estimate.warnings.push_back(
      {"/engine/max_model_len", "vLLM would not start: one sequence of " + std::to_string(o.max_model_len) +
                                    " tokens needs " + gib_text(mul(needed, layout.block_bytes)) +
                                    " of KV cache per GPU and " + gib_text(pool.available.expected) +
                                    " are left; the longest max_model_len that fits is " +
                                    std::to_string(longest_request(layout, o, pool.blocks))});
}

}  // namespace

void write_figures(const LlmRequest& request, const VllmRules& rules, const VllmOptions& o,
                   const std::vector<Rank>& ranks, LlmEstimate& estimate) {
  double bytes_per_token = 0;
  for (const Rank& rank : ranks) bytes_per_token += rank.layout.bytes_per_token;
  estimate.figures.push_back(
      {"kv_bytes_per_token_per_gpu", bytes_per_token / static_cast<double>(ranks.size()), "bytes"});
  const Pool pool = tightest(request, o, ranks);
  const Rank& rank = ranks[pool.rank];
  const CacheLayout& layout = rank.layout;
  if (capacity_bytes(request.machine) <= 0 || layout.block_bytes == 0) return;
  const auto tokens = [&](Bytes available) {
    return printed_tokens(layout, rules, o, std::max<Bytes>(0, available) / layout.block_bytes);
  };
  const std::int64_t longest = longest_request(layout, o, pool.blocks);
  const auto put = [&](std::string_view name, double value, std::string_view unit) {
    estimate.figures.push_back({name, value, unit});
  };
  const auto put_range = [&](std::string_view name, Interval value, std::string_view unit) {
    estimate.figures.push_back({name, number(value.expected), unit, number(value.low), number(value.high)});
  };
  const Interval beside = Interval::exact(add(rank.tower, rank.draft)) + rank.adapters + rank.repacked;
  put_range("weights_per_gpu", rank.held() + beside, "bytes");
  put_range("available_kv_cache_memory", pool.available, "bytes");
  put("num_gpu_blocks", number(pool.blocks), "");
  put("block_size", number(layout.min_block_size), "tokens");
  put_range("kv_cache_tokens",
            {tokens(pool.available.low), tokens(pool.available.expected), tokens(pool.available.high)}, "tokens");
  put("max_concurrency", max_concurrency(layout, o, pool.blocks), "requests");
  put("largest_max_model_len", number(longest), "tokens");
}

void write_warnings(const LlmRequest& request, const VllmRules& rules, const VllmOptions& o,
                    const std::vector<Rank>& ranks, LlmEstimate& estimate) {
  const Model& model = *request.model;
  write_refusal(request, o, ranks, estimate);
  if (model.max_position_embeddings > 0 && o.max_model_len > model.max_position_embeddings) {
    estimate.warnings.push_back({"/context", "vLLM refuses a max_model_len beyond the model's own " +
                                                 std::to_string(model.max_position_embeddings) + " positions"});
  }
  if (request.sequences > o.max_num_seqs) {
    estimate.warnings.push_back(
        {"/engine/max_num_seqs", "more sequences than max_num_seqs: the rest would wait in the queue"});
  }
  if (ranks.front().encoder.high > 0) {
    estimate.warnings.push_back(
        {"/model",
         "how many patches vLLM sends through the tower in its profile run depends on the image processor, which a "
         "config.json does not describe: that peak may lie well below or above the expected one"});
  }
  if (o.enable_lora && has_experts(model)) {
    estimate.warnings.push_back({"/engine/enable_lora", "adapters of experts are not counted: vLLM 0.11 has none"});
  }
  if (o.version > VllmVersion{0, 11, 99}) {
    estimate.warnings.push_back(
        {"/engine/version",
         "of releases after 0.11 only what is known to matter was read: defaults, sampler, profiled CUDA graphs, how "
         "the cache is grouped and printed"});
  }
  if (rules.graphs_in_budget && !o.enforce_eager) {
    estimate.warnings.push_back({"/engine/enforce_eager",
                                 "this version takes its own estimate of the CUDA graphs off the cache; logs show 0.1 "
                                 "to several GiB, many times more with large batches of experts"});
  }
  if (ranks.front().layout.approximated) {
    estimate.warnings.push_back(
        {"/model", "compressed attention: vLLM's page layout is not modelled, the cache is counted at its tightest"});
  }
}

}  // namespace vram
