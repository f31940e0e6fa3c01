// What of each component is where while one of them runs in diffusers 0.36 with accelerate 1.10:
// pipelines/pipeline_utils.py, hooks/group_offloading.py.
#include <algorithm>

#include "diffusion/parts.hpp"

namespace vram::diffusion {
namespace {

Held split(const Weights& w, Bytes on_gpu, bool to_disk) {
  Held held;
  held.gpu = std::min(on_gpu, w.bytes);
  (to_disk ? held.disk : held.host) = w.bytes - held.gpu;
  return held;
}

// With a stream every weight keeps its page-locked copy in RAM; without one, groups move there and back.
Held grouped(const Techniques& t, const Weights& w, Bytes on_gpu) {
  Held held = split(w, on_gpu, t.offload_to_disk);
  if (!t.use_stream || t.offload_to_disk) return held;
  held.host = w.bytes;
  held.pinned = t.low_cpu_mem_usage ? held.gpu : w.bytes;
  return held;
}

Held held(const PipelineRequest& request, const Weights& w, bool runs, bool stays) {
  const Techniques& t = request.techniques;
  // _exclude_from_cpu_offload: the safety checker never leaves.
  if (t.offload == Offload::none || w.part == Part::safety_checker) return {.gpu = w.bytes};
  // bitsandbytes: a model in 8 bits cannot be moved to the CPU (transformers and accelerate refuse, hooks pass it by).
  if (w.quantization != nullptr && w.quantization->id == "bnb_int8") return {.gpu = w.bytes};
  switch (t.offload) {
    case Offload::model: return split(w, runs || stays ? w.bytes : 0, false);
    case Offload::sequential: {
      // The weights map in RAM stays whole; the GPU gets copies.
      Held all = split(w, runs ? w.largest_leaf + w.buffers : w.buffers, false);
      all.host = w.bytes;
      return all;
    }
    case Offload::group_block: {
      if (!runs) return grouped(t, w, 0);
      // Block by block only where the blocks are direct children of the model: denoisers.
      if (w.part != Part::denoiser || w.largest_block == 0) return grouped(t, w, w.bytes);
      const Bytes groups = mul(w.largest_block, t.blocks_per_group * (t.use_stream ? 2 : 1));
      return grouped(t, w, add(w.outside_stacks, groups));
    }
    case Offload::group_leaf:
      return grouped(t, w, runs ? add(mul(w.largest_leaf, t.use_stream ? 2 : 1), w.buffers) : 0);
    default: return {.gpu = w.bytes};
  }
}

// What casting a component to FP32 adds: of a component that comes leaf by leaf, to the leaf that is there.
Bytes upcast(const Techniques& t, const Weights& w, Bytes extra) {
  const bool by_leaf = t.offload == Offload::sequential || t.offload == Offload::group_leaf;
  return by_leaf && w.bytes > 0 ? std::min(extra, w.largest_leaf) : extra;
}

// With record_stream a group's memory is not given back before its stream has passed: one more of them is reserved.
Bytes recorded(const PipelineRequest& request, const Weights& w) {
  const Techniques& t = request.techniques;
  if (!t.record_stream) return 0;
  return t.offload == Offload::group_block && w.part == Part::denoiser ? w.largest_block : w.largest_leaf;
}

}  // namespace

Plan plan_diffusers(const Planner& p) {
  Plan plan;
  plan.runs = usual_runs(p);
  plan.companions_stay = p.request.techniques.offload == Offload::none;
  plan.empties_cache = p.request.techniques.offload == Offload::model;  // its hooks do
  std::size_t last_encoder = p.weights.size();
  for (std::size_t i = 0; i < p.weights.size(); ++i) {
    if (p.weights[i].part == Part::text_encoder) last_encoder = i;
  }
  if (p.request.techniques.non_blocking && !p.request.techniques.use_stream)
    p.warnings.push_back(
        "non_blocking alone changes nothing: transfers wait for memory that is not page-locked; "
        "use_stream implies it");
  for (Run& run : plan.runs) {
    run.pass.reserved = add(run.pass.reserved, recorded(p.request, p.weights[run.component]));
    for (std::size_t i = 0; i < p.weights.size(); ++i) {
      const Weights& w = p.weights[i];
      const bool runs = i == run.component;
      Held now;
      if (w.part == Part::text_encoder && p.request.text_on_cpu) {
        now.host = w.bytes;
      } else if (w.part != Part::safety_checker || p.request.safety_checker) {
        now = held(p.request, w, runs, run.stage == Stage::text_encode && run.last_stays && i == last_encoder);
        if (runs) now.gpu = add(now.gpu, add(upcast(p.request.techniques, w, run.extra_weights), w.copy));
      }
      run.held.push_back(now);
    }
  }
  return plan;
}

}  // namespace vram::diffusion
