// "engine" of a diffusion request: options carry the engine's own names.
#include <algorithm>
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
  } else if (on_disk) {
    where.device = Device::Type::disk;
  }
  if (on_disk != (where.device == Device::Type::disk) && dtype != nullptr) {
    refuse(reader.path_of(dtype_key), std::string(state) + ": dtype and device must both be disk, or neither",
           shown(*dtype), on_disk ? "device \"disk\"" : "dtype \"disk\"");
  }
  if (dtype != nullptr && !on_disk) where.dtype = read_dtype(reader, dtype_key);
  return where;
}

DiffSynthStates read_states(const Json& json, const std::string& path, bool safetensors, const std::string& format) {
  const ObjectReader reader(json, path);
  reader.only({"offload_dtype", "offload_device", "onload_dtype", "onload_device", "preparing_dtype",
               "preparing_device", "computation_dtype", "computation_device"});
  // models/model_loader.py need_to_enable_vram_management.
  if (!reader.has("offload_dtype") || !reader.has("offload_device"))
    refuse(path, "layers are only managed when both offload_dtype and offload_device are given", shown(json),
           R"("offload_dtype": "bfloat16", "offload_device": "cpu")");
  DiffSynthStates states;
  states.computation = read_state(reader, "computation", {Device::Type::gpu, DType::bf16});
  states.offload = read_state(reader, "offload", {Device::Type::host, DType::bf16});
  states.onload = read_state(reader, "onload", states.computation);
  states.preparing = read_state(reader, "preparing", states.computation);
  if (states.computation.device != Device::Type::gpu)
    refuse(reader.path_of("computation_device"), "the computation is done on the GPU", "", "\"cuda\"");
  const bool from_disk = states.offload.device == Device::Type::disk;
  if (states.onload.device == Device::Type::disk && !from_disk)
    refuse(reader.path_of("onload_device"), "layers are only read from disk when they are offloaded to disk",
           "\"disk\"", "offload_device \"disk\" too");
  if (from_disk && !safetensors)
    refuse("/engine/file_format", "layers can only be read from disk one by one out of safetensors files", format,
           "\"safetensors\", or no disk in vram_config");
  return states;
}

void read_diffsynth(const ObjectReader& request, const ObjectReader& reader, PipelineRequest& result) {
  EngineChoice& e = result.engine;
  reader.only({"name", "vram_config", "vram_limit", "file_format"});
  const bool safetensors = reader.choice_or("file_format", {"safetensors", "bin", "pth", "ckpt"}, 0) == 0;
  const Json* file_format = reader.find("file_format");
  const std::string format = file_format != nullptr ? shown(*file_format) : "";
  if (const Json* all = reader.find("vram_config")) {
    const DiffSynthStates states = read_states(*all, reader.path_of("vram_config"), safetensors, format);
    for (ComponentChoice& choice : result.choices) choice.states = states;
  }
  if (const Json* components = request.find("components")) {
    for (std::size_t i = 0; i < result.choices.size(); ++i) {
      const auto one = components->find(result.pipeline.components[i].role);
      if (one == components->end() || !one->is_object()) continue;
      const auto own = one->find("vram_config");
      if (own == one->end() || own->is_null()) continue;
      const std::string path = "/components/" + result.pipeline.components[i].role + "/vram_config";
      result.choices[i].states = read_states(*own, path, safetensors, format);
    }
  }
  e.managed = std::any_of(result.choices.begin(), result.choices.end(), [](const auto& c) { return c.states; });
  if (const Json* limit = reader.find("vram_limit")) {
    e.vram_limit_gib = reader.number("vram_limit", 0, 1e6);
    if (!e.managed)
      refuse(reader.path_of("vram_limit"), "vram_limit needs vram_config: without it no layer can leave the GPU",
             shown(*limit), "a vram_config");
  }
}

void read_comfyui(const ObjectReader& reader, EngineChoice& e) {
  reader.only({"name", "vram", "disable_smart_memory", "reserve_vram", "cpu_vae"});
  constexpr VramMode kModes[] = {VramMode::normal, VramMode::low, VramMode::none, VramMode::high};
  e.vram_mode = kModes[reader.choice_or("vram", {"normalvram", "lowvram", "novram", "highvram"}, 0)];
  e.smart_memory = !reader.boolean_or("disable_smart_memory", false);
  if (reader.has("reserve_vram")) e.reserve_vram_gib = reader.number("reserve_vram", 0, 1e6);
  e.vae_on_cpu = reader.boolean_or("cpu_vae", false);
}

void read_a1111(const ObjectReader& reader, EngineChoice& e) {
  reader.only({"name", "vram"});
  constexpr VramMode kModes[] = {VramMode::normal, VramMode::medium, VramMode::low};
  e.vram_mode = kModes[reader.choice_or("vram", {"normal", "medvram", "lowvram"}, 0)];
}

