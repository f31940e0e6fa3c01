// The request of op "diffusion".
#include <algorithm>

#include "api/diffusion_request.hpp"
#include "vram/diffusion_solve.hpp"

namespace vram {

using namespace diffusion;

namespace {

DiffusionAlso read_also(const ObjectReader& reader) {
  DiffusionAlso also;
  const Json* wanted = reader.find("also");
  if (wanted == nullptr) return also;
  constexpr const char* kExpected =
      "a list of any of: max_resolution, max_frames, max_batch, max_loras, savings, levels, weakest, smallest_gpu, "
      "vram_limit, references";
  if (!wanted->is_array()) refuse("/also", "also must be a list", shown(*wanted), kExpected);
  const std::pair<std::string_view, bool DiffusionAlso::*> kNames[] = {
      {"max_resolution", &DiffusionAlso::max_resolution},
      {"max_frames", &DiffusionAlso::max_frames},
      {"max_batch", &DiffusionAlso::max_batch},
      {"max_loras", &DiffusionAlso::max_loras},
      {"savings", &DiffusionAlso::savings},
      {"levels", &DiffusionAlso::levels},
      {"weakest", &DiffusionAlso::weakest},
      {"smallest_gpu", &DiffusionAlso::smallest_gpu},
      {"vram_limit", &DiffusionAlso::vram_limit},
      {"references", &DiffusionAlso::references}};
  for (std::size_t i = 0; i < wanted->size(); ++i) {
    bool known = false;
    for (const auto& [name, member] : kNames) {
      if ((*wanted)[i] != name) continue;
      also.*member = true;
      known = true;
    }
    if (!known) refuse(path_at("/also", i), "unknown answer in also", shown((*wanted)[i]), kExpected);
  }
  return also;
}

const Quantization* named_quantization(const ObjectReader& reader, std::string_view key) {
  const std::string id = reader.string(key);
  std::vector<std::string_view> known;
  for (const Quantization& row : quantizations()) {
    if (row.id == id) return &row;
    known.push_back(row.id);
  }
  refuse(reader.path_of(key), "no quantization has this id" + did_you_mean(id, known), shown(Json(id)),
         "an id of op \"catalogue\", list \"quantizations\"");
}

void read_components(const ObjectReader& request, PipelineRequest& p) {
  p.choices.resize(p.pipeline.components.size());
  if (request.has("dtype")) {
    const DType dtype = read_dtype(request, "dtype");
    for (ComponentChoice& choice : p.choices) choice.dtype = dtype;
  }
  const Json* json = request.find("components");
  if (json == nullptr) return;
  const ObjectReader reader(*json, "/components");
  std::vector<std::string_view> roles;
  for (const Component& component : p.pipeline.components) roles.push_back(component.role);
  for (const auto& item : json->items()) {
    const auto at = std::find(roles.begin(), roles.end(), item.key());
    if (at == roles.end()) {
      std::string all;
      for (const std::string_view role : roles) all += (all.empty() ? "" : ", ") + std::string(role);
      refuse(reader.path_of(item.key()), "the pipeline has no component of this role" + did_you_mean(item.key(), roles),
             shown(Json(item.key())), "one of " + all);
    }
    if (item.value().is_null()) continue;
    const ObjectReader one(item.value(), reader.path_of(item.key()));
    one.only({"dtype", "quantization", "vram_config"});
    ComponentChoice& choice = p.choices[static_cast<std::size_t>(at - roles.begin())];
    if (one.has("dtype")) choice.dtype = read_dtype(one, "dtype");
    if (one.has("quantization")) choice.quantization = named_quantization(one, "quantization");
  }
}

std::int64_t read_side(const ObjectReader& reader, std::string_view key, std::int64_t fallback, std::int64_t multiple) {
  const std::int64_t side = reader.integer_or(key, 1, 65536, fallback);
  if (side % multiple == 0) return side;
  const std::int64_t below = std::max(multiple, side / multiple * multiple);
  refuse(reader.path_of(key),
         std::string(key) + " must be a multiple of " + std::to_string(multiple) + " for this model",
         std::to_string(side), std::to_string(below) + " or " + std::to_string((side / multiple + 1) * multiple));
}

std::int64_t read_frames(const ObjectReader& reader, const Pipeline& p) {
  const std::int64_t frames = reader.integer_or("frames", 1, 65536, p.frames);
  const bool still = p.task.find("vid") == std::string::npos;
  if (still && frames != 1)
    refuse("/frames", "this pipeline makes single pictures", std::to_string(frames), "1, or leave frames out");
  if ((frames - 1) % p.frame_step == 0) return frames;
  const std::int64_t below = (frames - 1) / p.frame_step * p.frame_step + 1;
  refuse("/frames", "frames must be 1 more than a multiple of " + std::to_string(p.frame_step) + " for this model",
         std::to_string(frames), std::to_string(below) + " or " + std::to_string(below + p.frame_step));
}

void read_extras(const ObjectReader& reader, PipelineRequest& p) {
  if (const Json* json = reader.find("lora")) {
    const ObjectReader lora(*json, "/lora");
    lora.only({"rank", "count", "fused"});
    p.lora.rank = lora.integer_or("rank", 1, 4096, 16);
    p.lora.count = lora.integer_or("count", 0, kLorasLimit, 1);
    p.lora.fused = lora.boolean_or("fused", false);
  }
  if (const Json* list = reader.find("companions")) {
    constexpr const char* kExpected = R"([{"kind": "controlnet", "count": 1}, ...])";
    if (!list->is_array() || list->size() > 16)
      refuse("/companions", "companions must be a list", shown(*list), kExpected);
    for (std::size_t i = 0; i < list->size(); ++i) {
      const ObjectReader one((*list)[i], path_at("/companions", i));
      one.only({"kind", "count"});
      Companion companion;
      companion.kind = static_cast<Companion::Kind>(
          one.choice_or("kind", {"controlnet", "t2i_adapter", "ip_adapter", "upscaler"}, 0));
      companion.count = one.integer_or("count", 1, 16, 1);
      p.companions.push_back(companion);
    }
  }
}

}  // namespace

void read_diffusion(const Json& json, DiffusionRequest& request) {
  const ObjectReader reader(json, "");
  reader.only({"op",    "pipeline",    "height",         "width",         "frames",
               "batch", "text_tokens", "input_images",   "guidance",      "attention",
               "dtype", "components",  "techniques",     "level",         "engine",
               "lora",  "companions",  "safety_checker", "empties_cache", "aspect_ratio",
               "gpu",   "profile",     "also",           "rows"});
  request.rows = read_rows(reader);
  request.also = read_also(reader);
  PipelineRequest& p = request.pipeline;
  p.pipeline = read_pipeline(reader);
  p.height = read_side(reader, "height", p.pipeline.height, p.pipeline.multiple);
  p.width = read_side(reader, "width", p.pipeline.width, p.pipeline.multiple);
  p.frames = read_frames(reader, p.pipeline);
  p.batch = reader.integer_or("batch", 1, 65536, 1);
  p.text_tokens = reader.integer_or("text_tokens", 1, 65536, p.pipeline.text_tokens);
  p.input_images = reader.integer_or("input_images", 0, 64, p.pipeline.input_images);
  p.guidance = static_cast<Guidance>(
      reader.choice_or("guidance", {"none", "doubled", "sequential"}, static_cast<std::size_t>(p.pipeline.guidance)));
  p.attention = static_cast<AttentionKernel>(reader.choice_or("attention", {"sdpa", "flash", "xformers", "eager"}, 0));
  p.safety_checker = reader.boolean_or("safety_checker", false);
  p.keeps_cache = !reader.boolean_or("empties_cache", false);
  p.has_gpu = read_gpu(reader, request.rows, p.machine);
  request.profiles = read_profiles(reader, request.rows);
  p.profile = request.profiles(p.machine);
  read_components(reader, p);
  read_techniques(reader, request);
  read_diffusion_engine(reader, p);
  read_extras(reader, p);
  for (std::size_t i = 0; i < p.choices.size(); ++i) {
    if (p.choices[i].quantization != nullptr && p.techniques.layerwise_casting &&
        (p.pipeline.components[i].role.find("transformer") == 0 || p.pipeline.components[i].role == "unet"))
      refuse("/techniques/layerwise_casting", "a quantized denoiser has no weights left to cast layer by layer", "true",
             "layerwise_casting or a quantization of " + p.pipeline.components[i].role);
  }
  request.across = p.width;
  request.down = p.height;
  if (const Json* ratio = reader.find("aspect_ratio")) {
    const bool good = ratio->is_array() && ratio->size() == 2 && (*ratio)[0].is_number_integer() &&
                      (*ratio)[1].is_number_integer() && (*ratio)[0] > 0 && (*ratio)[1] > 0 && (*ratio)[0] <= 65536 &&
                      (*ratio)[1] <= 65536;
    if (!good)
      refuse("/aspect_ratio", "an aspect ratio is two whole numbers, width and height", shown(*ratio), "[16, 9]");
    request.across = (*ratio)[0].get<std::int64_t>();
    request.down = (*ratio)[1].get<std::int64_t>();
  }
}

}  // namespace vram
