// A Diffusers folder: model_index.json, and of every component its config and the headers of its weights.
// Source: huggingface/diffusers src/diffusers/pipelines/pipeline_utils.py (from_pretrained), utils/constants.py.
#include "read/file/state.hpp"
#include "read/safetensors/safetensors.hpp"

namespace vram {

namespace {

constexpr std::int64_t kConfigLimit = std::int64_t{4} << 20;

// Components without weights: what they are is in their class.
bool has_weights(std::string_view class_name) {
  for (const std::string_view part : {"Scheduler", "Tokenizer", "Processor", "FeatureExtractor"}) {
    if (class_name.find(part) != class_name.npos) return false;
  }
  return true;
}

// Names under which a component's weights are looked for, the preferred first.
constexpr std::string_view kWeights[] = {
    "diffusion_pytorch_model.safetensors.index.json",
    "diffusion_pytorch_model.safetensors",
    "model.safetensors.index.json",
    "model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "model.fp16.safetensors",
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
};

}  // namespace

void FileReader::State::start_pipeline(const std::string& name) {
  facts.format = "diffusers";
  facts.kind = "pipeline";
  open_text(name, false, kConfigLimit, [this, name](const std::string& text) {
    const Json json = parse_json(text, "/" + name);
    if (!json.is_object() || !json.contains("_class_name") || !json["_class_name"].is_string()) {
      read::refuse_file(name, "this model_index.json has no _class_name", "", "the index of a Diffusers pipeline");
    }
    facts.architecture = json["_class_name"].get<std::string>();
    const std::size_t slash = name.rfind('/');
    const std::string folder = slash == name.npos ? "" : name.substr(0, slash + 1);
    facts.metadata = Json::object();
    for (const auto& [key, value] : json.items()) {
      if (key == "_name_or_path" && value.is_string()) facts.name = value.get<std::string>().substr(0, 200);
      const bool pair = value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string();
      if (!pair) {
        if (!value.is_structured() && key[0] != '_') facts.metadata[key] = value;
        continue;
      }
      if (facts.components.size() >= 64 || key.empty() || key.find('/') != key.npos || key.find("..") != key.npos) {
        read::refuse_file(name, "this pipeline has a component that cannot be", shown(Json(key)));
      }
      read::PipelineComponent& component = facts.components.emplace_back();
      component.name = key;
      component.library = value[0].get<std::string>();
      component.class_name = value[1].get<std::string>();
      open_component(folder + key + "/", component);
    }
  });
}

void FileReader::State::open_component(const std::string& folder, read::PipelineComponent& component) {
  const bool weights = has_weights(component.class_name);
  const std::string config =
      folder + (component.class_name.find("Scheduler") != std::string::npos ? "scheduler_config.json" : "config.json");
  if (may_exist(config) && (weights || component.class_name.find("Scheduler") != std::string::npos)) {
    open_text(config, true, kConfigLimit, [config, &component](const std::string& text) {
      component.config = parse_json(text, "/" + config);
      for (const char* key : {"id2label", "label2id", "task_specific_params"}) {
        if (component.config.is_object()) component.config.erase(key);
      }
    });
  }
  if (weights) open_component_weights(folder, component, 0);
}

void FileReader::State::open_component_weights(const std::string& folder, read::PipelineComponent& component,
                                               std::size_t candidate) {
  for (; candidate < std::size(kWeights); ++candidate) {
    const std::string file = folder + std::string(kWeights[candidate]);
    if (!may_exist(file)) continue;
    const auto next = [this, folder, &component, candidate] {
      open_component_weights(folder, component, candidate + 1);
    };
    if (file.ends_with(".index.json")) {
      open_text(
          file, !listed(file), std::int64_t{64} << 20,
          [this, file, folder, &component](const std::string& text) {
            for (const std::string& shard : read::shards_of_index(file, text))
              open_component_file(folder + shard, component, false, {});
          },
          next);
    } else {
      open_component_file(file, component, !listed(file), next);
    }
    return;
  }
  facts.warnings.push_back(
      {"/components", "no weights were found for " + component.name + " (" + component.class_name + ")"});
}

void FileReader::State::open_component_file(const std::string& file, read::PipelineComponent& component, bool optional,
                                            std::function<void()> not_there) {
  open_weights(file, component.tensors, [this, file](const read::FileParser& parser, std::string_view format) {
    add_part(file, header_of(parser, format));
  });
  if (files.empty() || files.back().name != file) return;
  files.back().optional = optional;
  files.back().missing = std::move(not_there);
}

}  // namespace vram
