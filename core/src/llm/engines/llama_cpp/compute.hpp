// The compute buffers: what llama.cpp reserves for its worst-case graph on every device.
#pragma once

#include <vector>

#include "llm/engines/llama_cpp/graph_family.hpp"
#include "llm/engines/llama_cpp/placement.hpp"
#include "llm/recent.hpp"

namespace vram::llama_cpp {

struct ComputeBuffers {
  bool flash_on_cpu = false;  // flash attention was asked for, and the GPU has no kernel for these heads
  std::vector<Interval> gpu;  // one per GPU of the placement
  Interval host;              // pinned RAM for inputs and for what is computed on the CPU
  bool described = true;      // false: a generic decoder stood in for this architecture's graph
};
// Graphs that differ in the length of the cache only; `settings` without n_ctx, n_ctx_seq and n_batch. Where all
// weights stay on their GPU none is ever copied, and the graph's memory does not depend on their types: then `format`
// is left as it is by default.
struct FamilyKey {
  Settings settings;
  int gpus = 0;
  WeightFormat format;
  bool dry_run = true;
  bool every_layer = true;
  friend bool operator==(const FamilyKey&, const FamilyKey&) = default;
  std::size_t hash() const;
};
using GraphFamilies = Recent<FamilyKey, GraphFamily, 32>;

// `every_layer`: describes layers that repeat, too. The answer is the same; tests ask for both.
ComputeBuffers compute_buffers(const LlmRequest& request, const Settings& settings, const Placement& placement,
                               const WeightPlan& weights, GraphFamilies& families, bool every_layer = false);

}  // namespace vram::llama_cpp
