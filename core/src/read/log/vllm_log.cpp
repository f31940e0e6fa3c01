// vLLM's start-up log, V0 and V1. Formats: vllm/v1/engine/core.py (config dump), vllm/v1/worker/gpu_model_runner.py,
// vllm/v1/core/kv_cache_utils.py, vllm/worker/worker.py; older versions print the same figures in other sentences.
#include <algorithm>

#include "read/log/engine_log.hpp"

namespace vram::read {
namespace {

struct Sentence {
  std::string_view before;  // what stands right before the figure
  std::string_view term;
  std::string_view unit;
};
constexpr Sentence kSentences[] = {
    {"Model loading took ", "weights", "bytes"},
    {"Loading model weights took ", "weights", "bytes"},
    {"model weights take ", "weights", "bytes"},
    {"Available KV cache memory: ", "kv_pool", "bytes"},
    {"the rest of the memory reserved for KV Cache is ", "kv_pool", "bytes"},
    {"GPU KV cache size: ", "kv_tokens", "tokens"},
    {"PyTorch activation peak memory takes ", "activations", "bytes"},
    {"non_torch_memory takes ", "non_torch", "bytes"},
    {"CUDA graph memory takes ", "cuda_graphs", "bytes"},
};

// The value behind `name` in a dump such as "name=value, " or "'name': value, ".
std::string value_of(std::string_view line, std::string_view name) {
  for (const std::string& opening : {std::string(name) + "=", "'" + std::string(name) + "': "}) {
    std::size_t at = line.find(opening);
    while (at != line.npos && at > 0 && opening[0] != '\'' &&
           std::string_view(" ,({").find(line[at - 1]) == std::string_view::npos) {
      at = line.find(opening, at + 1);  // the end of a longer name
    }
    if (at == line.npos) continue;
    std::string_view value = line.substr(at + opening.size());
    const bool quoted = !value.empty() && (value[0] == '\'' || value[0] == '"');
    const std::size_t end = quoted ? value.find(value[0], 1) : value.find_first_of(",)} \t");
    if (quoted) return end == value.npos ? std::string() : std::string(value.substr(1, end - 1));
    return std::string(value.substr(0, end));
  }
  return {};
}

bool read_settings(std::string_view line, EngineLog& log) {
  const bool dump = line.find("LLM engine (v") != line.npos;
  if (!dump && line.find("non-default args: ") == line.npos && line.find("--model ") == line.npos) return false;
  if (dump) {
    const std::size_t at = line.find("LLM engine (v") + 13;
    log.version = std::string(line.substr(at, line.find(')', at) - at));
  }
  for (const char* name : {"model", "dtype", "max_seq_len", "max_model_len", "tensor_parallel_size",
                           "pipeline_parallel_size", "quantization", "enforce_eager", "kv_cache_dtype",
                           "gpu_memory_utilization", "max_num_seqs", "max_num_batched_tokens", "block_size"}) {
    const std::string value = value_of(line, name);
    if (!value.empty() && value != "None") log.facts[name] = value;
  }
  if (const std::string* model = log.fact("model")) log.model_name = *model;
  return true;
}

bool read_graphs(std::string_view line, EngineLog& log) {
  const std::size_t at = line.find("Graph capturing finished in ");
  const std::size_t took = line.find("took ", at == line.npos ? 0 : at);
  Printed figure;
  if (at == line.npos || took == line.npos || !printed_figure(line.substr(took + 5), figure)) return false;
  log.drop("cuda_graphs", "");
  log.add("cuda_graphs", "", "bytes", std::move(figure));
  return true;
}

bool read_concurrency(std::string_view line, EngineLog& log) {
  const std::size_t at = line.find("Maximum concurrency for ");
  if (at == line.npos) return false;
  Printed length, figure;
  const std::size_t colon = line.find("request: ", at);
  if (!printed_figure(line.substr(at + 24), length)) return false;
  if (log.fact("max_model_len") == nullptr) {
    log.facts["max_model_len"] = std::to_string(static_cast<long long>(length.value));
  }
  if (colon != line.npos && printed_figure(line.substr(colon + 9), figure)) {
    log.drop("max_concurrency", "");
    log.add("max_concurrency", "", "requests", std::move(figure));
  }
  return true;
}

// "total_gpu_memory (21.66GiB) x gpu_memory_utilization (0.93) = 20.15GiB"
bool read_budget(std::string_view line, EngineLog& log) {
  const std::size_t total = line.find("total_gpu_memory (");
  if (total == line.npos) return false;
  Printed figure;
  if (printed_figure(line.substr(total + 18), figure)) log.gpu_bytes = figure.value;
  const std::size_t share = line.find("gpu_memory_utilization (");
  if (share != line.npos) {
    const std::string_view value = line.substr(share + 24);
    log.facts["gpu_memory_utilization"] = std::string(value.substr(0, value.find(')')));
  }
  return true;
}

}  // namespace

bool read_vllm_line(std::string_view line, EngineLog& log) {
  bool any = read_settings(line, log);
  any = read_graphs(line, log) || any;
  any = read_concurrency(line, log) || any;
  any = read_budget(line, log) || any;
  for (const Sentence& sentence : kSentences) {
    const std::size_t at = line.find(sentence.before);
    Printed figure;
    if (at == line.npos || !printed_figure(line.substr(at + sentence.before.size()), figure)) continue;
    log.drop(sentence.term, "");  // every worker prints its own: they are alike
    log.add(sentence.term, "", sentence.unit, std::move(figure));
    any = true;
  }
  return any;
}

}  // namespace vram::read
