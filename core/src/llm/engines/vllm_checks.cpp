// vLLM 0.11: vllm/config/model.py (verify_with_parallel_config), config/parallel.py, config/scheduler.py
// (_verify_args), config/cache.py, config/lora.py, config/speculative.py; 0.7: vllm/config.py.
#include "llm/engines/vllm_checks.hpp"

#include <algorithm>
#include <string>

#include "llm/parts.hpp"
#include "vram/solve.hpp"

namespace vram {
namespace {

std::string text(VllmVersion v) {
  return std::to_string(v.major) + "." + std::to_string(v.minor) + (v.patch < 99 ? "." + std::to_string(v.patch) : "");
}

Error error(const char* field, std::string message, std::int64_t value, std::string expected) {
  return {std::string("/engine/") + field, std::move(message), std::to_string(value), std::move(expected)};
}

std::optional<Error> refused_splits(const LlmRequest& request, const VllmOptions& o) {
  const Model& model = *request.model;
  const std::int64_t tp = o.tensor_parallel_size;
  const auto layers = static_cast<std::int64_t>(model.layers.size());
  if (tp < 1 || tp > request.machine.count / mul(o.pipeline_parallel_size, o.data_parallel_size)) {
    return error("tensor_parallel_size",
                 "tensor_parallel_size x pipeline_parallel_size x data_parallel_size needs more GPUs than there are",
                 tp, "a product of at most " + std::to_string(request.machine.count));
  }
  if (o.pipeline_parallel_size > std::max<std::int64_t>(1, layers)) {
    return error("pipeline_parallel_size", "there are fewer layers than pipeline stages", o.pipeline_parallel_size,
                 "at most " + std::to_string(layers));
  }
  std::int64_t fewest_kv = 0;
  for (const Layer& layer : model.layers) {
    const std::int64_t heads = layer.attention ? layer.attention->num_attention_heads
                               : layer.latent  ? layer.latent->num_attention_heads
                                               : 0;
    if (heads > 0 && heads % tp != 0) {
      return error("tensor_parallel_size", "tensor_parallel_size must divide the attention heads", tp,
                   "a divisor of num_attention_heads (" + std::to_string(heads) + ")");
    }
    if (!layer.attention) continue;
    const std::int64_t kv = layer.attention->num_key_value_heads;
    fewest_kv = fewest_kv == 0 ? kv : std::min(fewest_kv, kv);
    if (kv % tp != 0 && tp % kv != 0) {
      return error("tensor_parallel_size",
                   "tensor_parallel_size must divide the key-value heads or be a multiple of them", tp,
                   "a divisor or multiple of num_key_value_heads (" + std::to_string(kv) + ")");
    }
  }
  if (o.enable_expert_parallel && !has_experts(model)) {
    return Error{"/engine/enable_expert_parallel", "there are no experts to spread: the model is dense", "true",
                 "false, or a mixture-of-experts model"};
  }
  if (const std::int64_t dcp = o.decode_context_parallel_size; dcp > 1) {
    if (o.version < VllmVersion{0, 10, 2}) {
      return error("decode_context_parallel_size", "decode context parallelism came with 0.10.2", dcp, "1");
    }
    const std::int64_t most = std::max<std::int64_t>(1, fewest_kv > 0 ? tp / fewest_kv : tp);
    if (most % dcp != 0) {
      return error("decode_context_parallel_size", "only ranks that hold the same key-value heads can share a context",
                   dcp, "a divisor of " + std::to_string(most));
    }
  }
  return std::nullopt;
}

std::optional<Error> refused_batches(const LlmRequest& request, const VllmRules& rules, const VllmOptions& o) {
  if (o.max_model_len < request.context) {
    return error("max_model_len", "max_model_len is shorter than the context asked for", o.max_model_len,
                 "at least the context (" + std::to_string(request.context) + ")");
  }
  if (o.max_num_batched_tokens < o.max_num_seqs) {
    return error("max_num_batched_tokens", "max_num_batched_tokens must not be less than max_num_seqs",
                 o.max_num_batched_tokens, "at least max_num_seqs (" + std::to_string(o.max_num_seqs) + ")");
  }
  if (!rules.chunked_prefill && o.max_num_batched_tokens < o.max_model_len) {
    return error("max_num_batched_tokens", "without chunked prefill a prompt must fit into one batch",
                 o.max_num_batched_tokens, "at least max_model_len (" + std::to_string(o.max_model_len) + ")");
  }
  const std::int64_t block = o.block_size;
  if (block < 1 || (block % 16 != 0 && block != 1 && block != 8)) {
    return error("block_size", "vLLM has no cache blocks of this size", block, "1, 8, or a multiple of 16");
  }
  if (o.max_num_batched_tokens < block && o.max_num_batched_tokens < o.max_model_len) {
    return error("max_num_batched_tokens", "a batch holds less than one block of the cache", o.max_num_batched_tokens,
                 "at least block_size (" + std::to_string(block) + ")");
  }
  return std::nullopt;
}

}  // namespace

std::optional<Error> refused_as_given(const LlmRequest& request, const VllmOptions& o) {
  if (o.version < kOldestVllm || o.version > kNewestVllm) {
    return Error{"/engine/version", "the rules of this release of vLLM are not known", "\"" + text(o.version) + "\"",
                 "a release from 0.6 to 0.30"};
  }
  if (o.use_v1 && !*o.use_v1 && o.version >= VllmVersion{0, 11, 0}) {
    return Error{"/engine/use_v1", "0.11 and later have no V0 engine", "false", "true, or a version before 0.11"};
  }
  if (o.gpu_memory_utilization < 0 || o.gpu_memory_utilization > 1) {
    return Error{"/engine/gpu_memory_utilization", "gpu_memory_utilization must be a share of the GPU",
                 std::to_string(o.gpu_memory_utilization), "a number above 0, at most 1"};
  }
  if (o.kv_cache_memory_bytes > 0 && o.version < VllmVersion{0, 11, 0}) {
    return error("kv_cache_memory_bytes", "kv_cache_memory_bytes came with 0.11", o.kv_cache_memory_bytes,
                 "gpu_memory_utilization, or version 0.11 and later");
  }
  if (o.pipeline_parallel_size < 1 || o.data_parallel_size < 1 ||
      mul(o.pipeline_parallel_size, o.data_parallel_size) > request.machine.count) {
    const bool pipeline = o.data_parallel_size <= 1;
    return error(pipeline ? "pipeline_parallel_size" : "data_parallel_size",
                 "pipeline_parallel_size x data_parallel_size needs more GPUs than there are",
                 pipeline ? o.pipeline_parallel_size : o.data_parallel_size,
                 "a product of at most " + std::to_string(request.machine.count));
  }
  constexpr std::int64_t kRanks[] = {8, 16, 32, 64, 128, 256, 320, 512};
  if (o.enable_lora && std::find(std::begin(kRanks), std::end(kRanks), o.max_lora_rank) == std::end(kRanks)) {
    return error("max_lora_rank", "vLLM has no adapter slots of this rank", o.max_lora_rank,
                 "8, 16, 32, 64, 128, 256, 320 or 512");
  }
  if (o.speculative_config.method == Speculation::Method::mtp && request.model->mtp_layers <= 0) {
    return Error{"/engine/speculative_config/method", "the model has no multi-token-prediction layers", "\"mtp\"",
                 "ngram, eagle or draft_model"};
  }
  return std::nullopt;
}

std::optional<Error> refused(const LlmRequest& request, const VllmRules& rules, const VllmOptions& o) {
  if (std::optional<Error> found = refused_as_given(request, o)) return found;
  if (std::optional<Error> found = refused_splits(request, o)) return found;
  return refused_batches(request, rules, o);
}

}  // namespace vram
