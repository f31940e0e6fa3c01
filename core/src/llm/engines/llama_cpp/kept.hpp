// What estimates of one model on llama.cpp find again: weight plans, placements, replayed graphs.
#pragma once

#include "llm/engines/llama_cpp/compute.hpp"
#include "llm/recent.hpp"

namespace vram::llama_cpp {

struct PlanKey {
  WeightFormat format;
  friend bool operator==(const PlanKey&, const PlanKey&) = default;
  std::size_t hash() const { return std::hash<std::string_view>{}(format.id); }
};

struct PlacementKey {
  std::int64_t n_gpu_layers = 0;
  int gpus = 0;
  friend bool operator==(const PlacementKey&, const PlacementKey&) = default;
  std::size_t hash() const { return mixed(static_cast<std::size_t>(n_gpu_layers), static_cast<std::size_t>(gpus)); }
};

// Where all weights stay on their GPU none is ever copied, and the graph's memory does not depend on their types: then
// `format` is left as it is by default.
struct ComputeKey {
  Settings settings;
  int gpus = 0;
  WeightFormat format;
  friend bool operator==(const ComputeKey&, const ComputeKey&) = default;
  std::size_t hash() const {
    std::size_t h = std::hash<std::string_view>{}(format.id);
    for (const std::int64_t field : {settings.n_ctx_seq, settings.n_seq, settings.n_tokens, settings.n_outputs,
                                     settings.n_gpu_layers, settings.n_cpu_moe}) {
      h = mixed(h, static_cast<std::size_t>(field));
    }
    return mixed(mixed(h, std::hash<const void*>{}(settings.type_k)), std::hash<const void*>{}(settings.type_v));
  }
};

struct Kept {
  Recent<PlanKey, WeightPlan, 64> plans;
  Recent<PlacementKey, Placement, 64> placements;
  Recent<ComputeKey, ComputeBuffers, 4096> buffers;
  std::vector<std::size_t> kinds;  // of every layer the first one that equals it
};

}  // namespace vram::llama_cpp
