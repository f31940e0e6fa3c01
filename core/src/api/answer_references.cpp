// "references": what other people's formulas say of the same request.
#include <cmath>

#include "api/write_estimate.hpp"
#include "vram/reference.hpp"

namespace vram {
namespace {

struct Heads {
  std::int64_t num_key_value_heads = 0;
  std::int64_t head_dim = 0;
};

// These formulas know one kind of layer; they are given the first that attends.
Heads heads_of(const Model& model) {
  for (const Layer& layer : model.layers) {
    if (layer.attention) return {layer.attention->num_key_value_heads, layer.attention->head_dim};
    if (layer.latent) {
      return {layer.latent->num_attention_heads, layer.latent->qk_nope_head_dim + layer.latent->qk_rope_head_dim};
    }
  }
  return {};
}

bool uses_flash_attention(const EngineOptions& engine) {
  if (const auto* o = std::get_if<LlamaCppOptions>(&engine)) return o->flash_attn.value_or(true);
  if (const auto* o = std::get_if<TransformersOptions>(&engine)) {
    return o->attn_implementation != TransformersOptions::AttnImplementation::eager;
  }
  return true;
}

Bytes whole(double bytes) { return static_cast<Bytes>(std::llround(std::min(bytes, static_cast<double>(kMaxBytes)))); }

void write_activation(JsonWriter& out, const LlmRequest& request, const Heads& heads) {
  ActivationRequest r;
  r.parameters = static_cast<double>(parameters(*request.model));
  r.bytes_per_parameter = nominal_bits_per_weight(request.weights) / 8;
  r.batch_size = request.sequences;
  r.sequence_length = request.context;
  r.hidden_size = request.model->hidden_size;
  r.num_layers = static_cast<std::int64_t>(request.model->layers.size());
  r.num_key_value_heads = heads.num_key_value_heads;
  r.head_dim = heads.head_dim;
  r.flash_attention = uses_flash_attention(request.engine);
  const ActivationEstimate e = llm_activation(r);
  const auto gb = [](double x) { return whole(x * 1e9); };
  out.begin_object()
      .field("name", "llm-activation-34/10")
      .field("total_bytes", gb(e.total_gb))
      .key("parts")
      .begin_object();
  out.field("parameters", gb(e.parameters_gb))
      .field("activations", gb(e.activations_gb))
      .field("kv_cache", gb(e.kv_cache_gb));
  out.end_object().field(
      "note",
      "Keeps the activations of every layer, as training does; inference reuses one buffer. "
      "Counts the cache in the precision of the weights, at full length in all layers, and no engine buffers.");
  out.end_object();
}

void write_image_works(JsonWriter& out, const LlmRequest& request, const Heads& heads) {
  ImageWorksRequest r;
  r.parameters_billion = static_cast<double>(parameters(*request.model, Part::text)) / 1e9;
  r.bytes_per_parameter = nominal_bits_per_weight(request.weights) / 8;
  r.num_layers = static_cast<std::int64_t>(request.model->layers.size());
  r.num_key_value_heads = heads.num_key_value_heads;
  r.head_dim = heads.head_dim;
  r.kv_bytes_per_element = (request.type_k->bytes_per_element() + request.type_v->bytes_per_element()) / 2;
  r.context_tokens = request.context;
  r.batch = request.sequences;
  const Bytes tower = add(weight_bytes(*request.model, *find_weight_format("fp16"), Part::tower),
                          weight_bytes(*request.model, *find_weight_format("fp16"), Part::projector));
  r.vision_tower_gib = static_cast<double>(tower) / static_cast<double>(kGiB);
  r.overhead_gib = 1.5;          // its preset "default"
  r.fragmentation_factor = 1.1;  // likewise
  const ImageWorksEstimate e = imageworks(r);
  const auto gib = [](double x) { return whole(x * static_cast<double>(kGiB)); };
  out.begin_object().field("name", "imageworks").field("total_bytes", gib(e.total_gib)).key("parts").begin_object();
  out.field("weights", gib(e.weights_gib))
      .field("kv_cache", gib(e.kv_cache_gib))
      .field("overhead", gib(e.overhead_gib));
  out.field("vision_tower", gib(e.vision_tower_gib)).end_object();
  out.field("note",
            "With its default preset: 1.5 GiB overhead and a factor of 1.1 on everything. Knows neither windows nor "
            "latent caches, nor buffers that grow with the batch.");
  out.end_object();
}

}  // namespace

void write_references(JsonWriter& out, const LlmRequest& request) {
  const Heads heads = heads_of(*request.model);
  out.key("references").begin_array();
  // Without a hidden size (a model known by its numbers only) the first has nothing to count.
  if (request.model->hidden_size > 0) write_activation(out, request, heads);
  write_image_works(out, request, heads);
  out.end_array();
}

}  // namespace vram
