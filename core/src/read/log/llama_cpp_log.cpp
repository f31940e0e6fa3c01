// llama.cpp's start-up log. Formats: src/llama-model-loader.cpp, llama-model.cpp (print_info, load_tensors),
// llama-context.cpp, llama-kv-cache*.cpp, llama-memory-recurrent.cpp, ggml-cuda.cu; older builds print the same figures
// under the names llm_load_print_meta, llm_load_tensors, llama_new_context_with_model and llama_kv_cache_init.
#include <algorithm>

#include "read/log/engine_log.hpp"

namespace vram::read {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string_view last_word(std::string_view text) {
  text = trimmed(text);
  const std::size_t blank = text.find_last_of(" \t");
  return blank == text.npos ? text : text.substr(blank + 1);
}

std::string_view first_word(std::string_view text) {
  text = trimmed(text);
  return text.substr(0, text.find_first_of(" \t,;)"));
}

std::string_view unquoted(std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'') return text.substr(1, text.size() - 2);
  return text;
}

// "CUDA0 model buffer size =  4403.49 MiB", "CUDA0 KV buffer size", "CUDA_Host compute buffer size", ...
bool read_buffer(std::string_view name, std::string_view value, std::string_view function, EngineLog& log) {
  const std::size_t at = name.find(" buffer size");
  if (at == name.npos) return false;
  std::string_view what = last_word(name.substr(0, at));
  std::string_view device = name.substr(0, at);
  Printed figure;
  if (!printed_figure(value, figure)) return false;
  if (what == "model" || what == "KV" || what == "RS" || what == "compute" || what == "output") {
    device = trimmed(device.substr(0, device.size() - what.size()));
  } else {  // older builds: "llm_load_tensors: CUDA0 buffer size"
    device = trimmed(device);
    what = contains(function, "load_tensors") ? "model" : "";
  }
  if (what.empty() || device.empty() || contains(device, " ")) return false;
  const std::string_view term = what == "model"     ? "weights"
                                : what == "KV"      ? "kv_cache"
                                : what == "RS"      ? "recurrent_state"
                                : what == "compute" ? "compute_buffer"
                                                    : "output_buffer";
  if (term == "compute_buffer" || term == "output_buffer") log.drop(term, device);  // printed again: the last one holds
  log.add(term, device, "bytes", std::move(figure));
  return true;
}

void read_cache_types(std::string_view line, EngineLog& log) {
  for (const std::string_view side : {"K (", "V ("}) {
    const std::size_t at = line.find(side);
    if (at == line.npos) continue;
    const std::size_t end = line.find(')', at);
    if (end != line.npos) {
      log.facts[side[0] == 'K' ? "type_k" : "type_v"] = std::string(line.substr(at + 3, end - at - 3));
    }
  }
}

// "tensor blk.12.ffn_down_exps.weight (...) buffer type overridden to CPU"
bool read_override(std::string_view line, EngineLog& log) {
  const std::size_t at = line.find("blk.");
  if (at == line.npos || !contains(line, "overrid")) return false;
  if (contains(line, "_exps") && contains(line, "CPU")) {
    const std::string layer(line.substr(at + 4, line.find('.', at + 4) - at - 4));
    if (layer.size() > 6 || layer.empty() || layer.find_first_not_of("0123456789") != layer.npos) return false;
    std::string& most = log.facts["n_cpu_moe"];
    if (most.empty() || std::stol(layer) + 1 > std::stol(most)) most = std::to_string(std::stol(layer) + 1);
  } else {
    log.facts["tensors_moved"] = "yes";
  }
  return true;
}

bool read_device(std::string_view line, EngineLog& log) {
  // "  Device 0: NVIDIA GeForce RTX 4090, compute capability 8.9, VMM: yes"
  const std::size_t at = line.find("Device ");
  if (at == line.npos || !contains(line, "compute capability")) return false;
  const std::size_t colon = line.find(": ", at);
  if (colon == line.npos) return false;
  const std::string_view name = line.substr(colon + 2);
  const std::string gpu(trimmed(name.substr(0, name.find(','))));
  if (log.gpu_names.size() < 64) log.gpu_names.push_back(gpu);
  return true;
}

