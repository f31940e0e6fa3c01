// "pipeline": a catalogue id, or components of the caller's own.
#include "api/diffusion_request.hpp"
#include "read/component.hpp"
#include "vram/catalogue.hpp"

namespace vram {

using namespace diffusion;

namespace {

constexpr std::int64_t kLargestSide = 65536;
constexpr std::size_t kMostComponents = 32;
constexpr std::int64_t kMostParameters = 10'000'000'000'000;

Component read_component(const Json& json, const std::string& path) {
  const ObjectReader reader(json, path);
  reader.only(
      {"role", "class", "config", "parameters", "dtype", "tokens", "source", "bytes", "bytes_by_dtype", "files"});
  Component component;
  component.role = reader.string("role");
  component.class_name = reader.string_or("class", "");
  component.parameters = reader.integer_or("parameters", 0, kMostParameters, 0);
  if (reader.has("dtype")) component.dtype = read_dtype(reader, "dtype");
  component.tokens = reader.integer_or("tokens", 0, 65536, 0);
  component.source = reader.string_or("source", "given by the caller");
  if (const Json* config = reader.find("config")) {
    component.config = read_settings(*config, reader.path_of("config"));
    if (component.class_name.empty()) component.class_name = component.config.text("_class_name", "");
    // transformers names the class in a list.
    if (component.class_name.empty()) component.class_name = component.config.text("architectures", "");
  }
  if (component.class_name.empty())
    refuse(reader.path_of("class"), "class is missing", "", "the name of the class, e.g. \"FluxTransformer2DModel\"");
  return component;
}

}  // namespace

Pipeline read_pipeline_row(const Json& row, const std::string& path) {
  const ObjectReader reader(row, path);
  reader.only({"id", "name", "task", "height", "width", "frames", "guidance", "text_tokens", "multiple", "frame_step",
               "input_images", "joins_images", "upcasts_vae", "components", "source"});
  Pipeline p;
  p.id = reader.string_or("id", "");
  p.name = reader.string_or("name", p.id.empty() ? "own components" : p.id);
  p.task = reader.string_or("task", "txt2img");
  p.height = reader.integer_or("height", 1, kLargestSide, 1024);
  p.width = reader.integer_or("width", 1, kLargestSide, 1024);
  p.frames = reader.integer_or("frames", 1, 65536, 1);
  p.guidance = static_cast<Guidance>(reader.choice_or("guidance", {"none", "doubled", "sequential"}, 0));
  p.text_tokens = reader.integer_or("text_tokens", 1, 65536, 77);
  p.multiple = reader.integer_or("multiple", 1, 1024, 8);
  p.frame_step = reader.integer_or("frame_step", 1, 64, 1);
  p.input_images = reader.integer_or("input_images", 0, 64, 0);
  p.joins_images = reader.boolean_or("joins_images", false);
  p.upcasts_vae = reader.boolean_or("upcasts_vae", false);
  p.source = reader.string_or("source", "given by the caller");
  const Json* components = reader.find("components");
  if (components == nullptr || !components->is_array() || components->empty() || components->size() > kMostComponents) {
    refuse(reader.path_of("components"), "components must be a list of 1 to 32 components",
           components == nullptr ? "" : shown(*components),
           R"([{"role": "unet", "class": "...", "config": {...}}, ...])");
  }
  for (std::size_t i = 0; i < components->size(); ++i) {
    p.components.push_back(read_component((*components)[i], path_at(reader.path_of("components"), i)));
    for (std::size_t k = 0; k < i; ++k) {
      if (p.components[k].role != p.components[i].role) continue;
      refuse(path_at(reader.path_of("components"), i) + "/role", "two components have the same role",
             shown(Json(p.components[i].role)), "roles that differ, e.g. text_encoder and text_encoder_2");
    }
  }
  return p;
}

Pipeline read_pipeline(const ObjectReader& request) {
  const Json* json = request.find("pipeline");
  constexpr const char* kForms = R"({"id": "sdxl-base-1.0"} or {"components": [...]})";
  if (json == nullptr) refuse("/pipeline", "pipeline is missing", "", kForms);
  const ObjectReader reader(*json, "/pipeline");
  if (reader.has("components")) return read_pipeline_row(*json, "/pipeline");
  reader.only({"id"});
  if (!reader.has("id")) refuse("/pipeline", "a pipeline is given by its id or its components", shown(*json), kForms);
  const std::string id = reader.string("id");
  const CatalogueRow* row = find_row(pipeline_rows(), id);
  if (row == nullptr) {
    std::vector<std::string_view> known;
    for (const CatalogueRow& candidate : pipeline_rows()) known.push_back(candidate.id);
    refuse("/pipeline/id", "no pipeline has this id" + did_you_mean(id, known), shown(Json(id)),
           "an id of the catalogue (op \"catalogue\", list \"pipelines\"), or {\"components\": [...]}");
  }
  return read_pipeline_row(parse_own(row->json), "/pipeline");
}

DType read_dtype(const ObjectReader& reader, std::string_view key) {
  constexpr DType kMeant[] = {DType::f32, DType::f16, DType::bf16, DType::f8,
                              DType::f32, DType::f16, DType::bf16, DType::f8};
  const std::size_t at =
      reader.choice_or(key, {"fp32", "fp16", "bf16", "fp8", "float32", "float16", "bfloat16", "float8_e4m3fn"}, 0);
  return kMeant[at];
}

}  // namespace vram
