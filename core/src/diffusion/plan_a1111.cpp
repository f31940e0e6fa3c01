// AUTOMATIC1111's stable-diffusion-webui 1.10 (commit 001f22d34995), modules/lowvram.py: with --medvram one of text
// encoders, denoiser and autoencoder is on the GPU at a time, with --lowvram one block of the denoiser.
#include <algorithm>

#include "diffusion/parts.hpp"

namespace vram::diffusion {
namespace {

// Of the denoiser with --lowvram: what is outside of the blocks, and the largest block.
Bytes one_block(const Weights& w) {
  return w.largest_block > 0 ? std::min(w.bytes, add(w.outside_stacks, w.largest_block)) : w.bytes;
}

}  // namespace

Plan plan_a1111(const Planner& p) {
  Plan plan;
  plan.runs = usual_runs(p);
  const VramMode mode = p.request.engine.vram_mode;
  plan.companions_stay = mode == VramMode::normal;
  plan.empties_cache = true;  // devices.torch_gc between the stages
  for (Run& run : plan.runs) {
    const Part running = p.weights[run.component].part;
    for (std::size_t i = 0; i < p.weights.size(); ++i) {
      const Weights& w = p.weights[i];
      Held held;
      if (w.part == Part::safety_checker && !p.request.safety_checker) {
        run.held.push_back(held);
        continue;
      }
      // The text encoders are one module.
      const bool here = mode == VramMode::normal || i == run.component ||
                        (w.part == Part::text_encoder && running == Part::text_encoder);
      held.gpu = !here ? 0 : mode == VramMode::low && w.part == Part::denoiser ? one_block(w) : w.bytes;
      held.host = w.bytes - held.gpu;
      if (i == run.component) held.gpu = add(held.gpu, add(run.extra_weights, w.copy));
      run.held.push_back(held);
    }
  }
  p.warnings.push_back(
      "the web UI has model code of its own: its activations are taken to be those of diffusers', and their interval "
      "is "
      "wider");
  return plan;
}

}  // namespace vram::diffusion