void read_forge(const ObjectReader& reader, EngineChoice& e) {
  reader.only({"name", "vram", "gpu_weights"});
  constexpr VramMode kModes[] = {VramMode::normal, VramMode::high, VramMode::low, VramMode::none};
  e.vram_mode =
      kModes[reader.choice_or("vram", {"normal", "always-high-vram", "always-low-vram", "always-no-vram"}, 0)];
  if (reader.has("gpu_weights")) e.gpu_weights_gib = reader.number("gpu_weights", 0, 1e9) / 1024;
}

void read_stable_diffusion_cpp(const ObjectReader& reader, EngineChoice& e) {
  reader.only({"name", "diffusion_fa", "diffusion_conv_direct", "vae_conv_direct", "clip_on_cpu", "vae_on_cpu"});
  e.diffusion_fa = reader.boolean_or("diffusion_fa", false);
  e.diffusion_conv_direct = reader.boolean_or("diffusion_conv_direct", false);
  e.vae_conv_direct = reader.boolean_or("vae_conv_direct", false);
  e.clip_on_cpu = reader.boolean_or("clip_on_cpu", false);
  e.vae_on_cpu = reader.boolean_or("vae_on_cpu", false);
}

void read_diffusers(const ObjectReader& reader, EngineChoice& e) {
  reader.only({"name", "version"});
  if (!reader.has("version")) return;
  const std::string version = reader.string("version");
  int minor = 0;
  const bool good = version.size() >= 3 && version.size() <= 16 && version.substr(0, 2) == "0." &&
                    version.find_first_not_of("0123456789.") == std::string::npos &&
                    (minor = std::atoi(version.c_str() + 2), minor >= 1 && minor <= 99);
  if (!good)
    refuse("/engine/version", "a version of diffusers reads 0.x", shown(Json(version)), "\"0.30\", for instance");
  e.diffusers_minor = minor;
}

// Which models an engine runs, by the class of the denoiser in diffusers; empty: all.
std::vector<std::string_view> denoisers_of(DiffusionEngine engine) {
  switch (engine) {
    case DiffusionEngine::diffsynth:
      return {"QwenImageTransformer2DModel", "FluxTransformer2DModel",   "Flux2Transformer2DModel",
              "WanTransformer3DModel",       "ZImageTransformer2DModel", "LTX2VideoTransformer3DModel",
              "UNet2DConditionModel"};
    case DiffusionEngine::comfyui:
      return {"UNet2DConditionModel",       "SD3Transformer2DModel",       "FluxTransformer2DModel",
              "Flux2Transformer2DModel",    "QwenImageTransformer2DModel", "ZImageTransformer2DModel",
              "Lumina2Transformer2DModel",  "WanTransformer3DModel",       "HunyuanVideoTransformer3DModel",
              "LTXVideoTransformer3DModel", "MochiTransformer3DModel",     "AuraFlowTransformer2DModel",
              "PixArtTransformer2DModel",   "ChromaTransformer2DModel"};
    case DiffusionEngine::a1111: return {"UNet2DConditionModel", "SD3Transformer2DModel"};
    case DiffusionEngine::forge:
      return {"UNet2DConditionModel", "SD3Transformer2DModel", "FluxTransformer2DModel", "ChromaTransformer2DModel"};
    case DiffusionEngine::stable_diffusion_cpp: return {"UNet2DConditionModel"};
    default: return {};
  }
}

void check_models(const PipelineRequest& p) {
  const std::vector<std::string_view> known = denoisers_of(p.engine.engine);
  if (known.empty()) return;
  const auto& all = p.pipeline.components;
  const bool unet = std::any_of(all.begin(), all.end(), [](const Component& c) { return c.role == "unet"; });
  for (const Component& component : p.pipeline.components) {
    const std::string& name = component.class_name;
    // UNets are known with the encoders that their authors gave them: Kolors has a language model.
    if (unet && component.role.rfind("text_encoder", 0) == 0 && name.rfind("CLIP", 0) != 0)
      refuse("/engine/name",
             "how " + std::string(name_of(p.engine.engine)) + " runs a UNet with " + name + " is not known here",
             shown(Json(std::string(name_of(p.engine.engine)))), "\"diffusers\"");
    const bool denoiser = component.role.rfind("transformer", 0) == 0 || component.role.rfind("unet", 0) == 0;
    if (!denoiser || std::find(known.begin(), known.end(), name) != known.end()) continue;
    refuse("/engine/name", "how " + std::string(name_of(p.engine.engine)) + " runs " + name + " is not known here",
           shown(Json(std::string(name_of(p.engine.engine)))), "\"diffusers\"");
  }
}

