// Each rule with the change that brought it, in vllm-project/vllm. Releases were read from 0.6.1 to 0.11.0 in full,
// later ones as far as named here.
#include "llm/engines/vllm_rules.hpp"

#include <algorithm>
#include <charconv>

#include "llm/parts.hpp"

namespace vram {
namespace {

constexpr VllmVersion kUnpatched{0, 0, 999};  // "0.9": the last release of that line

int major_capability(const Gpu& gpu) {
  int major = 0;
  std::from_chars(gpu.compute_capability.data(), gpu.compute_capability.data() + gpu.compute_capability.size(), major);
  return major;
}

bool named(const Gpu& gpu, std::string_view what) {
  const auto has = [&](const std::string& text) {
    return std::search(text.begin(), text.end(), what.begin(), what.end(), [](char a, char b) {
             return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
           }) != text.end();
  };
  return has(gpu.name) || has(gpu.id);
}

// engine/arg_utils.py: the larger defaults went to H100 and H200 by name, in 0.8.5 to every GPU of 70 GiB and more
// (#17073), from 0.9.0 on to all of those but the A100 (#17885).
bool large_defaults(VllmVersion version, const Gpu& gpu) {
  if (version < VllmVersion{0, 8, 5}) return named(gpu, "h100") || named(gpu, "h200");
  if (gpu.memory_bytes < 70 * kGiB) return false;
  return version < VllmVersion{0, 9, 0} || !named(gpu, "a100");
}

bool any_layer(const Model& model, bool (*asks)(const Layer&)) {
  return std::any_of(model.layers.begin(), model.layers.end(), asks);
}

bool is_latent(const Layer& layer) { return layer.latent.has_value(); }
bool is_sparse(const Layer& layer) { return layer.latent && layer.latent->index_n_heads > 0; }
bool is_windowed(const Layer& layer) {
  return layer.attention && (layer.attention->span == Span::sliding || layer.attention->span == Span::chunked);
}

bool is_multimodal(const Model& model) {
  return std::any_of(model.tensors.begin(), model.tensors.end(), [](const Tensor& t) { return t.part == Part::tower; });
}

// engine/arg_utils.py, _is_v1_supported_oracle (#13726): V1 by default from 0.8.0 on, on GPUs of compute capability 8
// and above; without GGUF, state-space layers (to 0.9), or pipelines outside Ray (to 0.9). V0 is gone since 0.11.0.
bool takes_v1(const LlmRequest& request, const VllmOptions& o) {
  if (o.version >= VllmVersion{0, 11, 0}) return true;
  if (o.use_v1) return *o.use_v1;
  if (o.version < VllmVersion{0, 8, 0}) return false;
  const int capability = major_capability(request.machine.gpu);
  if (capability > 0 && capability < 8) return false;
  if (request.weights.scheme == WeightFormat::Scheme::gguf) return false;
  if (o.version < VllmVersion{0, 10, 0}) {
    if (any_layer(*request.model, [](const Layer& layer) { return layer.state.has_value(); })) return false;
    if (o.pipeline_parallel_size > 1) return false;
  }
  using Method = Speculation::Method;
  const Method method = o.speculative_config.method;
  return method == Method::none || o.version >= VllmVersion{0, 9, 0};
}

// platforms/cuda.py, check_and_update_config: FlashMLA (compute capability 9, from 0.8.0) takes blocks of 64, CUTLASS
// MLA (10, from 0.9.0) of 128, sparse attention of 64; all else 16.
std::int64_t block_size(const LlmRequest& request, VllmVersion version) {
  const Model& model = *request.model;
  const int capability = major_capability(request.machine.gpu);
  if (any_layer(model, is_sparse)) return 64;
  if (!any_layer(model, is_latent) || version < VllmVersion{0, 8, 0}) return 16;
  if (capability >= 10 && version >= VllmVersion{0, 9, 0}) return 128;
  return capability == 9 ? 64 : 16;
}

void v0_batches(const LlmRequest& request, const VllmOptions& o, VllmRules& rules) {
  const Model& model = *request.model;
  // arg_utils.py, create_engine_config: above 32k prompts are cut, unless the model has windows, images or adapters.
  rules.chunked_prefill = o.max_model_len > 32768 && !any_layer(model, is_windowed) && !is_multimodal(model) &&
                          !o.enable_lora && o.speculative_config.method == Speculation::Method::none;
  if (o.version >= VllmVersion{0, 7, 3} && any_layer(model, is_latent)) rules.chunked_prefill = true;  // #12639
  if (o.enable_chunked_prefill) rules.chunked_prefill = *o.enable_chunked_prefill;
  // config.py, SchedulerConfig; 512 until #10544 (0.6.5).
  const std::int64_t chunk = o.version < VllmVersion{0, 6, 5} ? 512 : 2048;
  rules.max_num_batched_tokens = rules.chunked_prefill ? chunk : std::max<std::int64_t>(o.max_model_len, 2048);
  if (is_multimodal(model)) rules.max_num_batched_tokens = std::max<std::int64_t>(rules.max_num_batched_tokens, 5120);
  rules.max_num_seqs = 256;
}

// v1/sample/ops/topk_topp_sampler.py and v1/worker/gpu_model_runner.py, _dummy_sampler_run (#14508, 0.8.0).
void samplers(const VllmOptions& o, VllmRules& rules) {
  const VllmVersion v = o.version;
  rules.profiles_sampler = !rules.v1 || v >= VllmVersion{0, 8, 0};
  if (rules.v1 && v >= VllmVersion{0, 21, 0}) {
    rules.sampler = VllmSampler::in_place;  // FlashInfer by default (#40376), else Triton (#33538)
  } else if (rules.v1 && v >= VllmVersion{0, 17, 0}) {
    rules.sampler = VllmSampler::in_place;
  }
  rules.least_sampler = rules.most_sampler = rules.sampler;
  if (rules.v1) {
    // To 0.11.0 whether FlashInfer is installed decides (off since #26859); 0.16 to 0.18 lie around #33538.
    if (v <= VllmVersion{0, 11, 0}) rules.least_sampler = VllmSampler::in_place;
    if (v >= VllmVersion{0, 16, 0} && v < VllmVersion{0, 19, 0}) {
      rules.least_sampler = VllmSampler::in_place;
      rules.most_sampler = VllmSampler::sort;
    }
  }
  if (o.use_flashinfer_sampler && rules.v1) {
    const bool sorts = !*o.use_flashinfer_sampler && v < VllmVersion{0, 17, 0};
    rules.sampler = rules.least_sampler = rules.most_sampler = sorts ? VllmSampler::sort : VllmSampler::in_place;
  }
}

}  // namespace

std::optional<VllmVersion> parse_vllm_version(std::string_view text) {
  if (!text.empty() && (text.front() == 'v' || text.front() == 'V')) text.remove_prefix(1);
  VllmVersion version = kUnpatched;
  int* const parts[] = {&version.major, &version.minor, &version.patch};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int i = 0; i < 3; ++i) {
    const auto [next, error] = std::from_chars(at, end, *parts[i]);
    if (error != std::errc{} || *parts[i] < 0 || *parts[i] > 9999) return std::nullopt;
    at = next;
    if (at == end) return i == 0 ? std::nullopt : std::optional(version);
    if (i < 2) {
      if (*at != '.') return std::nullopt;
      ++at;
    }
  }
  // What follows a release: ".1", ".post1", "rc1", "+cu128", ".dev5".
  return *at == '.' || *at == '+' || *at == '-' || *at == 'r' ? std::optional(version) : std::nullopt;
}

