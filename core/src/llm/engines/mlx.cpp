// mlx-lm on Apple silicon. Checked against mlx-lm 0.32 (generate.py, models/cache.py, utils.py) and mlx
// (backend/metal/allocator.cpp). No measured record of this engine was at hand: weights and cache follow the code,
// activations are wide.
#include <algorithm>
#include <string>

#include "llm/engines/engines.hpp"
#include "llm/engines/transformers_tape.hpp"
#include "llm/parts.hpp"

namespace vram {
namespace {

constexpr std::int64_t kStep = 256;  // cells a KVCache grows by
constexpr std::string_view kCache = "mlx-lm 0.32 models/cache.py";

double number(std::int64_t value) { return static_cast<double>(value); }

struct CacheBytes {
  Bytes prefill = 0, decode = 0;
  Bytes largest = 0;  // of one layer
  Bytes state = 0;
};

CacheBytes cache_of(const LlmRequest& request, const MlxOptions& o) {
  const Model& model = *request.model;
  const Bytes element = compute_bytes(model) == 4 ? 2 : compute_bytes(model);
  CacheBytes sum;
  for (const Layer& layer : model.layers) {
    KvWidth width = kv_width(layer);
    if (layer.state)
      sum.state = add(sum.state, mul(request.sequences, add(mul(layer.state->state_elements, 4),
                                                            mul(layer.state->conv_elements, element))));
    if (width.k == 0 && width.v == 0) continue;
    const bool sliding = layer.attention && layer.attention->window > 0;
    std::int64_t window = sliding ? layer.attention->window : 0;
    if (o.max_kv_size > 0 && !sliding) window = o.max_kv_size;
    // RotatingKVCache holds window - 1 tokens beside the chunk that comes in.
    const std::int64_t step = std::min(o.prefill_step_size, request.context);
    const std::int64_t cells =
        window > 0 ? std::min(request.context, window) : round_up(cached_tokens(layer, request.context), kStep);
    const std::int64_t coming = window > 0 ? std::min(request.context, window + step - 1) : cells;
    const auto bytes = [&](std::int64_t tokens) {
      const std::int64_t elements = product({request.sequences, tokens, width.k + width.v});
      if (o.kv_bits > 0 && window == 0) {
        return add(ceil_div(mul(elements, o.kv_bits), 8), product({ceil_div(elements, o.kv_group_size), 2, element}));
      }
      return mul(elements, element);
    };
    sum.prefill = add(sum.prefill, bytes(coming));
    sum.decode = add(sum.decode, bytes(cells));
    sum.largest = std::max(sum.largest, bytes(coming));
  }
  return sum;
}

// Head sizes of the fused kernel (mlx backend/metal/scaled_dot_product_attention.cpp); others make the scores.
bool fused(const Layer& layer) {
  if (!layer.attention) return !layer.latent;
  const std::int64_t d = layer.attention->head_dim;
  return d == 64 || d == 80 || d == 128;
}

}  // namespace

MlxOptions effective(const LlmRequest&, const MlxOptions& options) { return options; }

Result<LlmEstimate> estimate_mlx(const LlmRequest& request, const MlxOptions& o) {
  const Model& model = *request.model;
  if (request.machine.count > 1) {
    return Error{"/gpu/count", "mlx-lm runs on the GPU of one computer", std::to_string(request.machine.count), "1"};
  }
  const WeightFormat& format = request.weights;
  using Scheme = WeightFormat::Scheme;
  if (format.scheme == Scheme::gguf || format.scheme == Scheme::exl || format.scheme == Scheme::bnb_int8 ||
      format.scheme == Scheme::bnb_nf4) {
    return Error{"/weights", "mlx-lm does not load this format", "\"" + std::string(format.id) + "\"",
                 "\"mlx_4bit\", \"mlx_8bit\", \"bf16\", for instance"};
  }
  LlmEstimate estimate;
  const auto put = [&](Kind kind, std::string_view label, Stages stages, Interval bytes, std::string_view formula,
                       std::vector<Value> values, std::string_view source) {
    if (bytes.high > 0)
      estimate.ledger.entries.push_back({kind, label, gpu(0), stages, bytes, formula, std::move(values), source});
  };
  put(Kind::weights, "Weights", kInference, Interval::exact(weight_bytes(model, format, Part::text)), "stored bytes",
      {}, "sum over the checkpoint's tensors in this format");
  const Bytes tower = add(weight_bytes(model, format, Part::tower), weight_bytes(model, format, Part::projector));
  put(Kind::vision_tower, "Vision and audio towers", kInference, Interval::exact(tower), "stored bytes", {},
      "mlx-vlm keeps them in 16 bits");

  const CacheBytes cache = cache_of(request, o);
  const std::vector<Value> sizes{{"sequences", number(request.sequences)},
                                 {"context", number(request.context)},
                                 {"prefill_step_size", number(o.prefill_step_size)}};
  if (cache.prefill == cache.decode) {
    put(Kind::kv_cache, "KV cache", kRunning, Interval::exact(cache.decode),
        "sequences * round_up(context, 256) * (k_bytes + v_bytes) over layers", sizes, kCache);
  } else {
    put(Kind::kv_cache, "KV cache while the prompt comes in", Stage::prefill, Interval::exact(cache.prefill),
        "sequences * min(context, window + prefill_step_size - 1) * (k_bytes + v_bytes) over layers", sizes, kCache);
    put(Kind::kv_cache, "KV cache", Stage::decode, Interval::exact(cache.decode),
        "sequences * min(round_up(context, 256), window) * (k_bytes + v_bytes) over layers", sizes, kCache);
  }
  put(Kind::recurrent_state, "Recurrent and convolution state", kRunning, Interval::exact(cache.state),
      "sequences * (4 * state_elements + bytes_per_element * conv_elements)", sizes, kCache);

  const std::int64_t chunk = std::min(o.prefill_step_size, request.context);
  Prefill prefill{request.sequences, chunk, model.hidden_size, 2,
                  TransformersOptions::AttnImplementation::flash_attention_2};
  prefill.keys = request.context;
  Bytes layer_bytes = 0;
  for (const Layer* layer : distinct_layers(model, 0, static_cast<std::int64_t>(model.layers.size()))) {
    prefill.attention = fused(*layer) ? TransformersOptions::AttnImplementation::flash_attention_2
                                      : TransformersOptions::AttnImplementation::eager;
    layer_bytes = std::max(layer_bytes, replay_live_bytes(prefill_tape(prefill, *layer)).peak_bytes);
  }
  // Work is queued ahead of the GPU: buffers of several operations wait for it.
  Interval activations{layer_bytes / 2, layer_bytes, mul(layer_bytes, 4)};
  if (model.hidden_size == 0) activations = {kGiB / 16, kGiB / 2, 4 * kGiB};
  put(Kind::activations, "Activations of a chunk of the prompt", Stage::prefill, activations,
      "peak(layer, sequences * prefill_step_size)", sizes, "tape of one layer; mlx runs ahead, how far is unverified");
  // Old and new buffer of a layer's cache while it grows, and what is freed but kept until the next clear_cache().
  put(Kind::fragmentation, "Buffers kept for reuse", kRunning,
      {0, add(cache.largest, activations.expected / 2), add(mul(cache.largest, 4), activations.high)},
      "largest layer's cache + half of the activations", {{"largest", number(cache.largest)}},
      "mlx backend/metal/allocator.cpp BufferCache; mlx-lm clears it after every chunk and every 256 tokens");
  if (request.machine.gpu.memory_bytes > 0 && request.machine.gpu.vendor != "apple" &&
      !request.machine.gpu.vendor.empty()) {
    estimate.warnings.push_back(
        {"/gpu", "MLX runs on Apple GPUs; its CUDA build is not what these rules were read from"});
  }
  estimate.warnings.push_back(
      {"/engine", "no measurements of mlx-lm were at hand: activations and kept buffers are unverified"});
  estimate.figures.push_back({"wired_limit", number(request.machine.gpu.memory_bytes), "bytes"});
  return estimate;
}

}  // namespace vram
