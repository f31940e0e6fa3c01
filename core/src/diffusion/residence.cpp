// What of each component is where while one of them runs.
#include <algorithm>

#include "diffusion/parts.hpp"

namespace vram::diffusion {
namespace {

// diffusers 0.35 with accelerate 1.10. pipelines/pipeline_utils.py, hooks/group_offloading.py.
Held diffusers(const PipelineRequest& request, const Weights& w, bool runs, bool stays) {
  const Techniques& t = request.techniques;
  const Bytes all = w.bytes;
  const auto split = [&](Bytes on_gpu) {
    Held held;
    held.gpu = std::min(on_gpu, all);
    (t.offload_to_disk ? held.disk : held.host) = all - held.gpu;
    return held;
  };
  // _exclude_from_cpu_offload: the safety checker never leaves.
  if (t.offload == Offload::none || w.part == Part::safety_checker) return {all, 0, 0};
  // bitsandbytes: a model in 8 bits cannot be moved to the CPU (transformers and accelerate refuse, hooks pass it by).
  if (w.quantization != nullptr && w.quantization->id == "bnb_int8") return {all, 0, 0};
  switch (t.offload) {
    case Offload::model: return split(runs || stays ? all : 0);
    case Offload::sequential: return split(runs ? w.largest_leaf + w.buffers : w.buffers);
    case Offload::group_block: {
      if (!runs) return split(0);
      // Block by block only where the blocks are direct children of the model: denoisers.
      if (w.part != Part::denoiser || w.largest_block == 0) return split(all);
      const Bytes groups = mul(w.largest_block, t.blocks_per_group * (t.use_stream ? 2 : 1));
      return split(w.outside_stacks + groups);
    }
    case Offload::group_leaf: return split(runs ? w.largest_leaf * (t.use_stream ? 2 : 1) + w.buffers : 0);
    default: return {all, 0, 0};
  }
}

Bytes in_dtype(const Weights& w, DType dtype) { return plain_bytes(w.count, dtype); }

Held place(const Weights& w, const Residence& where) {
  const Bytes bytes = in_dtype(w, where.dtype);
  switch (where.device) {
    case Device::Type::gpu: return {bytes, 0, 0};
    case Device::Type::host: return {0, bytes, 0};
    default: return {0, 0, in_dtype(w, DType::bf16)};
  }
}

// DiffSynth-Studio 2.0, diffsynth/core/vram/layers.py: a running component is brought to its onload state; its layers
// go on to the preparing state while less than vram_limit is used, else they are copied for their own computation.
Held diffsynth(const PipelineRequest& request, const Weights& w, const Run& run, bool runs) {
  const EngineChoice& e = request.engine;
  if (!e.managed) return {w.bytes, 0, 0};
  if (!runs) return place(w, e.states.offload);
  Held held = place(w, e.states.onload);
  const Bytes copy = mul(w.count.largest_leaf, size_of(e.states.computation.dtype));
  if (e.states.onload.device == Device::Type::gpu) {
    if (e.states.onload.dtype != e.states.computation.dtype) held.gpu = add(held.gpu, copy);
    return held;
  }
  if (e.states.preparing.device == Device::Type::gpu) {
    const Bytes prepared = in_dtype(w, e.states.preparing.dtype);
    Bytes room = prepared;
    if (e.vram_limit_gib) {
      const auto limit = static_cast<Bytes>(*e.vram_limit_gib * static_cast<double>(kGiB));
      room = std::clamp<Bytes>(limit - run.live.expected - request.profile.runtime_context, 0, prepared);
    }
    held.gpu = add(held.gpu, room);
  }
  held.gpu = add(held.gpu, copy);
  return held;
}

}  // namespace

std::vector<Held> residence(const PipelineRequest& request, const std::vector<Weights>& weights, const Run& run) {
  std::size_t last_encoder = weights.size();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i].part == Part::text_encoder) last_encoder = i;
  }
  std::vector<Held> result;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Weights& w = weights[i];
    const bool runs = i == run.component;
    const bool stays = run.stage == Stage::text_encode && run.last_stays && i == last_encoder;
    if (w.part == Part::text_encoder && request.text_on_cpu) {
      result.push_back({0, w.bytes, 0});
      continue;
    }
    if (w.part == Part::safety_checker && !request.safety_checker) {
      result.push_back({});
      continue;
    }
    Held held = request.engine.engine == DiffusionEngine::diffsynth ? diffsynth(request, w, run, runs)
                                                                    : diffusers(request, w, runs, stays);
    if (runs) held.gpu = add(held.gpu, run.extra_weights);
    if (runs && request.engine.engine != DiffusionEngine::diffsynth) held.gpu = add(held.gpu, w.copy);
    result.push_back(held);
  }
  return result;
}

}  // namespace vram::diffusion
