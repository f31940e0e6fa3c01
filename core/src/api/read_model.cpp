// "model": a catalogue id, a config.json, or numbers as people type them. And the caller's own rows.
#include "api/request.hpp"
#include "api/scope.hpp"
#include "read/config.hpp"
#include "vram/catalogue.hpp"
#include "vram/read.hpp"

namespace vram {
namespace {

constexpr const char* kForms = R"(one of {"id": "..."}, {"config": {...}}, {"file": {...}}, {"manual": {...}})";

// The ids of a caller's rows are needed before a row is picked; the picked row is then read and checked in full.
const Json* checked_list(const ObjectReader& rows, std::string_view key) {
  const Json* list = rows.find(key);
  if (list == nullptr) return nullptr;
  const std::string path = rows.path_of(key);
  if (!list->is_array()) refuse(path, std::string(key) + " must be a list of rows", shown(*list), "a list [...]");
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (ObjectReader((*list)[i], path_at(path, i)).string("id").empty()) {
      refuse(path_at(path, i) + "/id", "id is empty", "", "a text");
    }
  }
  return list;
}

Model named_model(const std::string& id, const CallerRows& rows, const std::string& path) {
  if (rows.models != nullptr) {
    for (std::size_t i = 0; i < rows.models->size(); ++i) {
      const Json& row = (*rows.models)[i];
      if (row["id"] != id) continue;
      const ObjectReader reader(row, path_at("/rows/models", i));
      reader.only({"id", "name", "model_type", "parameters", "active_parameters", "max_position_embeddings",
                   "native_weights", "config", "source"});
      const Json* config = reader.find("config");
      if (config == nullptr) refuse(reader.path_of("config"), "config is missing", "", "an object {...}");
      Model model = read_config(*config, reader.path_of("config"));
      model.id = id;
      model.name = reader.string_or("name", id);
      return model;
    }
  }
  const CatalogueRow* row = find_row(model_rows(), id);
  if (row == nullptr) {
    std::vector<std::string_view> known;
    for (const CatalogueRow& candidate : model_rows()) known.push_back(candidate.id);
    refuse(path + "/id", "no model has this id" + did_you_mean(id, known), shown(Json(id)),
           "an id of the catalogue (op \"catalogue\", list \"models\")");
  }
  const Json json = parse_own(row->json);
  Model model = read_config(json["config"], path);
  model.id = id;
  model.name = json["name"].get<std::string>();
  return model;
}

Model manual_model(const Json& json, const std::string& path) {
  const ObjectReader reader(json, path);
  reader.only({"parameters_billion", "num_hidden_layers", "num_key_value_heads", "head_dim", "num_attention_heads",
               "hidden_size", "intermediate_size", "vocab_size", "vision_tower_gib", "fragmentation_factor"});
  ManualModel manual;
  manual.parameters_billion = reader.number("parameters_billion", 1e-6, 1e5);
  manual.num_hidden_layers = reader.integer("num_hidden_layers", 1, 10'000);
  manual.num_key_value_heads = reader.integer("num_key_value_heads", 1, 4096);
  manual.head_dim = reader.integer("head_dim", 1, 65'536);
  manual.num_attention_heads = reader.integer_or("num_attention_heads", 1, 4096, 0);
  manual.hidden_size = reader.integer_or("hidden_size", 1, 1 << 20, 0);
  manual.intermediate_size = reader.integer_or("intermediate_size", 1, 1 << 24, 0);
  manual.vocab_size = reader.integer_or("vocab_size", 1, 1 << 24, 0);
  manual.vision_tower_gib = reader.number_or("vision_tower_gib", 0, 1e4, 0);
  manual.fragmentation_factor = reader.number_or("fragmentation_factor", 1, 4, 1);
  if (manual.num_attention_heads % manual.num_key_value_heads != 0) {
    refuse(reader.path_of("num_key_value_heads"), "num_key_value_heads must divide num_attention_heads",
           std::to_string(manual.num_key_value_heads),
           "a divisor of num_attention_heads (" + std::to_string(manual.num_attention_heads) + ")");
  }
  return model_from(manual);
}

}  // namespace

CallerRows read_rows(const ObjectReader& request) {
  CallerRows rows;
  const Json* json = request.find("rows");
  if (json == nullptr) return rows;
  const ObjectReader reader(*json, "/rows");
  reader.only({"models", "gpus", "profiles", "residuals"});
  rows.models = checked_list(reader, "models");
  rows.gpus = checked_list(reader, "gpus");
  rows.profiles = checked_list(reader, "profiles");
  rows.residuals = checked_list(reader, "residuals");
  return rows;
}

Model read_model(const ObjectReader& request, const CallerRows& rows) {
  const Json* json = request.find("model");
  const std::string path = request.path_of("model");
  if (json == nullptr) refuse(path, "model is missing", "", kForms);
  const ObjectReader reader(*json, path);
  reader.only({"id", "config", "name", "manual", "file", "fused_qkv"});
  if (reader.has("id") + reader.has("config") + reader.has("manual") + reader.has("file") != 1) {
    refuse(path, "a model is given by exactly one of id, config, file and manual", shown(*json), kForms);
  }
  if (reader.has("name") && reader.has("id")) {
    refuse(path + "/name", "a model of the catalogue has its name already", shown(*reader.find("name")),
           "no name beside id");
  }
  Model model = reader.has("id")       ? named_model(reader.string("id"), rows, path)
                : reader.has("config") ? read_config(*reader.find("config"), path + "/config")
                : reader.has("file")   ? scope().read_model_file(*reader.find("file"), path + "/file")
                                       : manual_model(*reader.find("manual"), path + "/manual");
  model.name = reader.string_or("name", model.name);
  if (reader.boolean_or("fused_qkv", false)) fuse_qkv(model);
  return model;
}

}  // namespace vram
