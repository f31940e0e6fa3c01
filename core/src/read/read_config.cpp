// config.json -> Model: finds the language model inside the config, its family, and runs the family's reader.
#include "read/config.hpp"

#include <algorithm>

#include "read/family.hpp"
#include "read/readers.hpp"
#include "read/storage_of.hpp"
#include "vram/read.hpp"

namespace vram {
namespace read {
namespace {

// Outer configs whose text model carries no model_type of its own, and remote code that has none at all.
struct Fallback {
  std::string_view name;
  std::string_view model_type;
};
constexpr Fallback kByArchitecture[] = {{"MiniCPM3ForCausalLM", "minicpm3"}};

std::string type_of(const Keys& keys) {
  if (keys.has("model_type")) return keys.text_or("model_type", "");
  if (const Json* names = keys.list("architectures"); names != nullptr && !names->empty()) {
    for (const Fallback& row : kByArchitecture) {
      if ((*names)[0] == row.name) return std::string(row.model_type);
    }
  }
  return "";
}

// Families that a config of unknown type resembles, by the keys it has.
std::string resemblance(const Keys& keys) {
  if (keys.has("kv_lora_rank")) return " (its keys resemble deepseek_v3)";
  if (!keys.first(kExperts).empty()) return " (its keys resemble qwen3_moe or mixtral)";
  if (keys.has("layer_types") || keys.has("sliding_window")) return " (its keys resemble gemma3 or mistral)";
  if (!keys.first(kHiddenSize).empty() && !keys.first(kHeads).empty()) return " (its keys resemble llama)";
  return "";
}

[[noreturn]] void unknown_type(const Keys& keys, const std::string& type) {
  const std::string path = keys.path_of("model_type");
  if (type.empty()) refuse(path, "model_type is missing", "", "one of: " + known_families());
  refuse(path, "this model_type is not understood" + resemblance(keys) + "; nothing is assumed about it",
         shown(Json(type)), "one of: " + known_families());
}

struct TextModel {
  const Json* object = nullptr;
  std::string path;
};

TextModel find_text(const Json& config, const std::string& path) {
  for (const std::string_view key : {"text_config", "llm_config", "language_config"}) {
    const auto at = config.find(key);
    if (at != config.end() && at->is_object()) return {&*at, path + "/" + std::string(key)};
  }
  const auto thinker = config.find("thinker_config");
  if (thinker != config.end() && thinker->is_object()) return find_text(*thinker, path + "/thinker_config");
  return {&config, path};
}

Model read_checked(const Json& config, const std::string& path) {
  const Keys whole(config, path);
  const std::string outer_type = type_of(whole);
  const TextModel found = find_text(config, path);
  const bool nested = found.object != &config;
  std::string text_type = outer_type;
  if (nested) {
    const Keys peek(*found.object, found.path);
    if (const std::string own = type_of(peek); !own.empty()) text_type = own;
  }
  const Family* family = find_family(text_type);
  if (family == nullptr && nested) family = find_family(outer_type);
  if (family == nullptr) unknown_type(whole, outer_type.empty() ? text_type : outer_type);

  const Keys inner(*found.object, found.path, nested ? family->class_defaults : std::string_view());
  const Keys& text = nested ? inner : whole;
  for (const std::string_view key :
       {"text_config", "llm_config", "language_config", "thinker_config", "model_type", "architectures"}) {
    whole.has(key);
    text.has(key);
  }
  if (nested) {  // outer objects repeat sizes of the text model
    for (const Aliases aliases : {Aliases(kHiddenSize), Aliases(kVocab), Aliases(kLayers)}) whole.first(aliases);
  }
  Reading reading{whole, text, *family, outer_type, text_type, {}};
  reading.model.model_type = outer_type.empty() ? text_type : outer_type;
  reading.model.gguf_arch = family->gguf_arch;
  (family->read != nullptr ? family->read : read_decoder)(reading);
  // One class for both, two architectures in llama.cpp.
  if (reading.model.gguf_arch == "qwen35" &&
      std::any_of(reading.model.layers.begin(), reading.model.layers.end(), [](const Layer& l) { return l.experts; })) {
    reading.model.gguf_arch = "qwen35moe";
  }
  read_towers(reading);
  read_storage(whole, text, reading.model);
  whole.report_unread(reading.model.warnings);
  if (nested) text.report_unread(reading.model.warnings);
  if (parameters(reading.model) <= 0) refuse(path, "this model has no parameters");
  return std::move(reading.model);
}

}  // namespace
}  // namespace read

Model read_config(const Json& config, const std::string& path) { return read::read_checked(config, path); }

Result<Model> read_config(std::string_view json_text, std::string_view path) {
  try {
    return read_config(parse_json(json_text, path), std::string(path));
  } catch (const BadInput& problem) {
    return problem.error;
  }
}

}  // namespace vram
