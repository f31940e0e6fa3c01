// stable-diffusion.cpp (commit 97d2990807fe): weights of a module are loaded when it is first called and stay
// (examples/common/common.cpp, src/model_manager.cpp); each graph has a compute buffer of its own, freed after it. One
// picture at a time, the halves of guidance one after the other.
#include "diffusion/parts.hpp"

namespace vram::diffusion {
namespace {

// --vae-tiling: tiles of 32 x 32 latent pixels.
constexpr Size kTile = 32;

bool on_cpu(const Planner& p, const Weights& w) {
  const EngineChoice& e = p.request.engine;
  return (w.part == Part::text_encoder && e.clip_on_cpu) || (w.part == Part::autoencoder && e.vae_on_cpu);
}

Run run_of(const Planner& p, std::size_t i) {
  Run run;
  run.component = i;
  const Weights& w = p.weights[i];
  if (w.part == Part::text_encoder) {
    run.stage = Stage::text_encode;
    run.what = "forward";
    run.pass = p.passes.text(i);
    // Between operations everything is FP32.
    run.pass.live = wider(run.pass.live.expected * 4 / size_of(w.dtype), 0.5, 2);
  } else if (w.part == Part::denoiser) {
    run.stage = Stage::denoise;
    run.what = "forward";
    run.pass = p.passes.denoise_ggml(i);
  } else {
    run.stage = Stage::vae_decode;
    run.what = p.request.techniques.vae_tiling ? "decode, in tiles" : "decode";
    run.pass = p.passes.decode_ggml(i, p.request.techniques.vae_tiling ? kTile : 0);
  }
  run.pass.reserved = run.pass.live.expected;
  if (on_cpu(p, w)) run.pass = {{}, 0, "on the CPU"};
  return run;
}

}  // namespace

Plan plan_stable_diffusion_cpp(const Planner& p) {
  Plan plan;
  plan.empties_cache = true;
  plan.companions_stay = true;
  std::vector<bool> loaded(p.weights.size(), false);
  for (const Part part : {Part::text_encoder, Part::denoiser, Part::autoencoder}) {
    for (std::size_t i = 0; i < p.weights.size(); ++i) {
      if (p.weights[i].part != part) continue;
      Run run = run_of(p, i);
      loaded[i] = true;
      for (std::size_t k = 0; k < p.weights.size(); ++k) {
        const Bytes bytes = loaded[k] ? p.weights[k].bytes : 0;
        run.held.push_back(on_cpu(p, p.weights[k]) ? Held{.host = bytes} : Held{.gpu = bytes});
      }
      plan.runs.push_back(std::move(run));
    }
  }
  if (p.request.batch > 1)
    p.warnings.push_back("stable-diffusion.cpp makes one picture after another: a batch takes no more memory");
  return plan;
}

}  // namespace vram::diffusion
