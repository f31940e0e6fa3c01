// llama.cpp v0.5.0 (commit de3ff81): a ledger of its buffers, device by device.
#include <algorithm>

#include "llm/engines/engines.hpp"
#include "llm/engines/llama_cpp/cache.hpp"
#include "llm/engines/llama_cpp/co_residents.hpp"
#include "llm/engines/llama_cpp/kept.hpp"
#include "llm/engines/llama_cpp/placement.hpp"
#include "llm/engines/llama_cpp/settings.hpp"

namespace vram {

using namespace llama_cpp;

namespace {

constexpr std::string_view kWeightsSource =
    "llama.cpp v0.5.0 src/llama-model.cpp load_tensors, src/llama-quant.cpp, ggml-cuda.cu get_alloc_size";
constexpr std::string_view kCacheSource = "llama.cpp v0.5.0 src/llama-kv-cache.cpp, src/llama-kv-cache-iswa.cpp";
constexpr std::string_view kStateSource = "llama.cpp v0.5.0 src/llama-memory-recurrent.cpp, src/llama-hparams.cpp";
constexpr std::string_view kComputeSource =
    "llama.cpp v0.5.0 src/llama-graph.cpp, src/models, ggml-backend.cpp, ggml-alloc.c: the graph replayed";
constexpr std::string_view kOutputSource = "llama.cpp v0.5.0 src/llama-context.cpp output_reserve";

bool has_tower(const Model& model) {
  return std::any_of(model.tensors.begin(), model.tensors.end(),
                     [](const Tensor& tensor) { return tensor.part == Part::tower && tensor.elements() > 0; });
}

double number(std::int64_t value) { return static_cast<double>(value); }

struct DeviceSums {
  Bytes weights = 0;
  CacheBytes cache;
};

// The caches of all layers, equal ones computed once.
class CacheOfLayers {
 public:
  CacheOfLayers(const Model& model, const Settings& s, Kept& kept)
      : model_(model), s_(s), kinds_(kept.kinds), known_(2 * model.layers.size()) {
    if (!kinds_.empty()) return;
    std::vector<std::size_t> firsts;
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
      const auto same = std::find_if(firsts.rbegin(), firsts.rend(),
                                     [&](std::size_t j) { return model.layers[j] == model.layers[i]; });
      kinds_.push_back(same == firsts.rend() ? i : *same);
      if (same == firsts.rend()) firsts.push_back(i);
    }
  }

  const CacheBytes& of(std::size_t layer, bool on_gpu) {
    std::optional<CacheBytes>& known = known_[2 * kinds_[layer] + on_gpu];
    if (!known) known = cache_of(model_, model_.layers[layer], s_, on_gpu);
    return *known;
  }

 private:
  const Model& model_;
  const Settings& s_;
  std::vector<std::size_t>& kinds_;
  std::vector<std::optional<CacheBytes>> known_;
};

class LedgerWriter {
 public:
  LedgerWriter(const LlmRequest& request, const Settings& settings) : model_(*request.model), s_(settings) {}

  void weights(Device device, Bytes bytes) {
    add(Kind::weights, "Weights", device, Interval::exact(bytes),
        "sum of tensors, each padded to its buffer's alignment",
        {{"n_gpu_layers", number(s_.n_gpu_layers)}, {"bytes", number(bytes)}}, kWeightsSource);
  }

  void cache(Device device, const CacheBytes& bytes) {
    const std::vector<Value> common = {{"n_ctx_seq", number(s_.n_ctx_seq)},
                                       {"n_stream", number(s_.n_stream)},
                                       {"bytes_k", s_.type_k->bytes_per_element()},
                                       {"bytes_v", s_.type_v->bytes_per_element()}};
    add(Kind::kv_cache, "KV cache", device, Interval::exact(bytes.full),
        "n_ctx_seq * n_stream * sum over layers (n_embd_k_gqa * bytes_k + n_embd_v_gqa * bytes_v)", common,
        kCacheSource);
    add(Kind::kv_cache, "KV cache, sliding-window layers", device, Interval::exact(bytes.window),
        "pad256(min(n_ctx_seq, n_swa * n_seq + n_ubatch)) * n_stream * sum over layers (n_embd_k_gqa * bytes_k + "
        "n_embd_v_gqa * bytes_v)",
        common, kCacheSource);
    add(Kind::kv_cache, "KV cache, indexer keys", device, Interval::exact(bytes.index),
        "n_ctx_seq * n_stream * sum over layers index_head_dim * bytes_k", common, kCacheSource);
    add(Kind::recurrent_state, "Recurrent state", device, Interval::exact(bytes.state),
        "4 * n_seq_max * sum over layers (n_embd_r + n_embd_s)", {{"n_seq_max", number(s_.n_seq)}}, kStateSource);
  }

