// Names of choices, as requests and answers write them.
#include "vram/diffusion.hpp"

namespace vram::diffusion {

std::string_view name_of(Guidance guidance) {
  constexpr std::string_view kNames[] = {"none", "doubled", "sequential"};
  return kNames[static_cast<std::size_t>(guidance)];
}

std::string_view name_of(AttentionKernel kernel) {
  constexpr std::string_view kNames[] = {"sdpa", "flash", "xformers", "eager"};
  return kNames[static_cast<std::size_t>(kernel)];
}

std::string_view name_of(DiffusionEngine engine) {
  constexpr std::string_view kNames[] = {"diffusers", "diffsynth", "comfyui", "a1111", "forge", "stable-diffusion.cpp"};
  return kNames[static_cast<std::size_t>(engine)];
}

std::string_view name_of(VramMode mode) {
  constexpr std::string_view kNames[] = {"normal", "high", "medium", "low", "none"};
  return kNames[static_cast<std::size_t>(mode)];
}

std::string_view checked_against(DiffusionEngine engine) {
  switch (engine) {
    case DiffusionEngine::diffusers: return "diffusers 0.36.0.dev0 (commit 58eb52c0803e)";
    case DiffusionEngine::diffsynth: return "DiffSynth-Studio 2.0 (commit fed7b18fac2e)";
    case DiffusionEngine::comfyui: return "ComfyUI 0.3 (commit 00184d155ba6)";
    case DiffusionEngine::a1111: return "AUTOMATIC1111 stable-diffusion-webui 1.10 (commit 001f22d34995)";
    case DiffusionEngine::forge: return "stable-diffusion-webui-forge (commit dfdcbab685e5)";
    case DiffusionEngine::stable_diffusion_cpp: return "stable-diffusion.cpp (commit 97d2990807fe)";
  }
  return "";
}

}  // namespace vram::diffusion
