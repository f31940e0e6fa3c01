// What estimates of one model on llama.cpp find again: weight plans, placements, replayed graphs.
#pragma once

#include "llm/engines/llama_cpp/compute.hpp"
#include "vram/memo.hpp"

namespace vram::llama_cpp {

struct PlanKey {
  WeightFormat format;
  friend bool operator==(const PlanKey&, const PlanKey&) = default;
  std::size_t hash() const { return std::hash<std::string_view>{}(format.id); }
};

struct PlacementKey {
  std::int64_t n_gpu_layers = 0;
  int gpus = 0;
  bool one_gpu = false;
  std::int64_t main_gpu = 0;
  std::vector<double> tensor_split;
  friend bool operator==(const PlacementKey&, const PlacementKey&) = default;
  std::size_t hash() const { return mixed(static_cast<std::size_t>(n_gpu_layers), static_cast<std::size_t>(gpus)); }
};

// What a draft model finds again beside the first model.
struct KeptOfDraft {
  std::shared_ptr<const DraftModel> draft;  // held, so that no other one takes its address
  std::unique_ptr<EstimateMemo> memo;

  EstimateMemo& memo_for(const std::shared_ptr<const DraftModel>& asked) {
    if (draft != asked) {
      draft = asked;
      memo = std::make_unique<EstimateMemo>();
    }
    return *memo;
  }
};

struct Kept {
  Recent<PlanKey, WeightPlan, 64> plans;
  Recent<PlacementKey, Placement, 64> placements;
  GraphFamilies graphs;
  std::vector<std::size_t> kinds;  // of every layer the first one that equals it
};

}  // namespace vram::llama_cpp