  void compute(Device device, Interval bytes) {
    add(Kind::compute_buffer, "Compute buffer", device, bytes, "replay of the worst-case graph in ggml's allocator",
        {{"n_ubatch", number(s_.n_ubatch)},
         {"n_outputs", number(s_.n_outputs)},
         {"n_ctx_seq", number(s_.n_ctx_seq)},
         {"n_seq_max", number(s_.n_seq)}},
        kComputeSource);
  }

  void output() {
    add(Kind::output_buffer, "Output buffer", kHost, Interval::exact(product({4, s_.n_seq, model_.vocab_size})),
        "4 * n_seq_max * n_vocab", {{"n_seq_max", number(s_.n_seq)}, {"n_vocab", number(model_.vocab_size)}},
        kOutputSource);
  }

  // The vision encoder is a program of its own (mtmd) that loads its file, usually in 16 bits, onto the first GPU.
  void tower(Device device, bool as_stored) {
    WeightFormat f16 = *find_weight_format("fp16");
    f16.as_stored = as_stored;
    const Bytes bytes = vram::add(weight_bytes(model_, f16, Part::tower), weight_bytes(model_, f16, Part::projector));
    add(Kind::vision_tower, as_stored ? "Vision encoder (mmproj)" : "Vision encoder (mmproj, 16 bits)", device,
        Interval::exact(bytes), as_stored ? "sum of tensors" : "2 * parameters", {{"bytes", number(bytes)}},
        "llama.cpp v0.5.0 tools/mtmd/clip.cpp");
  }

  LlmEstimate take() { return std::move(estimate_); }
  LlmEstimate& estimate() { return estimate_; }

 private:
  void add(Kind kind, std::string_view label, Device device, Interval bytes, std::string_view formula,
           std::vector<Value> values, std::string_view source) {
    if (bytes.high <= 0) return;
    const Stages stages = kind == Kind::compute_buffer || kind == Kind::output_buffer ? kRunning : kInference;
    estimate_.ledger.entries.push_back({kind, label, device, stages, bytes, formula, std::move(values), source});
  }

  const Model& model_;
  const Settings& s_;
  LlmEstimate estimate_;
};

}  // namespace

LlamaCppOptions effective(const LlmRequest& request, const LlamaCppOptions& options) {
  const Settings s = settle(request, options);
  LlamaCppOptions filled = options;
  // What the engine would refuse stays as it was asked for, so that it is refused.
  const bool sane = !refused(request, options);
  if (sane && options.program != LlamaCppOptions::Program::koboldcpp) {
    filled.n_ctx = options.program == LlamaCppOptions::Program::ollama ? s.n_ctx / s.n_seq : s.n_ctx;
  } else if (sane && options.n_ctx == 0) {
    filled.n_ctx = mul(request.context, request.sequences);
  }
  filled.flash_attn = s.flash_attn;
  filled.n_batch = s.n_batch;
  filled.n_ubatch = s.n_ubatch;
  filled.n_seq_max = sane ? s.n_seq : options.n_seq_max;
  filled.n_gpu_layers = s.n_gpu_layers;
  filled.n_cpu_moe = s.n_cpu_moe;
  filled.n_outputs_max = options.n_outputs_max > 0   ? options.n_outputs_max
                         : options.n_outputs_max < 0 ? s.n_seq
                                                     : s.n_batch;
  filled.mmproj = options.mmproj && has_tower(*request.model);
  return filled;
}

Result<LlmEstimate> estimate_llama_cpp(const LlmRequest& request, const LlamaCppOptions& options, EstimateMemo& memo) {
  Result<LlmEstimate> result = estimate_one_model(request, options, memo);
  if (!result.ok()) return result;
  if (options.draft) {
    if (std::optional<Error> error = add_draft_model(request, options, memo, *result)) return *std::move(error);
  }
  if (options.mtp) add_mtp(request, options, *result);
  return result;
}

