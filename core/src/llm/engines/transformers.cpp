// Hugging Face transformers generate(): weights, the cache objects, the prefill's activations.
// Checked against transformers 4.57: cache_utils.py, generation/utils.py; accelerate 1.10 utils/modeling.py
// (get_balanced_memory, infer_auto_device_map) for several GPUs. No start-up figures of this engine were at hand:
// the terms follow the code, the intervals are wide.
#include <algorithm>
#include <string>
#include <vector>

#include "llm/engines/engines.hpp"
#include "llm/engines/transformers_tape.hpp"
#include "llm/parts.hpp"

namespace vram {
namespace {

constexpr std::string_view kCacheSource = "transformers 4.57 cache_utils.py";

double number(std::int64_t value) { return static_cast<double>(value); }

// GGUF files are unpacked while loading (modeling_gguf_pytorch_utils.py).
WeightFormat loaded_format(const LlmRequest& request) {
  if (request.weights.scheme != WeightFormat::Scheme::gguf) return request.weights;
  return *find_weight_format(compute_bytes(*request.model) == 4 ? "fp32" : "bf16");
}

// Device map "auto": whole layers in order; every GPU but the last takes at most an even share and a quarter more than
// the largest layer, the first leaves room for the largest layer.
struct Placement {
  std::vector<int> gpu_of_layer;
  std::vector<Bytes> weights;  // per GPU, towers apart
};

Placement place(const LlmRequest& request, const WeightFormat& format) {
  const Model& model = *request.model;
  const auto layers = model.layers.size();
  std::vector<Bytes> layer_bytes(layers, 0);
  Bytes first = 0, last = 0, opaque = 0;
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part != Part::text) continue;
    const Bytes bytes = stored_bytes(format, model, tensor);
    if (tensor.layer >= 0 && static_cast<std::size_t>(tensor.layer) < layers) {
      layer_bytes[static_cast<std::size_t>(tensor.layer)] =
          add(layer_bytes[static_cast<std::size_t>(tensor.layer)], bytes);
    } else if (tensor.role == Role::opaque) {
      opaque = add(opaque, bytes);
    } else if (tensor.role == Role::output || tensor.role == Role::output_norm) {
      last = add(last, bytes);
    } else {
      first = add(first, bytes);
    }
  }
  // A model known only by its size: every layer the same.
  for (std::size_t i = 0; i < layers && opaque > 0; ++i) {
    layer_bytes[i] = add(layer_bytes[i], opaque / static_cast<Bytes>(layers) +
                                             (static_cast<Bytes>(i) < opaque % static_cast<Bytes>(layers) ? 1 : 0));
  }
  const int count = request.machine.count;
  Placement placement{std::vector<int>(layers, 0), std::vector<Bytes>(static_cast<std::size_t>(count), 0)};
  Bytes total = add(first, last), largest = 0;
  for (const Bytes bytes : layer_bytes) {
    total = add(total, bytes);
    largest = std::max(largest, bytes);
  }
  const Bytes share = add(total / count, add(largest, largest / 4));
  int at = 0;
  placement.weights[0] = first;
  for (std::size_t i = 0; i < layers; ++i) {
    const Bytes room = at == 0 && count > 1 ? add(share, -largest) : share;
    const auto here = static_cast<std::size_t>(at);
    if (at + 1 < count && placement.weights[here] > 0 && add(placement.weights[here], layer_bytes[i]) > room) ++at;
    placement.gpu_of_layer[i] = at;
    placement.weights[static_cast<std::size_t>(at)] =
        add(placement.weights[static_cast<std::size_t>(at)], layer_bytes[i]);
  }
  placement.weights[static_cast<std::size_t>(at)] = add(placement.weights[static_cast<std::size_t>(at)], last);
  placement.weights.resize(static_cast<std::size_t>(at) + 1);
  return placement;
}

// Bytes of one layer's cache for all rows; keys and values are cached as the attention reads them, latent ones
// expanded.
struct LayerCache {
  Bytes kv = 0;
  Bytes k = 0;
  Bytes state = 0;
};

LayerCache layer_cache(const LlmRequest& request, const Layer& layer, std::int64_t rows) {
  const TensorType& k = *request.type_k;
  const TensorType& v = *request.type_v;
  LayerCache cache;
  if (layer.latent) {
    const LatentAttention& a = *layer.latent;
    const std::int64_t tokens = mul(request.context, rows);
    cache.k = row_bytes(k, mul(a.num_attention_heads, a.qk_nope_head_dim + a.qk_rope_head_dim), tokens);
    cache.kv = add(cache.k, row_bytes(v, mul(a.num_attention_heads, a.v_head_dim), tokens));
  } else {
    const KvWidth width = kv_width(layer);
    const std::int64_t tokens = mul(cached_tokens(layer, request.context), rows);
    cache.k = row_bytes(k, width.k, tokens);
    cache.kv = layer.compressed ? tight_cache_bytes(layer, k, v, request.context, rows)
                                : add(cache.k, row_bytes(v, width.v, tokens));
  }
  if (layer.state) {
    // The state in 32 bits; the convolution keeps d_conv columns, one more than it needs.
    const StateMixer& s = *layer.state;
    cache.state =
        mul(rows, add(mul(s.state_elements, 4), product({s.conv_channels, s.d_conv, compute_bytes(*request.model)})));
  }
  return cache;
}

Interval replayed(const Tape& tape, Bytes kept) {
  // Low: every byte reused. High: a quarter of the peak lies unused between blocks.
  const Bytes live = std::max<Bytes>(0, add(replay_live_bytes(tape).peak_bytes, -kept));
  const Bytes reserved = std::max(live, add(replay_torch_caching(tape).peak_bytes, -kept));
  return {live, reserved, add(reserved, reserved / 4)};
}

