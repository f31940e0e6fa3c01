// The settings that a log states, as an estimate request.
#include "api/log_request.hpp"

#include <algorithm>
#include <charconv>

#include "read/log/log_model.hpp"
#include "vram/bytes.hpp"
#include "vram/catalogue.hpp"

namespace vram {

using read::EngineLog;
using read::LogTerm;

int gpu_number(std::string_view device) {
  const bool mapped = device.ends_with("_Mapped");
  if (mapped) device.remove_suffix(7);
  if (device.starts_with("CPU") || device.find("Host") != device.npos || device == "BLAS") return -1;
  if (device == "Metal") return 0;
  const std::size_t digits = device.find_first_of("0123456789");
  if (digits == device.npos || digits == 0) return -2;
  int number = -2;
  const auto read = std::from_chars(device.data() + digits, device.data() + device.size(), number);
  return read.ec == std::errc() && read.ptr == device.data() + device.size() && number < 64 ? number : -2;
}

namespace {

std::int64_t number_of(const EngineLog& log, std::initializer_list<std::string_view> names, std::int64_t fallback) {
  const std::string* text = log.fact(names);
  std::int64_t number = fallback;
  if (text == nullptr) return fallback;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), number);
  return read.ec == std::errc() ? number : fallback;
}

bool truth_of(const std::string& text) {
  return text == "1" || text == "true" || text == "True" || text == "enabled" || text == "yes" || text == "on";
}

int gpus_of(const EngineLog& log) {
  int most = 0;
  for (const LogTerm& term : log.terms) most = std::max(most, gpu_number(term.device) + 1);
  return most;
}

std::string gpu_id_of(const std::string& printed) {
  const auto plain = [](std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    for (const char* word : {"nvidia ", "geforce ", "amd ", "radeon ", "intel ", "(r) ", "(tm) "}) {
      for (std::size_t at = text.find(word); at != text.npos; at = text.find(word))
        text.erase(at, std::string_view(word).size());
    }
    return text;
  };
  for (const CatalogueRow& row : gpu_rows()) {
    const Json json = parse_own(row.json);
    if (json.contains("name") && plain(json["name"].get<std::string>()) == plain(printed)) return std::string(row.id);
  }
  return {};
}

Json llama_cpp_options(const EngineLog& log) {
  Json engine = {{"name", "llama.cpp"}};
  const auto whole = [&](const char* option, std::initializer_list<std::string_view> names) {
    const std::int64_t number = number_of(log, names, -1);
    if (number > 0) engine[option] = number;
  };
  whole("n_ctx", {"n_ctx"});
  whole("n_batch", {"n_batch"});
  whole("n_ubatch", {"n_ubatch"});
  whole("n_seq_max", {"n_seq_max", "n_parallel"});
  whole("n_outputs_max", {"n_outputs_max"});
  whole("n_cpu_moe", {"n_cpu_moe"});
  if (const std::string* flash = log.fact("flash_attn"); flash != nullptr && *flash != "auto") {
    engine["flash_attn"] = truth_of(*flash);
  }
  if (const std::string* unified = log.fact("kv_unified")) engine["kv_unified"] = truth_of(*unified);
  if (log.fact("swa_full") != nullptr) engine["swa_full"] = true;
  const std::int64_t on_gpu = number_of(log, {"layers_offloaded"}, -1), all = number_of(log, {"layers_total"}, -1);
  if (on_gpu >= 0 && on_gpu < all) engine["n_gpu_layers"] = on_gpu;
  bool cache_on_gpu = false, cache_in_ram = false;
  for (const LogTerm& term : log.terms) {
    if (term.term != "kv_cache" || term.device.empty()) continue;
    (gpu_number(term.device) >= 0 ? cache_on_gpu : cache_in_ram) = true;
  }
  if (cache_in_ram && !cache_on_gpu && on_gpu > 0) engine["offload_kqv"] = false;
  return engine;
}

