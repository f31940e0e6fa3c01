// The allocator over time: what it holds at each run, and what every process pays before.
#include <algorithm>
#include <cmath>

#include "diffusion/parts.hpp"

namespace vram::diffusion {

// aten/src/ATen/cuda/CublasHandlePool.cpp (v2.8.0).
Bytes cublas_workspace(const PipelineRequest& request) {
  if (request.engine.engine == DiffusionEngine::stable_diffusion_cpp) return 0;  // its own pool, in the context
  if (request.has_gpu && !request.machine.gpu.vendor.empty() && request.machine.gpu.vendor != "nvidia") return 0;
  const bool hopper = request.has_gpu && request.machine.gpu.compute_capability.substr(0, 2) == "9.";
  return hopper ? 4096 * 8 * kKiB : 4096 * 2 * kKiB + 16 * 8 * kKiB;
}

Interval outside_of(const OverheadProfile& profile) {
  return Interval{profile.display_reserve_low, profile.display_reserve, profile.display_reserve_high} +
         Interval{profile.runtime_context_low, profile.runtime_context, profile.runtime_context_high} +
         Interval{profile.framework_low, profile.framework, profile.framework_high};
}

Interval wider(Bytes expected, double low, double high) {
  const auto x = static_cast<double>(expected);
  return {static_cast<Bytes>(std::llround(x * low)), expected, static_cast<Bytes>(std::llround(x * high))};
}

// The allocator keeps what earlier runs took, unless its cache is emptied in between.
std::vector<Moment> moments(const PipelineRequest& request, Plan plan, Bytes beside) {
  std::vector<Moment> result;
  const bool emptied = !request.keeps_cache || plan.empties_cache;
  Bytes taken = 0;
  for (Run& run : plan.runs) {
    Moment m;
    for (const Held& held : run.held) m.weights = add(m.weights, held.gpu);
    m.beside = plan.companions_stay || run.stage == Stage::denoise;
    if (m.beside) m.weights = add(m.weights, beside);
    taken = emptied ? run.pass.reserved : std::max(taken, run.pass.reserved);
    m.cached = std::max<Bytes>(0, taken - run.pass.live.expected);
    m.run = std::move(run);
    // Weights are exact, what lies beside them is not: buffers, copies of the pipeline, blocks rounded up.
    Interval& live = m.run.pass.live;
    live.low = std::max<Bytes>(0, live.low - m.weights / 50);
    live.high = add(live.high, m.weights / 50);
    result.push_back(std::move(m));
  }
  return result;
}

}  // namespace vram::diffusion