Result<LlmEstimate> llama_cpp::estimate_one_model(const LlmRequest& request, const LlamaCppOptions& options,
                                                  EstimateMemo& memo) {
  if (std::optional<Error> error = refused(request, options)) return *std::move(error);
  const Model& model = *request.model;
  const Settings s = settle(request, options);
  Kept& kept = memo.part<Kept>();
  const WeightPlan& plan = kept.plans.of({request.weights}, [&] { return plan_weights(model, request.weights); });
  const Placement& placement =
      kept.placements.of({s.n_gpu_layers, request.machine.count, s.one_gpu, s.main_gpu, s.tensor_split},
                         [&] { return place_layers(model, s, request.machine.count); });
  CacheOfLayers caches(model, s, kept);

  std::vector<DeviceSums> gpus(static_cast<std::size_t>(placement.gpus));
  DeviceSums host;
  host.weights = plan.input.host;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const int place = placement.layer[i];
    const bool experts_on_host = place == kOnHost || static_cast<std::int64_t>(i) < s.n_cpu_moe;
    DeviceSums& home = place == kOnHost ? host : gpus[static_cast<std::size_t>(place)];
    DeviceSums& expert_home = experts_on_host ? host : home;
    home.weights = add(home.weights, place == kOnHost ? plan.layers[i].host : plan.layers[i].gpu);
    expert_home.weights = add(expert_home.weights, experts_on_host ? plan.experts[i].host : plan.experts[i].gpu);
    const CacheBytes& cache = caches.of(i, s.offload_kqv && place != kOnHost);
    CacheBytes& sums = s.offload_kqv ? home.cache : host.cache;
    sums.full = add(sums.full, cache.full);
    sums.window = add(sums.window, cache.window);
    sums.state = add(sums.state, cache.state);
    sums.index = add(sums.index, cache.index);
  }
  // Tables of rotary factors are loaded once per place where layers live.
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    const bool here =
        std::find(placement.layer.begin(), placement.layer.end(), static_cast<int>(i)) != placement.layer.end();
    if (here) gpus[i].weights = add(gpus[i].weights, rope_table_bytes(model, true));
  }
  if (std::find(placement.layer.begin(), placement.layer.end(), kOnHost) != placement.layer.end()) {
    host.weights = add(host.weights, rope_table_bytes(model, false));
  }
  if (placement.output == kOnHost) {
    // A tied head is the embedding that is in RAM already, except where the head is created before the embedding
    // (src/models/gemma3n.cpp, gemma4.cpp): then there are two.
    const bool head_first = model.gguf_arch == "gemma3n" || model.gguf_arch == "gemma4";
    host.weights = add(host.weights, add(plan.output.host, head_first ? plan.tied_head.host : 0));
  } else {
    Bytes& weights = gpus[static_cast<std::size_t>(placement.output)].weights;
    weights = add(weights, add(plan.output.gpu, plan.tied_head.gpu));
  }
  const ComputeBuffers compute = compute_buffers(request, s, placement, plan, kept.graphs);

  LedgerWriter writer(request, s);
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    const Device device = gpu(placement.first_gpu + static_cast<int>(i));
    writer.weights(device, gpus[i].weights);
    if (i == 0 && options.mmproj) writer.tower(options.mmproj_offload ? device : kHost, request.weights.as_stored);
    writer.cache(device, gpus[i].cache);
    writer.compute(device, compute.gpu[i]);
  }
  writer.weights(kHost, host.weights);
  writer.cache(kHost, host.cache);
  writer.compute(kHost, compute.host);
  writer.output();

  LlmEstimate estimate = writer.take();
  Bytes cached = 0;
  for (const DeviceSums& sums : gpus)
    cached = add(cached, add(sums.cache.full, add(sums.cache.window, sums.cache.index)));
  cached = add(cached, add(host.cache.full, add(host.cache.window, host.cache.index)));
  Bytes largest = 0;
  for (const Interval& bytes : compute.gpu) largest = std::max(largest, bytes.expected);
  estimate.figures = {{"n_ctx", number(s.n_ctx), "tokens"},
                      {"n_ctx_per_seq", number(s.n_ctx_seq), "tokens"},
                      {"kv_cells", number(s.n_ctx), "cells"},
                      {"kv_cache", number(cached), "bytes"},
                      {"model_buffer", number(gpus.empty() ? 0 : gpus.front().weights), "bytes"},
                      {"compute_buffer", number(largest), "bytes"},
                      {"output_buffer", number(product({4, s.n_seq, model.vocab_size})), "bytes"}};
  if (compute.flash_on_cpu) {
    estimate.warnings.push_back(
        {"/engine/flash_attn",
         "CUDA has no flash-attention kernel for heads of this size: it would run on the CPU, and "
         "llama.cpp's own choice (auto) is to switch it off"});
  }
  if (options.mmproj) {  // tools/mtmd/clip.cpp, alloc_compute_meta
    estimate.warnings.push_back({"/engine/mmproj",
                                 "the vision encoder is counted with its weights alone: for its graph llama.cpp "
                                 "reserves a buffer of its own at "
                                 "load, larger for larger pictures"});
  }
  if (!compute.described) {
    estimate.warnings.push_back(
        {"/engine/name",
         "the graph of this architecture is not described: its compute buffer is estimated from a generic decoder"});
  }
  return estimate;
}

}  // namespace vram
