// Checks what all engines share, asks one engine, adds what every process pays.
#include <algorithm>
#include <string>

#include "llm/engines/engines.hpp"
#include "llm/parts.hpp"

namespace vram {
namespace {

constexpr int kMostGpus = 64;  // device names go to gpu:63

std::optional<Error> refused(const LlmRequest& request) {
  if (request.context < 1) {
    return Error{"/context", "context must be at least one token", std::to_string(request.context), "1 or more tokens"};
  }
  if (request.sequences < 1) {
    return Error{"/sequences", "at least one sequence is needed", std::to_string(request.sequences), "1 or more"};
  }
  if (request.machine.count < 1 || request.machine.count > kMostGpus) {
    return Error{"/gpu/count", "the number of GPUs is out of range", std::to_string(request.machine.count),
                 "a whole number from 1 to 64"};
  }
  return std::nullopt;
}

bool too_large(const Ledger& ledger) {
  Bytes sum = 0;
  for (const Entry& entry : ledger.entries) sum = add(sum, entry.bytes.high);
  return sum >= kRefusedBytes;
}

// Stable. There are few kinds: a pass for each is less code than std::stable_sort, and sooner done.
void in_order_of_kind(std::vector<Entry>& entries) {
  std::vector<Entry> sorted;
  sorted.reserve(entries.size());
  for (int kind = 0; kind < kKindCount && sorted.size() < entries.size(); ++kind) {
    for (Entry& entry : entries) {
      if (entry.kind == static_cast<Kind>(kind)) sorted.push_back(std::move(entry));
    }
  }
  entries = std::move(sorted);
}

}  // namespace

std::string_view name_of(const EngineOptions& engine) {
  struct Names {
    std::string_view operator()(const IdealOptions&) const { return "ideal"; }
    std::string_view operator()(const LlamaCppOptions& o) const {
      constexpr std::string_view kPrograms[] = {"llama.cpp", "ollama", "lm-studio", "koboldcpp"};
      return kPrograms[static_cast<std::size_t>(o.program)];
    }
    std::string_view operator()(const VllmOptions&) const { return "vllm"; }
    std::string_view operator()(const TransformersOptions&) const { return "transformers"; }
    std::string_view operator()(const SglangOptions&) const { return "sglang"; }
    std::string_view operator()(const TensorRtLlmOptions&) const { return "tensorrt-llm"; }
    std::string_view operator()(const MlxOptions&) const { return "mlx"; }
    std::string_view operator()(const ExLlamaOptions& o) const { return o.generation == 3 ? "exllamav3" : "exllamav2"; }
  };
  return std::visit(Names{}, engine);
}

std::string_view checked_against(const EngineOptions& engine) {
  struct Versions {
    std::string_view operator()(const IdealOptions&) const { return "1"; }
    // The buffers are llama.cpp's; of the programs around it, the version whose options and defaults were read.
    std::string_view operator()(const LlamaCppOptions& o) const {
      constexpr std::string_view kPrograms[] = {"0.5.0", "fb30760 (2026-08), llama.cpp 0.5.0",
                                                "lmstudio-js 1.5, llama.cpp 0.5.0", "1.117.1, llama.cpp 0.5.0"};
      return kPrograms[static_cast<std::size_t>(o.program)];
    }
    std::string_view operator()(const VllmOptions&) const { return "0.11.0"; }
    std::string_view operator()(const TransformersOptions&) const { return "4.57.0"; }
    std::string_view operator()(const SglangOptions&) const { return "0.5"; }
    std::string_view operator()(const TensorRtLlmOptions&) const { return "1.1"; }
    std::string_view operator()(const MlxOptions&) const { return "0.32.0"; }
    std::string_view operator()(const ExLlamaOptions& o) const { return o.generation == 3 ? "1.4.1" : "0.3.2"; }
  };
  return std::visit(Versions{}, engine);
}

Result<LlmEstimate> estimate(const LlmRequest& request) {
  EstimateMemo memo;
  return estimate(request, memo);
}

Result<LlmEstimate> estimate(const LlmRequest& request, EstimateMemo& memo) {
  if (std::optional<Error> error = refused(request)) return *std::move(error);
  Result<LlmEstimate> result = ask_engine(request, memo);
  if (!result.ok()) return result;
  add_overheads(request, *result);
  // Programs around llama.cpp take memory by its rules.
  const bool ggml = std::holds_alternative<LlamaCppOptions>(request.engine);
  apply(request.residuals, ggml ? "llama.cpp" : name_of(request.engine), request.profile.built_in, result->ledger);
  bound_what_is_left(request, *result);
  if (too_large(result->ledger)) {
    return Error{"", "this set-up would take more than 1 EiB; some of its numbers must be wrong", "",
                 "a model, context and number of sequences that fit on this planet"};
  }
  // In the order in which an engine takes its memory: what no longer fits is then the entry that fails first.
  in_order_of_kind(result->ledger.entries);
  return result;
}

}  // namespace vram
