// Which layout a list of files is.
#include <algorithm>

#include "read/file/state.hpp"

namespace vram {

using read::refuse_file;

namespace {

std::string file_part(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == name.npos ? name : name.substr(slash + 1);
}

// "model-00002-of-00005.safetensors" -> "model-"; other names as they are.
std::string family_of(const std::string& name) {
  const std::size_t of = name.rfind("-of-");
  if (of == name.npos || of < 6) return name;
  std::size_t digits = of;
  while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9') --digits;
  return digits == of || digits == 0 || name[digits - 1] != '-' ? name : name.substr(0, digits);
}

bool is_projector(const std::string& name) {
  const std::string file = file_part(name);
  return file.find("mmproj") != file.npos;
}

}  // namespace

void FileReader::State::start() {
  if (sources.size() > 1 || complete) return start_folder();
  const std::string& name = sources.begin()->first;
  if (name.ends_with(".json")) return start_json(name);
  start_weights(name);
}

void FileReader::State::start_json(const std::string& name) {
  const std::string file = file_part(name);
  if (file == "model_index.json") return start_pipeline(name);
  if (file == "adapter_config.json") return start_adapter(name);
  if (file.ends_with(".index.json")) return start_shards(name);
  open_text(name, false, std::int64_t{8} << 20, [this, name](const std::string& text) { start_json_text(name, text); });
}

void FileReader::State::start_json_text(const std::string& name, const std::string& text) {
  Json json = parse_json(text, "/" + name);
  if (json.is_object() && json.contains("layers") && json.contains("schemaVersion")) return start_manifest(name, json);
  if (!json.is_object() || (!json.contains("model_type") && !json.contains("architectures"))) {
    refuse_file(name, "this JSON describes no model", "",
                "config.json, model_index.json, adapter_config.json, *.index.json or an Ollama manifest");
  }
  facts.format = "config";
  facts.kind = "model";
  facts.config = std::move(json);
}

void FileReader::State::start_folder() {
  // The folder nearest to the top that holds something known; a folder dropped as such is one level down.
  std::vector<std::string> names;
  for (const auto& [name, bytes] : sources) names.push_back(name);
  std::stable_sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return std::count(a.begin(), a.end(), '/') < std::count(b.begin(), b.end(), '/');
  });
  const auto level = [](const std::string& name) { return std::count(name.begin(), name.end(), '/'); };
  const std::ptrdiff_t deepest = level(names.back());
  for (std::ptrdiff_t depth = level(names.front()); depth <= deepest; ++depth) {
    std::vector<std::string> here;
    for (const std::string& name : names) {
      if (level(name) == depth) here.push_back(name);
    }
    const auto named = [&](std::string_view wanted) -> const std::string* {
      for (const std::string& name : here) {
        if (file_part(name) == wanted) return &name;
      }
      return nullptr;
    };
    const auto ending = [&](std::initializer_list<std::string_view> suffixes) {
      std::vector<std::string> found;
      for (const std::string& name : here) {
        for (const std::string_view suffix : suffixes) {
          if (name.ends_with(suffix)) found.push_back(name);
        }
      }
      return found;
    };
    for (const char* known : {"model_index.json", "adapter_config.json", "model.safetensors.index.json",
                              "diffusion_pytorch_model.safetensors.index.json"}) {
      if (const std::string* name = named(known)) return start_json(*name);
    }
    for (const char* known : {"model.safetensors", "diffusion_pytorch_model.safetensors"}) {
      if (const std::string* name = named(known)) return start_weights(*name);
    }
    for (const auto suffixes : {std::initializer_list<std::string_view>{".safetensors.index.json"},
                                {".safetensors"},
                                {".gguf"},
                                {".bin.index.json"},
                                {".bin", ".pt", ".pth", ".ckpt"},
                                {".onnx"}}) {
      std::vector<std::string> found = ending(suffixes);
      if (found.empty()) continue;
      std::vector<std::string> projectors;
      for (const std::string& name : found) {
        if (name.ends_with(".gguf") && is_projector(name)) projectors.push_back(name);
      }
      if (projectors.size() < found.size()) std::erase_if(found, is_projector);
      const bool one = std::all_of(found.begin(), found.end(),
                                   [&](const std::string& name) { return family_of(name) == family_of(found[0]); });
      if (!one) {
        std::string list;
        for (const std::string& name : found) {
          if (family_of(name) == name || name.find("-00001-of-") != name.npos)
            list += (list.empty() ? "" : ", ") + file_part(name);
          if (list.size() > 400) break;
        }
        refuse("", "several models lie here", "", "one of: " + list);
      }
      if (found.front().ends_with(".json")) return start_json(found.front());
      if (found.size() > 1 && !found.front().ends_with(".gguf")) return start_shards_by_name(found);
      start_weights(found.front());
      if (projectors.size() == 1 && found.front() != projectors.front()) {
        const std::string projector = projectors.front();
        open_weights(projector, facts.projector, [](const read::FileParser&, std::string_view) {});
      }
      return;
    }
    if (const std::string* name = named("config.json"); name != nullptr && complete) return start_json(*name);
  }
  if (sources.size() == 1) return start_weights(names.front());
  refuse("", "no weights lie here", "",
         "a folder with *.safetensors, *.gguf, *.bin, *.onnx, model_index.json or adapter_config.json");
}

}  // namespace vram