bool read_offloaded(std::string_view line, EngineLog& log) {
  const std::size_t at = line.find("offloaded ");
  if (at == line.npos || !contains(line, " layers to GPU")) return false;
  const std::string_view numbers = first_word(line.substr(at + 10));
  const std::size_t slash = numbers.find('/');
  if (slash == numbers.npos) return false;
  log.facts["layers_offloaded"] = std::string(numbers.substr(0, slash));
  log.facts["layers_total"] = std::string(numbers.substr(slash + 1));
  return true;
}

void begin_model(EngineLog& log) {
  for (const char* term : {"weights", "kv_cache", "recurrent_state", "compute_buffer", "output_buffer"})
    log.drop(term, "");
  log.facts.clear();
}

// What names a fact: everything that print_info and the context print as "name = value".
bool is_fact(std::string_view function, std::string_view name) {
  if (name.empty() || contains(name, " buffer") || name.size() > 80) return false;
  return contains(function, "print_info") || contains(function, "print_meta") || contains(function, "llama_context") ||
         contains(function, "llama_new_context") || contains(function, "llama_init_from_model");
}

}  // namespace

bool read_llama_cpp_line(std::string_view line, EngineLog& log) {
  if (contains(line, "llama_model_loader: loaded meta data")) {
    begin_model(log);
    const std::size_t from = line.find(" from ");
    if (from != line.npos) log.facts["file"] = std::string(first_word(line.substr(from + 6)));
    return true;
  }
  if (read_override(line, log) || read_device(line, log) || read_offloaded(line, log)) return true;
  if (contains(line, "Flash Attention was auto, set to ")) {
    log.facts["flash_attn"] = contains(line, "enabled") ? "enabled" : "disabled";
    return true;
  }
  if (contains(line, "using full-size SWA cache")) {
    log.facts["swa_full"] = "yes";
    return true;
  }
  if (contains(line, "pipeline parallelism enabled")) {
    log.facts["pipeline_parallelism"] = "yes";
    return true;
  }
  if (line.starts_with("build: ") || contains(line, " build: ") || contains(line, "build_info: ")) {
    const std::size_t at = line.find(contains(line, "build_info: ") ? "build_info: " : "build: ");
    log.version = std::string(first_word(line.substr(line.find(": ", at) + 2)));
    return contains(line, "(") || contains(line, "build_info");
  }
  const std::size_t equals = line.find('=');
  if (equals == line.npos) return false;
  std::string_view left = trimmed(line.substr(0, equals));
  const std::string_view value = trimmed(line.substr(equals + 1));
  const std::size_t colon = left.rfind(": ");
  const std::string_view function = colon == left.npos ? std::string_view() : left.substr(0, colon);
  std::string_view name = colon == left.npos ? left : trimmed(left.substr(colon + 2));
  if (contains(function, "llama_model_loader") || contains(left, "llama_model_loader: - kv")) {
    if (name.starts_with("- kv")) name = trimmed(name.substr(4));
    const std::string_view key = first_word(name);
    if (!contains(key, ".")) return false;
    log.facts[std::string(key)] = std::string(unquoted(value));
    return true;
  }
  if (read_buffer(name, value, function, log)) return true;
  if (name == "KV self size" || (name == "size" && contains(function, "llama_kv_cache"))) {
    read_cache_types(value, log);
    Printed figure;
    if (printed_figure(value, figure)) log.add("kv_cache", "", "bytes", std::move(figure));
    return true;
  }
  if (name == "size" && contains(function, "llama_memory_recurrent")) {
    Printed figure;
    if (printed_figure(value, figure)) log.add("recurrent_state", "", "bytes", std::move(figure));
    return true;
  }
  if (!is_fact(function, name)) return false;
  if (name == "n_ctx") {  // a context of its own: what was printed for another one is not this one's
    for (const char* term : {"kv_cache", "recurrent_state", "compute_buffer", "output_buffer"}) log.drop(term, "");
  }
  log.facts[std::string(name)] = std::string(unquoted(value));
  return true;
}

}  // namespace vram::read