Json vllm_options(const EngineLog& log) {
  Json engine = {{"name", "vllm"}};
  for (const char* name :
       {"tensor_parallel_size", "pipeline_parallel_size", "max_num_seqs", "max_num_batched_tokens", "block_size"}) {
    if (const std::int64_t number = number_of(log, {name}, -1); number > 0) engine[name] = number;
  }
  if (const std::int64_t length = number_of(log, {"max_model_len", "max_seq_len"}, -1); length > 0)
    engine["max_model_len"] = length;
  if (const std::string* share = log.fact("gpu_memory_utilization")) {
    read::Printed number;
    if (read::printed_figure(*share, number) && number.value > 0 && number.value <= 1) {
      engine["gpu_memory_utilization"] = number.value;
    }
  }
  if (const std::string* eager = log.fact("enforce_eager")) engine["enforce_eager"] = truth_of(*eager);
  if (const std::string* type = log.fact("kv_cache_dtype"); type != nullptr && *type != "auto") {
    engine["kv_cache_dtype"] = *type == "fp8"        ? "fp8_e4m3"
                               : *type == "bfloat16" ? "bf16"
                               : *type == "float16"  ? "f16"
                                                     : *type;
  }
  return engine;
}

std::string vllm_weights(const EngineLog& log) {
  const std::string* kind = log.fact("quantization");
  if (kind == nullptr) {
    const std::string* dtype = log.fact("dtype");
    return dtype != nullptr && dtype->find("float16") != dtype->npos && dtype->find("bfloat16") == dtype->npos ? "fp16"
                                                                                                               : "bf16";
  }
  if (kind->find("awq") != kind->npos) return "awq";
  if (kind->find("gptq") != kind->npos) return "gptq";
  if (*kind == "mxfp4") return "mxfp4";
  return {};  // the checkpoint's own
}

}  // namespace

Json request_of_log(const EngineLog& log, const ObjectReader& reader, std::string& found_by) {
  Json request = {{"op", "estimate"}};
  const bool llama_cpp = log.engine == "llama.cpp";
  if (const Json* given = reader.find("model")) {
    request["model"] = *given;
    found_by = "request";
  } else if (std::optional<read::LogModel> found = read::model_of(log)) {
    request["model"] = found->model;
    found_by = found->found_by;
  } else {
    refuse("/model", "the log does not say which model this is, or the model is not in the catalogue", "",
           R"(a model beside the text: {"id": "..."}, {"config": {...}})");
  }
  request["engine"] = llama_cpp ? llama_cpp_options(log) : vllm_options(log);
  if (const Json* weights = reader.find("weights")) {
    request["weights"] = *weights;
  } else if (llama_cpp) {
    const std::string* type = log.fact({"file type", "model ftype", "ftype"});
    const std::string id = type != nullptr ? read::weights_of_file_type(*type) : "";
    if (!id.empty()) request["weights"] = id;
  } else if (const std::string id = vllm_weights(log); !id.empty()) {
    request["weights"] = id;
  }
  const std::string* k = log.fact({"type_k"});
  const std::string* v = log.fact({"type_v"});
  if (llama_cpp && k != nullptr && v != nullptr) request["kv_cache"] = {{"k", *k}, {"v", *v}};
  const std::int64_t sequences = llama_cpp ? number_of(log, {"n_seq_max", "n_parallel"}, 1) : 1;
  const std::int64_t cells = number_of(log, {"n_ctx", "max_model_len", "max_seq_len"}, 0);
  if (cells > 0)
    request["context"] = llama_cpp ? std::max<std::int64_t>(1, cells / std::max<std::int64_t>(sequences, 1)) : cells;
  if (llama_cpp && sequences > 1) request["sequences"] = sequences;
  if (const Json* gpu = reader.find("gpu")) {
    request["gpu"] = *gpu;
    return request;
  }
  const int count =
      llama_cpp
          ? std::max(1, gpus_of(log))
          : static_cast<int>(std::clamp<std::int64_t>(
                number_of(log, {"tensor_parallel_size"}, 1) * number_of(log, {"pipeline_parallel_size"}, 1), 1, 64));
  const std::string id = log.gpu_names.empty() ? "" : gpu_id_of(log.gpu_names.front());
  if (!id.empty()) {
    request["gpu"] = {{"id", id}, {"count", count}};
  } else if (log.gpu_bytes > 0) {
    request["gpu"] = {{"memory_gib", log.gpu_bytes / static_cast<double>(kGiB)}, {"count", count}};
  } else if (llama_cpp) {
    request["gpu"] = {{"memory_gib", 80}, {"count", count}};  // its buffers do not depend on the size of the GPU
  }
  return request;
}

}  // namespace vram