Interval larger(Interval a, Interval b) {
  return {std::max(a.low, b.low), std::max(a.expected, b.expected), std::max(a.high, b.high)};
}

}  // namespace

TransformersOptions effective(const LlmRequest&, const TransformersOptions& options) { return options; }

Result<LlmEstimate> estimate_transformers(const LlmRequest& request, const TransformersOptions& options) {
  const Model& model = *request.model;
  if (options.num_beams < 1) {
    return Error{"/engine/num_beams", "num_beams must be at least one", std::to_string(options.num_beams), "1 or more"};
  }
  const WeightFormat format = loaded_format(request);
  const Placement placement = place(request, format);
  const std::int64_t rows = mul(request.sequences, options.num_beams);
  const bool dynamic = options.cache_implementation == TransformersOptions::CacheImplementation::dynamic_cache;
  const Bytes tower = add(weight_bytes(model, format, Part::tower), weight_bytes(model, format, Part::projector));
  const Prefill prefill{rows, request.context, model.hidden_size, compute_bytes(model), options.attn_implementation};

  LlmEstimate estimate;
  std::vector<Entry>& entries = estimate.ledger.entries;
  Interval layer_activations;
  for (const Layer* layer : distinct_layers(model, 0, static_cast<std::int64_t>(model.layers.size()))) {
    layer_activations = larger(layer_activations, replayed(prefill_tape(prefill, *layer), 0));
  }
  if (model.hidden_size == 0) layer_activations = {kGiB / 8, kGiB, 6 * kGiB};  // known only by size: as wide as it gets

  const std::size_t gpus = placement.weights.size();
  for (std::size_t g = 0; g < gpus; ++g) {
    const Device device = gpu(static_cast<int>(g));
    LayerCache cache;
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
      if (placement.gpu_of_layer[i] != static_cast<int>(g)) continue;
      const LayerCache one = layer_cache(request, model.layers[i], rows);
      cache.kv = add(cache.kv, one.kv);
      cache.k = std::max(cache.k, one.k);
      cache.state = add(cache.state, one.state);
    }
    const auto put = [&](Kind kind, std::string_view label, Stages stages, Interval bytes, std::string_view formula,
                         std::vector<Value> values, std::string_view source) {
      if (bytes.high > 0) entries.push_back({kind, label, device, stages, bytes, formula, std::move(values), source});
    };
    put(Kind::weights, "Weights", kInference, Interval::exact(placement.weights[g]),
        "stored bytes of the layers on this GPU", {{"gpus", number(static_cast<std::int64_t>(gpus))}},
        "sum over the checkpoint's tensors in this format");
    if (g == 0) {
      put(Kind::vision_tower, "Vision and audio towers", kInference, Interval::exact(tower), "stored bytes",
          {{"tower", number(tower)}}, "sum over the checkpoint's tensors in this format");
    }
    put(Kind::kv_cache, dynamic ? "KV cache, grown token by token" : "KV cache, allocated at once", kRunning,
        // Unmeasured: blocks that were outgrown may lie idle.
        dynamic ? Interval{cache.kv, cache.kv, add(cache.kv, cache.kv / 10)} : Interval::exact(cache.kv),
        "sequences * num_beams * min(context, window) * (k_bytes + v_bytes) over layers",
        {{"sequences", number(request.sequences)},
         {"num_beams", number(options.num_beams)},
         {"context", number(request.context)}},
        kCacheSource);
    put(Kind::recurrent_state, "Recurrent and convolution state", kRunning, Interval::exact(cache.state),
        "sequences * num_beams * (4 * state_elements + bytes_per_element * conv_channels * d_conv)",
        {{"sequences", number(request.sequences)}, {"num_beams", number(options.num_beams)}}, kCacheSource);
    put(Kind::activations, "Activations of the largest layer", Stage::prefill, layer_activations,
        "peak(layer, sequences * num_beams * context)",
        {{"sequences", number(request.sequences)},
         {"num_beams", number(options.num_beams)},
         {"context", number(request.context)}},
        "tape of one layer as transformers 4.57 runs it, replayed by PyTorch's caching allocator");
    if (dynamic) {
      put(Kind::activations, "Old and new keys of one layer while the cache grows", Stage::decode,
          Interval::exact(cache.k), "largest k of a layer", {{"k", number(cache.k)}}, kCacheSource);
    }
    if (g + 1 == gpus && model.vocab_size > 0) {
      // The prompt's logits follow the layers: whichever is larger is the peak of the prefill.
      const Interval head = replayed(logits_tape(prefill, model.vocab_size, options.logits_of_whole_prompt), 0);
      const Interval beyond{std::max<Bytes>(0, head.low - layer_activations.low),
                            std::max<Bytes>(0, head.expected - layer_activations.expected),
                            std::max<Bytes>(0, head.high - layer_activations.high)};
      const Interval ordered{std::min(beyond.low, beyond.expected), beyond.expected,
                             std::max(beyond.expected, beyond.high)};
      put(Kind::logits, "Logits, as far as they exceed the layers", Stage::prefill, ordered,
          "peak(lm_head) - peak(layer)",
          {{"vocab_size", number(model.vocab_size)},
           {"rows", number(options.logits_of_whole_prompt ? mul(rows, request.context) : rows)}},
          "transformers 4.57 generation/utils.py; every token in 32 bits before 4.45");
    }
  }
  if (request.weights.scheme == WeightFormat::Scheme::gguf) {
    estimate.warnings.push_back({"/weights", "transformers unpacks GGUF files to 16 bits while loading; counted so"});
  }
  if (tower > 0) estimate.warnings.push_back({"/model", "activations of the vision or audio tower are not modelled"});
  return estimate;
}

}  // namespace vram
