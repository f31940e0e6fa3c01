// Source: llama.cpp v0.5.0 (de3ff81), common/speculative.cpp (common_base_params_to_speculative: the draft's context
// repeats the target's, with one output per sequence), src/llama-model.cpp (the cache of a context of type MTP).
#include "llm/engines/llama_cpp/co_residents.hpp"

#include <algorithm>
#include <cmath>

#include "llm/engines/engines.hpp"
#include "llm/engines/llama_cpp/cache.hpp"
#include "llm/engines/llama_cpp/compute.hpp"
#include "llm/engines/llama_cpp/kept.hpp"
#include "llm/engines/llama_cpp/placement.hpp"
#include "llm/engines/llama_cpp/settings.hpp"
#include "llm/parts.hpp"

namespace vram::llama_cpp {
namespace {

constexpr std::string_view kSource = "llama.cpp v0.5.0 common/speculative.cpp, src/llama-model.cpp";

std::string_view draft_label(Kind kind) {
  switch (kind) {
    case Kind::weights: return "Draft model, weights";
    case Kind::kv_cache: return "Draft model, KV cache";
    case Kind::recurrent_state: return "Draft model, recurrent state";
    case Kind::compute_buffer: return "Draft model, compute buffer";
    case Kind::output_buffer: return "Draft model, output buffer";
    default: return "Draft model";
  }
}

std::string draft_path(const std::string& path) {
  if (path == "/kv_cache/k") return "/engine/type_k_draft";
  if (path == "/kv_cache/v") return "/engine/type_v_draft";
  if (path == "/weights") return "/engine/model_draft/weights";
  if (path == "/engine/name") return "/engine/model_draft/model";
  return path;
}

}  // namespace

std::optional<Error> add_draft_model(const LlmRequest& request, const LlamaCppOptions& options, EstimateMemo& memo,
                                     LlmEstimate& estimate) {
  const DraftModel& draft = *options.draft;
  LlamaCppOptions own = options;
  own.draft = nullptr;
  own.mtp = false;
  own.mmproj = false;
  own.n_cpu_moe = 0;
  own.n_gpu_layers = draft.n_gpu_layers;
  own.n_outputs_max = -1;
  own.flash_attn = has_flash_kernels(draft.model) ? options.flash_attn : std::optional<bool>(false);
  LlmRequest other = request;
  other.model = &draft.model;
  other.weights = draft.weights;
  other.type_k = draft.type_k;
  other.type_v = draft.type_v;
  other.engine = own;
  Result<LlmEstimate> result =
      estimate_one_model(other, effective(other, own), memo.part<KeptOfDraft>().memo_for(options.draft));
  if (!result.ok()) {
    Error error = result.error();
    error.path = draft_path(error.path);
    return error;
  }
  for (Entry& entry : result->ledger.entries) {
    entry.label = draft_label(entry.kind);
    estimate.ledger.entries.push_back(std::move(entry));
  }
  for (Warning& warning : result->warnings) {
    estimate.warnings.push_back({"/engine/model_draft", "draft model: " + warning.message});
  }
  return std::nullopt;
}

void add_mtp(const LlmRequest& request, const LlamaCppOptions& options, LlmEstimate& estimate) {
  const Model& model = *request.model;
  if (model.mtp_layers <= 0 || model.layers.empty()) {
    estimate.warnings.push_back({"/engine/mtp", "this model has no multi-token-prediction layers"});
    return;
  }
  const auto count = static_cast<std::size_t>(std::ceil(model.mtp_layers));
  // The prediction layers look like the last layer that attends (src/models: load_block_mtp).
  Model head = model;
  const auto last = std::find_if(model.layers.rbegin(), model.layers.rend(),
                                 [](const Layer& layer) { return layer.attention || layer.latent; });
  head.layers.assign(count, last != model.layers.rend() ? *last : model.layers.back());
  LlmRequest other = request;
  other.model = &head;
  LlamaCppOptions own = options;
  own.n_outputs_max = -1;
  const Settings s = settle(other, own);
  const bool on_gpu = options.n_gpu_layers >= static_cast<std::int64_t>(model.layers.size());
  const Placement target = place_layers(model, settle(request, options), request.machine.count);
  const Device device = on_gpu ? gpu(target.first_gpu + std::max(target.output, 0)) : kHost;
  const auto entry = [&](Kind kind, std::string_view label, Device where, Interval bytes, std::string_view formula) {
    if (bytes.high <= 0) return;
    const Stages stages = kind == Kind::compute_buffer ? kRunning : kInference;
    estimate.ledger.entries.push_back(
        {kind, label, where, stages, bytes, formula, {{"layers", static_cast<double>(count)}}, kSource});
  };
  entry(Kind::weights, "Prediction layers (MTP), weights", device,
        Interval::exact(weight_bytes(model, request.weights, Part::mtp)),
        "sum of the tensors of the prediction layers");
  Bytes cached = 0;
  for (const Layer& layer : head.layers) {
    const CacheBytes bytes = cache_of(head, layer, s, on_gpu && options.offload_kqv);
    cached = add(cached, add(bytes.full, add(bytes.window, bytes.index)));
  }
  entry(Kind::kv_cache, "Prediction layers (MTP), KV cache", options.offload_kqv ? device : kHost,
        Interval::exact(cached), "n_ctx_seq * n_stream * layers (n_embd_k_gqa * bytes_k + n_embd_v_gqa * bytes_v)");
  // The graph of the head is not described one to one: a decoder of so many layers stands in for it.
  const Placement single = place_layers(head, s, 1);
  GraphFamilies graphs;
  const ComputeBuffers compute = compute_buffers(other, s, single, plan_weights(head, request.weights), graphs);
  const Bytes bytes = compute.gpu.empty() ? 0 : compute.gpu.front().expected;
  entry(Kind::compute_buffer, "Prediction layers (MTP), compute buffer", device, {bytes / 2, bytes, mul(bytes, 2)},
        "replay of a decoder of as many layers");
}

}  // namespace vram::llama_cpp
