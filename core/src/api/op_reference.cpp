// "reference": formulas published by others, reproduced as stated.
#include "api/ops.hpp"
#include "vram/reference.hpp"

namespace vram {
namespace {

constexpr std::int64_t kTokens = std::int64_t{1} << 27;

std::string sd15(const ObjectReader& reader) {
  reader.only({"op", "name", "height", "width", "prompt_length", "optimization"});
  Sd15Request request;
  request.height = reader.integer_or("height", 64, 16'384, request.height);
  request.width = reader.integer_or("width", 64, 16'384, request.width);
  request.prompt_length = reader.integer_or("prompt_length", 0, 100'000, request.prompt_length);
  request.optimization = reader.boolean_or("optimization", request.optimization);
  const Result<Sd15Estimate> result = sd15_analytic(request);
  if (!result.ok()) throw BadInput{result.error()};
  JsonWriter out(1024);
  out.begin_object()
      .field("ok", true)
      .field("op", "reference")
      .field("name", "sd15-analytic")
      .key("result")
      .begin_object();
  out.field("predicted_vram_gb", result->predicted_vram_gb).field("attention_mode", result->attention_mode);
  out.field("fixed_cost_gb", result->fixed_cost_gb).field("spatial_cost_gb", result->spatial_cost_gb).end_object();
  out.field("note",
            "As stated, with K_ITER_BASE = 20,000 bytes per latent pixel; GB here are 2^30 bytes. Its own printed "
            "examples (4.0, 4.7, 7.5, 27) do not follow from it.");
  out.end_object();
  return out.take();
}

std::string activation(const ObjectReader& reader) {
  reader.only({"op", "name", "parameters", "bytes_per_parameter", "batch_size", "sequence_length", "hidden_size",
               "num_layers", "num_key_value_heads", "head_dim", "flash_attention"});
  ActivationRequest request;
  request.parameters = reader.number("parameters", 1, 1e15);
  request.bytes_per_parameter = reader.number_or("bytes_per_parameter", 0.1, 8, request.bytes_per_parameter);
  request.batch_size = reader.integer_or("batch_size", 1, 65'536, request.batch_size);
  request.sequence_length = reader.integer_or("sequence_length", 1, kTokens, request.sequence_length);
  request.hidden_size = reader.integer("hidden_size", 1, 1 << 20);
  request.num_layers = reader.integer("num_layers", 1, 10'000);
  request.num_key_value_heads = reader.integer("num_key_value_heads", 1, 4096);
  request.head_dim = reader.integer("head_dim", 1, 65'536);
  request.flash_attention = reader.boolean_or("flash_attention", request.flash_attention);
  const ActivationEstimate result = llm_activation(request);
  JsonWriter out(1024);
  out.begin_object()
      .field("ok", true)
      .field("op", "reference")
      .field("name", "llm-activation-34/10")
      .key("result")
      .begin_object();
  out.field("parameters_gb", result.parameters_gb).field("activations_gb", result.activations_gb);
  out.field("kv_cache_gb", result.kv_cache_gb).field("total_gb", result.total_gb).end_object();
  out.field("note",
            "As stated, GB are 10^9 bytes. Its activations grow with the number of layers, which those of "
            "inference do not.");
  out.end_object();
  return out.take();
}

std::string image_works(const ObjectReader& reader) {
  reader.only({"op", "name", "parameters_billion", "bytes_per_parameter", "num_layers", "num_key_value_heads",
               "head_dim", "kv_bytes_per_element", "context_tokens", "batch", "vision_tower_gib", "overhead_gib",
               "fragmentation_factor"});
  ImageWorksRequest request;
  request.parameters_billion = reader.number("parameters_billion", 1e-6, 1e5);
  request.bytes_per_parameter = reader.number_or("bytes_per_parameter", 0.1, 8, request.bytes_per_parameter);
  request.num_layers = reader.integer("num_layers", 1, 10'000);
  request.num_key_value_heads = reader.integer("num_key_value_heads", 1, 4096);
  request.head_dim = reader.integer("head_dim", 1, 65'536);
  request.kv_bytes_per_element = reader.number_or("kv_bytes_per_element", 0.1, 8, request.kv_bytes_per_element);
  request.context_tokens = reader.integer("context_tokens", 1, kTokens);
  request.batch = reader.integer_or("batch", 1, 65'536, request.batch);
  request.vision_tower_gib = reader.number_or("vision_tower_gib", 0, 1e4, request.vision_tower_gib);
  request.overhead_gib = reader.number_or("overhead_gib", 0, 1e4, request.overhead_gib);
  request.fragmentation_factor = reader.number_or("fragmentation_factor", 1, 4, request.fragmentation_factor);
  const ImageWorksEstimate result = imageworks(request);
  JsonWriter out(1024);
  out.begin_object()
      .field("ok", true)
      .field("op", "reference")
      .field("name", "imageworks")
      .key("result")
      .begin_object();
  out.field("weights_gib", result.weights_gib).field("kv_cache_gib", result.kv_cache_gib);
  out.field("overhead_gib", result.overhead_gib).field("vision_tower_gib", result.vision_tower_gib);
  out.field("total_gib", result.total_gib).end_object();
  out.field("note",
            "As stated: weights, cache, overhead and tower, all times the fragmentation factor; GiB are 2^30 bytes.");
  out.end_object();
  return out.take();
}

}  // namespace

std::string answer_reference(const Json& json) {
  const ObjectReader reader(json, "");
  if (!reader.has("name"))
    refuse("/name", "name is missing", "", "one of: sd15-analytic, llm-activation-34/10, imageworks");
  switch (reader.choice_or("name", {"sd15-analytic", "llm-activation-34/10", "imageworks"}, 0)) {
    case 0: return sd15(reader);
    case 1: return activation(reader);
    default: return image_works(reader);
  }
}

}  // namespace vram
