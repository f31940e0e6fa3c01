// The compute buffers: what llama.cpp reserves for its worst-case graph on every device.
#pragma once

#include <vector>

#include "llm/engines/llama_cpp/placement.hpp"

namespace vram::llama_cpp {

struct ComputeBuffers {
  bool flash_on_cpu = false;  // flash attention was asked for, and the GPU has no kernel for these heads
  std::vector<Interval> gpu;  // one per GPU of the placement
  Interval host;              // pinned RAM for inputs and for what is computed on the CPU
  bool described = true;      // false: a generic decoder stood in for this architecture's graph
};
// `every_layer`: describes layers that repeat, too. The answer is the same; tests ask for both.
ComputeBuffers compute_buffers(const LlmRequest& request, const Settings& settings, const Placement& placement,
                               const WeightPlan& weights, bool every_layer = false);

}  // namespace vram::llama_cpp
