#include <algorithm>
#include <map>

#include "source/text.hpp"
#include "vram/source.hpp"

namespace vram {
namespace {

// "Q4_K_M" of "Meta-Llama-3.1-8B-Instruct-Q4_K_M-00001-of-00002.gguf"; empty when the name says none.
std::string quantization_in(std::string_view path) {
  std::string best;
  for (const std::string_view piece : split(file_name(path), "-. ")) {
    const std::string low = lower(piece);
    const bool number_follows = low.size() >= 2 && low[1] >= '0' && low[1] <= '9';
    const bool quantized = (low[0] == 'q' && number_follows) || low.starts_with("iq") || low.starts_with("tq");
    if (quantized && low.find_first_of("0123456789") != low.npos) best = piece;
    for (const char* word : {"f16", "f32", "bf16", "fp16", "fp32", "mxfp4", "mxfp4_moe", "nvfp4", "fp8"}) {
      if (low == word) best = piece;
    }
  }
  if (best.empty()) return best;
  // "UD-Q4_K_XL": dynamic mixes carry a prefix that tells them from the plain ones.
  if (file_name(path).find("UD-" + best) != std::string_view::npos) best = "UD-" + best;
  return best;
}

// "model-00001-of-00003.gguf" -> "model.gguf": what all parts of a split file share.
std::string without_part(std::string_view path) {
  const auto of = path.rfind("-of-");
  if (of == path.npos || of < 6) return std::string(path);
  const auto digits = [&](std::size_t from, std::size_t count) {
    if (from + count > path.size()) return false;
    const std::string_view part = path.substr(from, count);
    return part.find_first_not_of("0123456789") == part.npos;
  };
  if (path[of - 6] != '-' || !digits(of - 5, 5) || !digits(of + 4, 5)) return std::string(path);
  return std::string(path.substr(0, of - 6)) + std::string(path.substr(of + 9));
}

bool is_inside(std::string_view path, std::string_view folder) {
  return folder.empty() || (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

void add(Choice& choice, const ListedFile& file) {
  choice.files.push_back(file);
  choice.bytes = choice.bytes < 0 || file.bytes < 0 ? -1 : choice.bytes + file.bytes;
}

// The weights of one folder and ending are one model; files beside them come along, their bytes are not counted.
struct Kind {
  std::string_view ending;
  std::string_view name;
};
constexpr Kind kWhole[] = {
    {".safetensors", "safetensors"}, {".bin", "pytorch"}, {".pth", "pytorch"}, {".pt", "pytorch"}};
// A pipeline's component keeps its weights in a folder; one form of them is what people load.
constexpr std::string_view kSpare[] = {".fp16.",        ".non_ema.", "flax_model",   "tf_model",  "openvino_",
                                       "training_args", "optimizer", "scheduler.pt", "rng_state", "consolidated."};

bool is_spare(std::string_view path) {
  return std::any_of(std::begin(kSpare), std::end(kSpare),
                     [&](std::string_view word) { return path.find(word) != path.npos; });
}

bool has_ending(const std::vector<ListedFile>& files, std::string_view folder, std::string_view ending) {
  return std::any_of(files.begin(), files.end(), [&](const ListedFile& file) {
    return folder_of(file.path) == folder && std::string_view(file.path).ends_with(ending) && !is_spare(file.path);
  });
}

void add_beside(Choice& choice, const std::vector<ListedFile>& files, std::string_view folder) {
  for (const ListedFile& file : files) {
    if (folder_of(file.path) == folder && file.path.ends_with(".json")) choice.files.push_back(file);
  }
}

// A pipeline: model_index.json, and the weights of every folder below it, safetensors before others.
Choice pipeline_in(std::string_view folder, const std::vector<ListedFile>& files) {
  Choice choice{folder.empty() ? "pipeline" : std::string(folder), "diffusers", 0, {}};
  for (const ListedFile& file : files) {
    const std::string_view path = file.path;
    const std::string_view own = folder_of(path);
    if (!is_inside(path, folder) || own == folder || is_spare(path)) continue;
    const bool safe = path.ends_with(".safetensors");
    if (safe || (path.ends_with(".bin") && !has_ending(files, own, ".safetensors"))) add(choice, file);
  }
  for (const ListedFile& file : files) {
    if (is_inside(file.path, folder) && file.path.ends_with(".json")) choice.files.push_back(file);
  }
  return choice;
}

void add_gguf(std::vector<Choice>& choices, const std::vector<ListedFile>& files) {
  std::map<std::string, Choice> sets;
  for (const ListedFile& file : files) {
    if (!lower(file.path).ends_with(".gguf")) continue;
    Choice& choice = sets[without_part(file.path)];
    if (choice.name.empty()) {
      choice.kind = lower(file_name(file.path)).find("mmproj") != std::string::npos ? "mmproj" : "gguf";
      choice.name = quantization_in(file.path);
      if (choice.name.empty() || choice.kind == "mmproj") choice.name = file_name(without_part(file.path));
    }
    add(choice, file);
  }
  std::map<std::string, int> same;
  for (const auto& [set, choice] : sets) ++same[choice.name];
  for (auto& [set, choice] : sets) {
    if (same[choice.name] > 1) choice.name = file_name(set);
    std::sort(choice.files.begin(), choice.files.end(),
              [](const ListedFile& a, const ListedFile& b) { return a.path < b.path; });
    choices.push_back(std::move(choice));
  }
}

void add_folders(std::vector<Choice>& choices, const std::vector<ListedFile>& files) {
  std::vector<std::string> pipelines;
  for (const ListedFile& file : files) {
    if (file_name(file.path) != "model_index.json") continue;
    pipelines.emplace_back(folder_of(file.path));
    choices.push_back(pipeline_in(folder_of(file.path), files));
  }
  std::map<std::string, Choice> folders;  // by folder and kind
  for (const ListedFile& file : files) {
    const std::string folder(folder_of(file.path));
    const bool of_pipeline = std::any_of(pipelines.begin(), pipelines.end(), [&](const std::string& pipeline) {
      return is_inside(file.path, pipeline) && folder != pipeline;
    });
    if (of_pipeline) continue;
    for (const Kind& kind : kWhole) {
      if (!std::string_view(file.path).ends_with(kind.ending)) continue;
      if (is_spare(file.path) && (kind.name == "pytorch" || has_ending(files, folder, kind.ending))) continue;
      if (kind.name == "pytorch" && has_ending(files, folder, ".safetensors")) continue;
      const bool adapter = file_name(file.path).starts_with("adapter_model");
      const std::string_view name = adapter ? "adapter" : kind.name;
      Choice& choice = folders[folder + '\n' + std::string(name)];
      choice.kind = name;
      choice.name = folder.empty() ? std::string(name) : folder;
      add(choice, file);
    }
  }
  for (auto& [key, choice] : folders) {
    add_beside(choice, files, folder_of(choice.files.front().path));
    choices.push_back(std::move(choice));
  }
}

// Order of kinds in a list: what most people mean first.
int rank(std::string_view kind) {
  constexpr std::string_view kOrder[] = {"gguf",    "safetensors", "diffusers", "pytorch",
                                         "adapter", "onnx",        "ollama",    "mmproj"};
  return static_cast<int>(std::find(std::begin(kOrder), std::end(kOrder), kind) - std::begin(kOrder));
}

}  // namespace

std::vector<Choice> choices_among(const std::vector<ListedFile>& listed, const Location& location) {
  std::vector<ListedFile> files;
  for (const ListedFile& file : listed) {
    if (!location.folder || is_inside(file.path, location.path)) files.push_back(file);
  }
  std::vector<Choice> choices;
  if (location.host == Location::Host::ollama) {  // its files have digests for names
    for (const ListedFile& file : files) choices.push_back({location.revision, "ollama", file.bytes, {file}});
    return choices;
  }
  add_gguf(choices, files);
  add_folders(choices, files);
  for (const ListedFile& file : files) {
    if (!file.path.ends_with(".onnx")) continue;
    choices.push_back({std::string(file.path), "onnx", file.bytes, {file}});
  }
  std::stable_sort(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) {
    return rank(a.kind) != rank(b.kind) ? rank(a.kind) < rank(b.kind) : a.bytes < b.bytes;
  });
  return choices;
}

int chosen_by(const Location& location, const std::vector<Choice>& choices) {
  int only = -1;
  int models = 0;
  for (int i = 0; i < static_cast<int>(choices.size()); ++i) {
    const Choice& choice = choices[static_cast<std::size_t>(i)];
    if (!location.folder) {
      for (const ListedFile& file : choice.files) {
        if (file.path == location.path) return i;
      }
    }
    if (!location.quantization.empty() && lower(choice.name) == lower(location.quantization)) return i;
    if (choice.kind != "mmproj") {
      only = i;
      ++models;
    }
  }
  return location.folder && location.quantization.empty() && models == 1 ? only : -1;
}

}  // namespace vram