// What only diffusers does is refused elsewhere.
void check_techniques(const PipelineRequest& p, const ObjectReader& request) {
  if (p.engine.engine == DiffusionEngine::diffusers) return;
  const std::string name(name_of(p.engine.engine));
  if (const Json* level = request.find("level"))
    refuse("/level", "levels are made of techniques of diffusers", shown(*level), "engine diffusers, or no level");
  if (const Json* techniques = request.find("techniques"); techniques != nullptr && techniques->is_object()) {
    for (const auto& item : techniques->items()) {
      if (item.key() == "vae_tiling" || item.value() == false) continue;
      refuse("/techniques/" + item.key(),
             item.key() + " is a technique of diffusers: " + name + " places models by options of its own",
             shown(item.value()), "engine {\"name\": \"" + name + "\", ...}, docs/api.md");
    }
  }
  for (std::size_t i = 0; i < p.choices.size(); ++i) {
    const Quantization* q = p.choices[i].quantization;
    if (q == nullptr) continue;
    const bool gguf = q->id.substr(0, 4) == "gguf", fp8 = q->id == "fp8", nf4 = q->id.substr(0, 7) == "bnb_nf4";
    const bool svdq = q->id.substr(0, 8) == "svdquant";
    bool runs = false;
    switch (p.engine.engine) {
      case DiffusionEngine::comfyui: runs = gguf || fp8 || svdq; break;
      case DiffusionEngine::forge: runs = gguf || fp8 || nf4; break;
      case DiffusionEngine::a1111: runs = fp8; break;
      case DiffusionEngine::stable_diffusion_cpp: runs = gguf; break;
      default: break;
    }
    if (!runs)
      refuse("/components/" + p.pipeline.components[i].role + "/quantization",
             name + " does not store weights this way", shown(Json(std::string(q->id))),
             p.engine.engine == DiffusionEngine::diffsynth ? "a dtype in vram_config" : "a format that it reads");
  }
}

}  // namespace

void read_diffusion_engine(const ObjectReader& request, PipelineRequest& result) {
  const Json* json = request.find("engine");
  for (std::size_t i = 0; i < result.choices.size(); ++i) {
    const Json* components = request.find("components");
    if (components == nullptr) break;
    const auto one = components->find(result.pipeline.components[i].role);
    if (one == components->end() || !one->is_object() || one->find("vram_config") == one->end()) continue;
    const Json* name = json == nullptr || !json->is_object() ? nullptr : ObjectReader(*json, "/engine").find("name");
    if (name == nullptr || *name != "diffsynth")
      refuse("/components/" + result.pipeline.components[i].role + "/vram_config",
             "vram_config belongs to DiffSynth-Studio", shown((*one)["vram_config"]),
             "engine {\"name\": \"diffsynth\"}");
  }
  if (json == nullptr) return;
  const ObjectReader reader(*json, "/engine");
  constexpr DiffusionEngine kEngines[] = {DiffusionEngine::diffusers, DiffusionEngine::diffsynth,
                                          DiffusionEngine::comfyui,   DiffusionEngine::a1111,
                                          DiffusionEngine::forge,     DiffusionEngine::stable_diffusion_cpp};
  result.engine.engine = kEngines[reader.choice_or(
      "name", {"diffusers", "diffsynth", "comfyui", "a1111", "forge", "stable-diffusion.cpp"}, 0)];
  switch (result.engine.engine) {
    case DiffusionEngine::diffsynth: read_diffsynth(request, reader, result); break;
    case DiffusionEngine::comfyui: read_comfyui(reader, result.engine); break;
    case DiffusionEngine::a1111: read_a1111(reader, result.engine); break;
    case DiffusionEngine::forge: read_forge(reader, result.engine); break;
    case DiffusionEngine::stable_diffusion_cpp: read_stable_diffusion_cpp(reader, result.engine); break;
    default: read_diffusers(reader, result.engine);
  }
  check_models(result);
  check_techniques(result, request);
  // ComfyUI and Forge run autoencoders in BF16 where the card can (compute capability 8.0), else in FP32.
  const bool computes_bf16 =
      result.engine.engine == DiffusionEngine::comfyui || result.engine.engine == DiffusionEngine::forge;
  if (!computes_bf16) return;
  const std::string& cc = result.machine.gpu.compute_capability;
  const bool old = result.has_gpu && !cc.empty() && std::strtod(cc.c_str(), nullptr) < 8;
  for (std::size_t i = 0; i < result.choices.size(); ++i) {
    if (result.pipeline.components[i].role == "vae" && !result.choices[i].dtype)
      result.choices[i].dtype = old ? DType::f32 : DType::bf16;
  }
}

}  // namespace vram
