// "catalogue" and "profiles": the built-in rows, for lists to choose from.
#include "api/diffusion_request.hpp"
#include "api/ops.hpp"
#include "api/request.hpp"
#include "api/write_estimate.hpp"
#include "vram/catalogue.hpp"

namespace vram {
namespace {

void write_rows(JsonWriter& out, std::string_view key, std::span<const CatalogueRow> rows) {
  out.key(key).begin_array();
  for (const CatalogueRow& row : rows) out.raw(row.json);
  out.end_array();
}

// A row begins with what is listed of it: reading 222 configurations for their sizes would take a tenth of a second.
// tests/core/catalogue_test.cpp holds it against the reader.
void write_models(JsonWriter& out) {
  out.key("models").begin_array();
  for (const CatalogueRow& row : model_rows()) {
    out.raw(row.json.substr(0, row.json.find(", \"config\": ")));
    out.end_object();
  }
  out.end_array();
}

void write_weight_formats(JsonWriter& out) {
  constexpr std::string_view kSchemes[] = {"plain",      "gguf",      "awq",   "gptq",  "bnb_int8", "bnb_nf4",
                                           "fp8_tensor", "fp8_block", "mxfp4", "nvfp4", "exl",      "mlx"};
  out.key("weights").begin_array();
  for (const WeightFormat& format : weight_formats()) {
    out.begin_object().field("id", format.id).field("name", format.name);
    out.field("scheme", kSchemes[static_cast<std::size_t>(format.scheme)]);
    out.field("bits_per_weight", nominal_bits_per_weight(format)).field("source", format.source).end_object();
  }
  out.end_array();
}

void write_cache_types(JsonWriter& out) {
  out.key("kv_cache_types").begin_array();
  for (const TensorType& type : tensor_types()) {
    if (!type.kv_cache) continue;
    out.begin_object().field("id", type.id).field("name", type.name).field("bits_per_element", type.bits_per_element());
    out.field("source", type.source).end_object();
  }
  out.end_array();
}

void write_engines(JsonWriter& out) {
  out.key("engines").begin_array();
  for (const EngineOptions& engine : every_engine()) {
    out.begin_object().field("name", name_of(engine)).field("checked_against", checked_against(engine)).key("options");
    write_options(out, engine);
    out.key("kv_cache_types").begin_array();
    for (const std::string_view type : cache_types(engine)) out.value(type);
    out.end_array().end_object();
  }
  out.end_array();
}

void write_pipelines(JsonWriter& out) {
  out.key("pipelines").begin_array();
  for (const CatalogueRow& row : pipeline_rows()) {
    const Json json = parse_own(row.json);
    const diffusion::Pipeline p = read_pipeline_row(json, "/pipelines/" + std::string(row.id));
    out.begin_object()
        .field("id", row.id)
        .field("name", std::string_view(p.name))
        .field("task", std::string_view(p.task));
    out.field("height", p.height).field("width", p.width).field("frames", p.frames);
    out.field("guidance", name_of(p.guidance)).field("text_tokens", p.text_tokens).field("multiple", p.multiple);
    out.field("frame_step", p.frame_step).field("input_images", p.input_images).key("components").begin_array();
    for (const diffusion::Component& c : p.components) {
      out.begin_object().field("role", std::string_view(c.role)).field("class", std::string_view(c.class_name));
      out.field("dtype", name_of(c.dtype)).end_object();
    }
    out.end_array().field("source", std::string_view(p.source)).end_object();
  }
  out.end_array();
}

void write_quantizations(JsonWriter& out) {
  out.key("quantizations").begin_array();
  for (const diffusion::Quantization& q : diffusion::quantizations()) {
    out.begin_object().field("id", q.id).field("name", q.name).field("bytes_per_weight", q.bytes_per_weight);
    out.field("source", q.source).end_object();
  }
  out.end_array();
}

}  // namespace

std::string answer_catalogue(const Json& request) {
  const ObjectReader reader(request, "");
  reader.only({"op", "list"});
  enum : std::size_t { models, gpus, weights, kv_cache_types, engines, pipelines, quantizations, all };
  const std::size_t list = reader.choice_or(
      "list", {"models", "gpus", "weights", "kv_cache_types", "engines", "pipelines", "quantizations"}, all);
  JsonWriter out(256 * 1024);
  out.begin_object().field("ok", true).field("op", "catalogue");
  if (list == models || list == all) write_models(out);
  if (list == gpus || list == all) write_rows(out, "gpus", gpu_rows());
  if (list == weights || list == all) write_weight_formats(out);
  if (list == kv_cache_types || list == all) write_cache_types(out);
  if (list == engines || list == all) write_engines(out);
  if (list == pipelines || list == all) write_pipelines(out);
  if (list == quantizations || list == all) write_quantizations(out);
  out.end_object();
  return out.take();
}

std::string answer_profiles(const Json& request) {
  ObjectReader(request, "").only({"op"});
  JsonWriter out(16 * 1024);
  out.begin_object().field("ok", true).field("op", "profiles");
  write_rows(out, "profiles", profile_rows());
  out.end_object();
  return out.take();
}

}  // namespace vram
