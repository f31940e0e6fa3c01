// "weights": a format id, or a format with options.
#include "api/request.hpp"

namespace vram {
namespace {

WeightFormat known_format(const std::string& id, const std::string& path) {
  const WeightFormat* format = find_weight_format(id);
  if (format == nullptr) {
    std::vector<std::string_view> known;
    for (const WeightFormat& candidate : weight_formats()) known.push_back(candidate.id);
    refuse(path, "unknown weights format" + did_you_mean(id, known), shown(Json(id)),
           "a format id (op \"catalogue\", list \"weights\"), e.g. \"bf16\", \"q4_k_m\", \"awq\"");
  }
  return *format;
}

int one_of(const ObjectReader& reader, std::string_view key, std::initializer_list<int> valid, int fallback) {
  if (!reader.has(key)) return fallback;
  const std::int64_t number = reader.integer(key, INT32_MIN, INT32_MAX);
  std::string expected;
  for (const int candidate : valid) {
    if (candidate == number) return candidate;
    expected += (expected.empty() ? "one of: " : ", ") + std::to_string(candidate);
  }
  refuse(reader.path_of(key), std::string(key) + " is not one this format has", std::to_string(number), expected);
}

// What the checkpoint is stored as. llama.cpp's converter keeps MXFP4 experts as they are, under a file type of its own
// (convert_hf_to_gguf.py, MXFP4_MOE); it has no such way for other quantized checkpoints.
std::string native_format(const ObjectReader& request, const Model& model) {
  const Json* engine = request.find("engine");
  const Json* name =
      engine != nullptr && engine->is_object() && engine->contains("name") ? &engine->at("name") : nullptr;
  const bool llama_cpp =
      name == nullptr || *name == "llama.cpp" || *name == "ollama" || *name == "lm-studio" || *name == "koboldcpp";
  return llama_cpp && model.native_weights == "mxfp4" ? "mxfp4_moe" : model.native_weights;
}

}  // namespace

WeightFormat read_weights(const ObjectReader& request, const Model& model) {
  const Json* json = request.find("weights");
  if (json == nullptr) {
    WeightFormat format = known_format(native_format(request, model), "/weights");
    format.as_stored = model.tensors_stored;
    return format;
  }
  if (json->is_string()) return known_format(json->get<std::string>(), "/weights");
  if (!json->is_object()) {
    refuse("/weights", "weights must be a format id or an object", shown(*json),
           R"("q4_k_m" or {"format": "gptq", "bits": 4, "group_size": 128})");
  }
  const ObjectReader reader(*json, "/weights");
  WeightFormat format = known_format(reader.string("format"), "/weights/format");
  switch (format.scheme) {
    case WeightFormat::Scheme::gptq:  // GPTQModel QuantizeConfig: bits 2, 3, 4, 8; -1: one group a row
      reader.only({"format", "bits", "group_size"});
      format.bits = one_of(reader, "bits", {2, 3, 4, 8}, format.bits);
      format.group_size = one_of(reader, "group_size", {-1, 16, 32, 64, 128, 256, 512, 1024}, format.group_size);
      break;
    case WeightFormat::Scheme::awq:  // AutoAWQ packs 4 bits only
      reader.only({"format", "bits", "group_size"});
      format.bits = one_of(reader, "bits", {4}, format.bits);
      format.group_size = one_of(reader, "group_size", {16, 32, 64, 128, 256}, format.group_size);
      break;
    case WeightFormat::Scheme::bnb_nf4:
      reader.only({"format", "double_quant"});
      format.double_quant = reader.boolean_or("double_quant", format.double_quant);
      break;
    case WeightFormat::Scheme::mlx:
      reader.only({"format", "group_size"});
      format.group_size = one_of(reader, "group_size", {32, 64, 128}, format.group_size);
      break;
    case WeightFormat::Scheme::exl:
      reader.only({"format", "bits_per_weight"});
      format.bits_per_weight = reader.number_or("bits_per_weight", 1, 8, format.bits_per_weight);
      break;
    default: reader.only({"format"}); break;
  }
  return format;
}

}  // namespace vram
