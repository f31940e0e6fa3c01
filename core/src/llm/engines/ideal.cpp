// The floor under every engine: weights as stored, caches at their tightest, evenly over the GPUs.
#include "llm/engines/engines.hpp"
#include "llm/parts.hpp"
#include "llm/recent.hpp"
#include "vram/memo.hpp"

namespace vram {
namespace {

Bytes share(Bytes bytes, int count) { return ceil_div(bytes, count); }

// What estimates of one model find again: sums over its tensors and layers.
struct Kept {
  struct Format {
    WeightFormat format;
    friend bool operator==(const Format&, const Format&) = default;
    std::size_t hash() const { return std::hash<std::string_view>{}(format.id); }
  };
  struct Weights {
    Bytes text = 0, tower = 0;
  };
  struct Types {
    const TensorType* k = nullptr;
    const TensorType* v = nullptr;
    friend bool operator==(const Types&, const Types&) = default;
    std::size_t hash() const { return mixed(std::hash<const void*>{}(k), std::hash<const void*>{}(v)); }
  };
  struct PerToken {
    double full = 0, windowed = 0;
  };
  Recent<Format, Weights, 64> weights;
  Recent<Types, PerToken, 64> per_token;
};

}  // namespace

Result<LlmEstimate> estimate_ideal(const LlmRequest& request, EstimateMemo& memo) {
  const Model& model = *request.model;
  const int count = request.machine.count;
  Kept& kept = memo.part<Kept>();
  const auto [text, tower] = kept.weights.of({request.weights}, [&] {
    return Kept::Weights{
        weight_bytes(model, request.weights, Part::text),
        add(weight_bytes(model, request.weights, Part::tower), weight_bytes(model, request.weights, Part::projector))};
  });
  const auto [full_per_token, windowed_per_token] = kept.per_token.of({request.type_k, request.type_v}, [&] {
    return Kept::PerToken{kv_bytes_per_token_full(model, *request.type_k, *request.type_v),
                          kv_bytes_per_token_windowed(model, *request.type_k, *request.type_v)};
  });
  Bytes cache = 0;
  for (const Layer& layer : model.layers) {
    cache = add(cache, tight_cache_bytes(layer, *request.type_k, *request.type_v, request.context, request.sequences));
  }
  // The state itself is kept in 32 bits, the last inputs of the convolution in the model's own type
  // (huggingface/transformers Mamba2Cache, vllm MambaStateDtypeCalculator's defaults).
  const Bytes state =
      mul(request.sequences, add(mul(state_elements(model), 4), mul(conv_elements(model), compute_bytes(model))));

  LlmEstimate estimate;
  const double sequences = static_cast<double>(request.sequences);
  for (int i = 0; i < count; ++i) {
    const auto put = [&](Kind kind, std::string_view label, Bytes bytes, std::string_view formula,
                         std::vector<Value> values, std::string_view source) {
      if (bytes == 0) return;
      estimate.ledger.entries.push_back({kind, label, gpu(i), kind == Kind::kv_cache ? kRunning : kInference,
                                         Interval::exact(share(bytes, count)), formula, std::move(values), source});
    };
    put(Kind::weights, "Weights", text, "stored_bytes / gpus",
        {{"stored_bytes", static_cast<double>(text)}, {"gpus", static_cast<double>(count)}},
        "sum over the checkpoint's tensors in this format");
    put(Kind::vision_tower, "Vision and audio towers", tower, "stored_bytes / gpus",
        {{"stored_bytes", static_cast<double>(tower)}, {"gpus", static_cast<double>(count)}},
        "sum over the checkpoint's tensors in this format");
    put(Kind::kv_cache, "KV cache", cache,
        "sequences * (context * full_bytes_per_token + min(context, window) * windowed_bytes_per_token) / gpus",
        {{"sequences", sequences},
         {"context", static_cast<double>(request.context)},
         {"full_bytes_per_token", full_per_token},
         {"windowed_bytes_per_token", windowed_per_token},
         {"gpus", static_cast<double>(count)}},
        "arXiv 2305.13245 (grouped queries), 2405.04434 (latent attention)");
    put(Kind::recurrent_state, "Recurrent and convolution state", state,
        "sequences * (4 * state_elements + bytes_per_element * conv_elements) / gpus",
        {{"sequences", sequences},
         {"state_elements", static_cast<double>(state_elements(model))},
         {"bytes_per_element", static_cast<double>(compute_bytes(model))},
         {"conv_elements", static_cast<double>(conv_elements(model))},
         {"gpus", static_cast<double>(count)}},
        "arXiv 2405.21060; state in 32 bits as in state-spaces/mamba");
  }
  estimate.figures.push_back({"kv_bytes_per_token", full_per_token + windowed_per_token, "bytes"});
  return estimate;
}

}  // namespace vram
