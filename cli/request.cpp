#include "request.hpp"

#include <algorithm>
#include <filesystem>

#include "border.hpp"
#include "detect.hpp"
#include "files.hpp"
#include "numbers.hpp"
#include "weight_files.hpp"

namespace vram::cli {
namespace {

// Collects the members of the request. Values of files are spliced in as they are: our parser never walks them.
class Members {
 public:
  void add(std::string_view key, const std::string& json_text) {
    text_ += (text_.empty() ? "{" : ",") + ("\"" + std::string(key) + "\":") + json_text;
  }
  void add(std::string_view key, const Json& value) { add(key, compact(value)); }
  std::string object() const { return text_.empty() ? "{}" : text_ + "}"; }

 private:
  std::string text_;
};

Json field_value(const Field& field, const std::string& text) {
  switch (field.type) {
    case Field::Type::number: return number_of(text, first_flag(field));
    case Field::Type::tokens: return tokens_of(text, first_flag(field));
    case Field::Type::text: return text;
    case Field::Type::boolean: break;
  }
  return text == "true";
}

Json given_fields(const std::vector<Field>& fields, const std::map<std::string, std::string>& texts) {
  Json object = Json::object();
  for (const Field& field : fields) {
    const auto found = texts.find(field.key);
    if (found != texts.end() && !found->second.empty()) object[field.key] = field_value(field, found->second);
  }
  return object;
}

// What the file calls its model: "qwen3-8b" for qwen3-8b/config.json, qwen3-8b/ and qwen3-8b.json; "" for "-".
std::string name_of_file(const std::string& path) {
  if (path == "-") return "";
  std::error_code ignored;
  std::filesystem::path file = std::filesystem::weakly_canonical(path, ignored);
  if (std::filesystem::is_directory(file, ignored)) return file.filename().string();
  return file.filename() == "config.json" ? file.parent_path().filename().string() : file.stem().string();
}

// A folder here whose name no model of the catalogue has: "my-finetune". Where one has it, "llama-3.1-8b/" is the
// folder.
bool names_folder(const std::string& text) {
  std::error_code ignored;
  if (text.empty() || !std::filesystem::is_directory(text, ignored)) return false;
  const Json models = rows_of("models");
  return std::none_of(models.begin(), models.end(), [&](const Json& row) { return row.value("id", "") == text; });
}

Json kv_cache_of(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return text;
  return Json{{"k", text.substr(0, colon)}, {"v", text.substr(colon + 1)}};
}

// The engine named, else the one whose options were used if they all belong to one, else the one for the format.
std::string engine_meant(const SetUp& s, const Json& options) {
  if (!s.engine.empty()) return s.engine;
  std::string engine;
  for (const Field& field : engine_fields()) {
    if (!options.contains(field.key)) continue;
    if (!engine.empty() && engine != field.engine) {
      throw Problem{first_flag(field), "an option of " + std::string(field.engine) + " beside one of " + engine, "",
                    "options of one engine"};
    }
    engine = field.engine;
  }
  return engine.empty() ? engine_of_format(s.weights, s.kv_cache) : engine;
}

Json engine_of(const SetUp& s) {
  const Json named = given_fields(engine_fields(), s.engine_options);
  const std::string name = engine_meant(s, named);
  Json engine = Json::object();
  if (!name.empty()) engine["name"] = name;
  engine.update(named);
  for (const std::string& option : s.set) {
    const auto [key, value] = name_and_value(option, "--set");
    if (key == "name" || engine.contains(key)) throw Problem{"--set", "given twice", key, ""};
    engine[key] = value_of(value);
  }
  if (!engine.empty() && name.empty()) engine["name"] = "llama.cpp";
  return engine;
}

}  // namespace

std::string model_text(const SetUp& s) {
  const Json manual = given_fields(manual_fields(), s.manual);
  const int ways = !s.model.empty() + !s.config.empty() + !manual.empty();
  if (ways == 0)
    throw Problem{"--model", "no model named", "",
                  "--model ID (see `vram-estimator models`), --config FILE, or --params-billion N with --layers, "
                  "--kv-heads and --head-dim"};
  if (ways > 1) {
    std::string other = "--model";
    if (!manual.empty()) {
      for (const Field& field : manual_fields()) {
        if (manual.contains(field.key)) other = first_flag(field);
      }
    }
    throw Problem{other, "two models at once", "",
                  "one of --model, --config, or the numbers that start with --params-billion"};
  }
  Members model;
  if (names_weights(s.model) || names_folder(s.model)) {
    const std::string file = read_weights(s.model, "--model");
    model.add("file", file);
    if (const Json name = name_of_file(s.model); Json::parse(file)["name"] == "") model.add("name", name);
  } else if (!s.model.empty()) {
    model.add("id", Json(s.model));
  }
  if (!s.config.empty()) {
    model.add("config", json_file(s.config, "--config"));
    if (const std::string name = name_of_file(s.config); !name.empty()) model.add("name", Json(name));
  }
  if (!manual.empty()) model.add("manual", manual);
  return model.object();
}

// "q4_k_m", or "gptq:bits=4,group_size=128".
Json weights_of(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return text;
  Json weights = {{"format", text.substr(0, colon)}};
  for (std::size_t at = colon; at != text.npos;) {
    const std::size_t next = text.find(',', at + 1);
    const auto [name, value] =
        name_and_value(text.substr(at + 1, next == text.npos ? next : next - at - 1), "--weights");
    weights[name] = value_of(value);
    at = next;
  }
  return weights;
}

Json gpu_of(const SetUp& s, std::string& note) {
  Json gpu;
  if (!s.memory_gib.empty()) {
    if (!s.gpu.empty()) throw Problem{"--total-vram-gib", "given beside --gpu", "", "one of the two"};
    gpu = Json{{"memory_gib", number_of(s.memory_gib, "--total-vram-gib")}};
  } else if (s.gpu.empty() || s.gpu == "auto") {
    DetectedMachine machine = detected_machine();
    note = machine.note;
    gpu = std::move(machine.gpu);
    if (gpu.is_null() && s.gpu == "auto")
      throw Problem{"--gpu", note.empty() ? "no GPU found in this machine" : note, "auto",
                    "an id (see `vram-estimator gpus`), or --total-vram-gib N"};
  } else if (s.gpu != "none") {
    gpu = Json{{"id", s.gpu}};
  }
  if (!s.gpu_count.empty()) {
    if (gpu.is_null())
      throw Problem{"--gpus", "how many of which GPU?", s.gpu_count, "--gpu ID or --total-vram-gib N beside it"};
    gpu["count"] = number_of(s.gpu_count, "--gpus");
  }
  return gpu;
}

std::string engine_of_format(const std::string& weights, const std::string& kv_cache) {
  for (const char* start : {"fp8", "awq", "gptq", "nvfp4"}) {
    if (weights.starts_with(start) || kv_cache.starts_with(start)) return "vllm";
  }
  if (weights.starts_with("mlx")) return "mlx";
  if (weights.starts_with("exl")) return weights.starts_with("exl3") ? "exllamav3" : "exllamav2";
  return weights.starts_with("bnb") ? "transformers" : "";
}

Request request_of(std::string_view op, const SetUp& s, const std::vector<std::string>& also) {
  Request request;
  Members members;
  members.add("op", Json(op));
  members.add("model", model_text(s));
  if (!s.weights.empty()) members.add("weights", weights_of(s.weights));
  if (!s.kv_cache.empty()) members.add("kv_cache", kv_cache_of(s.kv_cache));
  if (!s.context.empty() && !s.context_k.empty())
    throw Problem{"--context-k", "given beside --context", s.context_k, "one of the two"};
  if (!s.context.empty()) members.add("context", tokens_of(s.context, "--context"));
  if (!s.context_k.empty()) members.add("context", kilo_tokens_of(s.context_k, "--context-k"));
  if (!s.sequences.empty()) members.add("sequences", number_of(s.sequences, "--sequences"));
  if (const Json engine = engine_of(s); !engine.empty()) members.add("engine", engine);
  const Json gpu = gpu_of(s, request.note);
  if (!gpu.is_null()) members.add("gpu", gpu);
  request.has_gpu = !gpu.is_null();
  if (!s.profile.empty()) members.add("profile", Json(s.profile));
  if (!s.profiles_file.empty()) members.add("rows", "{\"profiles\":" + json_file(s.profiles_file, "--profiles") + "}");
  if (!also.empty()) members.add("also", Json(also));
  request.text = members.object();
  return request;
}

std::string flag_of(std::string_view pointer) {
  for (const Field& field : manual_fields()) {
    if (pointer == "/model/manual/" + std::string(field.key)) return first_flag(field);
  }
  for (const Field& field : engine_fields()) {
    if (pointer == "/engine/" + std::string(field.key)) return first_flag(field);
  }
  static const std::pair<std::string_view, std::string_view> flags[] = {
      {"/model/id", "--model"},
      {"/model/config", "--config"},
      {"/model/manual", "--params-billion"},
      {"/model", "--model"},
      {"/weights", "--weights"},
      {"/kv_cache", "--kv-dtype"},
      {"/context", "--context"},
      {"/sequences", "--sequences"},
      {"/engine/name", "--engine"},
      {"/engine", "--set"},
      {"/gpu/id", "--gpu"},
      {"/gpu/memory_gib", "--total-vram-gib"},
      {"/gpu/count", "--gpus"},
      {"/gpu", "--gpu or --total-vram-gib"},
      {"/profile", "--profile"},
      {"/rows/profiles", "--profiles"},
      {"/also", "--also"},
  };
  for (const auto& [prefix, flag] : flags) {
    if (pointer == prefix) return std::string(flag);
    if (pointer.starts_with(prefix) && pointer[prefix.size()] == '/') {
      return std::string(flag) + " (" + std::string(pointer.substr(prefix.size() + 1)) + ")";
    }
  }
  return std::string(pointer.substr(pointer.starts_with('/') ? 1 : 0));
}

}  // namespace vram::cli
