// The floor under every engine: weights as stored, caches at their tightest, evenly over the GPUs.
#include "llm/engines/engines.hpp"
#include "llm/parts.hpp"

namespace vram {
namespace {

Bytes share(Bytes bytes, int count) { return ceil_div(bytes, count); }

}  // namespace

Result<LlmEstimate> estimate_ideal(const LlmRequest& request) {
  const Model& model = *request.model;
  const int count = request.machine.count;
  const Bytes text = weight_bytes(model, request.weights, Part::text);
  const Bytes tower =
      add(weight_bytes(model, request.weights, Part::tower), weight_bytes(model, request.weights, Part::projector));
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
         {"full_bytes_per_token", kv_bytes_per_token_full(model, *request.type_k, *request.type_v)},
         {"windowed_bytes_per_token", kv_bytes_per_token_windowed(model, *request.type_k, *request.type_v)},
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
  estimate.figures.push_back({"kv_bytes_per_token",
                              kv_bytes_per_token_full(model, *request.type_k, *request.type_v) +
                                  kv_bytes_per_token_windowed(model, *request.type_k, *request.type_v),
                              "bytes"});
  return estimate;
}

}  // namespace vram
