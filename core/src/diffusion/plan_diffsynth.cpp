// DiffSynth-Studio 2.0 (commit fed7b18fac2e). diffsynth/core/vram/layers.py, diffusion/base_pipeline.py
// load_models_to_device: the components that are called next go to their onload state, all others to offload. A layer
// that is called goes on to the preparing state while less than vram_limit is used on the whole card; where its state
// is not that of the computation, its weights are copied for the call.
#include <algorithm>

#include "diffusion/parts.hpp"

namespace vram::diffusion {
namespace {

// diffsynth/core/vram/disk_map.py: files are opened anew after so many parameters; until then their pages may stay.
constexpr Bytes kMappedParameters = 1'000'000'000;

Held place(const Weights& w, const Residence& where) {
  const Bytes bytes = plain_bytes(w.count, where.dtype);
  switch (where.device) {
    case Device::Type::gpu: return {.gpu = bytes};
    case Device::Type::host: return {.host = bytes};
    default: return {.disk = w.plain_bytes, .mapped = mul(kMappedParameters, size_of(w.dtype))};
  }
}

bool same(const Residence& a, const Residence& b) { return a.device == b.device && a.dtype == b.dtype; }

Bytes part_of(Bytes from, Bytes to, double share) { return add(from, scaled(to - from, share)); }

// `taken`: what the card shows as used besides this component.
Held called(const PipelineRequest& request, const Weights& w, const DiffSynthStates& s, Bytes taken) {
  const Held onload = place(w, s.onload);
  Held prepared = s.preparing.device == Device::Type::disk ? onload : place(w, s.preparing);
  double share = 1;
  if (request.engine.vram_limit_gib) {
    const Bytes limit = scaled(kGiB, *request.engine.vram_limit_gib);
    const Bytes room = limit - taken - onload.gpu, wanted = prepared.gpu - onload.gpu;
    share = room <= 0 ? 0 : wanted <= room ? 1 : static_cast<double>(room) / static_cast<double>(wanted);
    // The limit is looked at before a layer goes, not after: the last one goes over it.
    if (share > 0 && share < 1)
      share = std::min(1.0, share + static_cast<double>(w.count.largest_leaf) /
                                        static_cast<double>(std::max<Size>(1, w.count.parameters)));
  }
  Held held;
  held.gpu = part_of(onload.gpu, prepared.gpu, share);
  held.host = part_of(onload.host, prepared.host, share);
  held.disk = part_of(onload.disk, prepared.disk, share);
  held.mapped = std::max(onload.mapped, prepared.mapped);
  const bool copies =
      (share < 1 && !same(s.onload, s.computation)) ||
      (share > 0 && !same(s.preparing.device == Device::Type::disk ? s.onload : s.preparing, s.computation));
  if (copies) held.gpu = add(held.gpu, mul(w.count.largest_leaf, size_of(s.computation.dtype)));
  return held;
}

}  // namespace

Plan plan_diffsynth(const Planner& p) {
  Plan plan;
  plan.runs = usual_runs(p);
  plan.empties_cache = p.request.engine.managed;
  plan.companions_stay = !p.request.engine.managed;
  p.warnings.push_back(
      "DiffSynth-Studio has model code of its own: its activations are taken to be those of diffusers', and their "
      "interval is wider; only its autoencoder of Qwen-Image has been read");
  for (Run& run : plan.runs) {
    run.held.resize(p.weights.size());
    Bytes others = 0;
    for (std::size_t i = 0; i < p.weights.size(); ++i) {
      const Weights& w = p.weights[i];
      if (i == run.component || (w.part == Part::safety_checker && !p.request.safety_checker)) continue;
      const auto& states = p.request.choices[i].states;
      run.held[i] = states ? place(w, states->offload) : Held{.gpu = w.bytes};
      others = add(others, run.held[i].gpu);
    }
    const Weights& w = p.weights[run.component];
    const auto& states = p.request.choices[run.component].states;
    const Bytes taken = add(add(others, p.outside), add(run.pass.reserved, p.companions));
    Held& own = run.held[run.component];
    own = states ? called(p.request, w, *states, taken) : Held{.gpu = w.bytes};
    own.gpu = add(own.gpu, run.extra_weights);
  }
  return plan;
}

}  // namespace vram::diffusion