VllmRules vllm_rules(const LlmRequest& request, const VllmOptions& o) {
  const VllmVersion v = o.version;
  VllmRules rules;
  rules.v1 = takes_v1(request, o);
  // worker/worker.py: torch's peak plus all that is used besides, in 0.6.4; since #10511 (0.6.5) only what this process
  // added. V1 (v1/worker/gpu_worker.py) did as 0.6.4 until #19312 (0.9.1).
  rules.context_in_budget = rules.v1 ? v < VllmVersion{0, 9, 1} : v >= VllmVersion{0, 6, 4} && v < VllmVersion{0, 6, 5};
  // #30515 brought the estimate, #38284 made it the default together with 0.92.
  rules.graphs_in_budget = v >= VllmVersion{0, 21, 0};
  rules.gpu_memory_utilization = rules.graphs_in_budget ? 0.92 : 0.9;
  if (rules.v1) {
    const bool large = large_defaults(v, request.machine.gpu);
    rules.max_num_batched_tokens = large ? 8192 : 2048;  // `vllm serve`; the LLM class takes 16384 and 8192
    rules.max_num_seqs = v < VllmVersion{0, 8, 0} || large ? 1024 : 256;
    if (o.enable_chunked_prefill && !*o.enable_chunked_prefill) {
      rules.chunked_prefill = false;
      rules.max_num_batched_tokens = std::max(rules.max_num_batched_tokens, o.max_model_len);
    }
  } else {
    v0_batches(request, o, rules);
  }
  rules.block_size = block_size(request, v);
  samplers(o, rules);
  rules.latent_cache = v >= VllmVersion{0, 7, 1};                                           // #12528
  rules.latent_absorbed = rules.latent_cache && v < VllmVersion{0, 8, 0};                   // until #14770
  if (v >= VllmVersion{0, 7, 2} && v < VllmVersion{0, 8, 0}) rules.latent_alignment = 256;  // #12676 to #14842
  rules.hybrid_groups = rules.v1 && v >= VllmVersion{0, 9, 1} && !o.disable_hybrid_kv_cache_manager;  // #17996
  // v1/core/kv_cache_utils.py, _get_kv_cache_groups_uniform_page_size: 1 to 0.11.0, then 1.25, later 1.5.
  if (v > VllmVersion{0, 11, 0}) rules.group_ratio = v < VllmVersion{0, 17, 0} ? 1.25 : 1.5;
  rules.tokens_by_concurrency = v >= VllmVersion{0, 21, 0};  // #40694
  rules.text_only_by_limit = v >= VllmVersion{0, 11, 0};
  // config: sizes to 512 in steps of 8 (V0: to 256); from 0.11.1 on to twice max_num_seqs, at most 512.
  rules.largest_graph = rules.v1 ? 512 : 256;
  rules.wide_graph_steps = v > VllmVersion{0, 11, 0};
  return rules;
}

std::int64_t captured_sizes(const VllmRules& rules, const VllmOptions& o) {
  if (o.enforce_eager) return 0;
  if (!o.cudagraph_capture_sizes.empty()) return static_cast<std::int64_t>(o.cudagraph_capture_sizes.size());
  std::int64_t largest = std::min(rules.largest_graph, o.max_num_batched_tokens);
  if (!rules.v1) largest = std::min(largest, round_up(o.max_num_seqs, 8));
  if (rules.wide_graph_steps) largest = std::min(largest, mul(2, o.max_num_seqs));
  const std::int64_t small = std::min<std::int64_t>(3, largest);
  if (rules.wide_graph_steps && largest > 256) return small + 31 + (largest - 256) / 16 + 1;
  return small + largest / 8;
}

}  // namespace vram
