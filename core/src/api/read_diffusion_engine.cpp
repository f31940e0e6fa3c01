// "engine" of a diffusion request: options carry the engine's own names.
#include <cstdlib>

#include "api/diffusion_request.hpp"

namespace vram {

using namespace diffusion;

namespace {

Residence read_state(const ObjectReader& reader, std::string_view state, Residence fallback) {
  const std::string device_key = std::string(state) + "_device", dtype_key = std::string(state) + "_dtype";
  Residence where = fallback;
  const Json* dtype = reader.find(dtype_key);
  const bool on_disk = dtype != nullptr && *dtype == "disk";
  if (reader.has(device_key)) {
    constexpr Device::Type kDevices[] = {Device::Type::gpu, Device::Type::host, Device::Type::disk};
    where.device = kDevices[reader.choice_or(device_key, {"cuda", "cpu", "disk"}, 0)];
  }
  if (on_disk != (where.device == Device::Type::disk) && dtype != nullptr) {
    refuse(reader.path_of(dtype_key), std::string(state) + ": dtype and device must both be disk, or neither",
           shown(*dtype), on_disk ? "device \"disk\"" : "dtype \"disk\"");
  }
  if (dtype != nullptr && !on_disk) where.dtype = read_dtype(reader, dtype_key);
  return where;
}

void read_diffsynth(const ObjectReader& reader, PipelineRequest& request) {
  EngineChoice& e = request.engine;
  reader.only({"name", "vram_config", "vram_limit", "file_format"});
  const bool safetensors = reader.choice_or("file_format", {"safetensors", "bin", "pth", "ckpt"}, 0) == 0;
  if (reader.has("vram_limit")) e.vram_limit_gib = reader.number("vram_limit", 0, 1e6);
  const Json* config = reader.find("vram_config");
  if (config == nullptr) {
    if (e.vram_limit_gib)
      refuse(reader.path_of("vram_limit"), "vram_limit needs vram_config: without it no layer can leave the GPU",
             shown(*reader.find("vram_limit")), "a vram_config");
    return;
  }
  e.managed = true;
  const ObjectReader states(*config, reader.path_of("vram_config"));
  states.only({"offload_dtype", "offload_device", "onload_dtype", "onload_device", "preparing_dtype",
               "preparing_device", "computation_dtype", "computation_device"});
  e.states.offload = read_state(states, "offload", {Device::Type::host, DType::bf16});
  e.states.onload = read_state(states, "onload", {Device::Type::gpu, DType::bf16});
  e.states.preparing = read_state(states, "preparing", {Device::Type::gpu, DType::bf16});
  e.states.computation = read_state(states, "computation", {Device::Type::gpu, DType::bf16});
  if (e.states.computation.device != Device::Type::gpu)
    refuse(states.path_of("computation_device"), "the computation is done on the GPU", "", "\"cuda\"");
  const bool disk = e.states.offload.device == Device::Type::disk || e.states.onload.device == Device::Type::disk;
  if (disk && !safetensors)
    refuse(reader.path_of("file_format"), "layers can only be read from disk one by one out of safetensors files",
           shown(*reader.find("file_format")), "\"safetensors\", or no disk in vram_config");
  if (e.states.offload.device == Device::Type::disk && e.states.onload.device == Device::Type::host &&
      e.states.onload.dtype == DType::f32)
    refuse(states.path_of("onload_dtype"), "layers read from disk are kept as they are stored", "", "bf16 or fp8");
}

}  // namespace

void read_diffusion_engine(const ObjectReader& request, PipelineRequest& result) {
  const Json* json = request.find("engine");
  if (json == nullptr) return;
  const ObjectReader reader(*json, "/engine");
  constexpr DiffusionEngine kEngines[] = {DiffusionEngine::diffusers, DiffusionEngine::diffsynth};
  result.engine.engine = kEngines[reader.choice_or("name", {"diffusers", "diffsynth"}, 0)];
  if (result.engine.engine == DiffusionEngine::diffsynth) {
    read_diffsynth(reader, result);
  } else {
    reader.only({"name", "version"});
    if (reader.has("version")) {
      const std::string version = reader.string("version");
      int minor = 0;
      const bool good = version.size() >= 3 && version.size() <= 16 && version.substr(0, 2) == "0." &&
                        version.find_first_not_of("0123456789.") == std::string::npos &&
                        (minor = std::atoi(version.c_str() + 2), minor >= 1 && minor <= 99);
      if (!good)
        refuse("/engine/version", "a version of diffusers reads 0.x", shown(Json(version)), "\"0.30\", for instance");
      result.engine.diffusers_minor = minor;
    }
  }
}

}  // namespace vram
