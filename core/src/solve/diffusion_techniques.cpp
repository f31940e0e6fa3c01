// The measures against too little memory, in order of what they cost in time. Ranges are those of published timings
// wherever there are any; the records are named.
#include <algorithm>

#include "vram/diffusion_solve.hpp"

namespace vram::diffusion {
namespace {

using Request = PipelineRequest;

constexpr std::string_view kOwn = "our own estimate: no published timing found";
constexpr std::string_view kDiffSynth =
    "modelscope/DiffSynth-Studio af7d305, examples/wanvideo: Wan 2.1 14B, 18.5 s a step with all layers on the GPU, "
    "23.4 "
    "s with none, 24.0 s with none in FP8";

bool in(const Request& r, DiffusionEngine engine) { return r.engine.engine == engine; }
bool in_diffusers(const Request& r) { return in(r, DiffusionEngine::diffusers); }
bool has_class(const Request& r, std::string_view name) {
  return std::any_of(r.pipeline.components.begin(), r.pipeline.components.end(),
                     [&](const Component& c) { return c.class_name == name; });
}
bool is_denoiser(const Component& c) { return c.role.rfind("transformer", 0) == 0 || c.role == "unet"; }
bool quantized_denoiser(const Request& r) {
  for (std::size_t i = 0; i < r.choices.size(); ++i) {
    if (r.choices[i].quantization != nullptr && is_denoiser(r.pipeline.components[i])) return true;
  }
  return false;
}
constexpr std::string_view kInt8 = "quanto_int8";
bool in_int8(const Request& r) {
  for (std::size_t i = 0; i < r.choices.size(); ++i) {
    const Quantization* q = r.choices[i].quantization;
    if (is_denoiser(r.pipeline.components[i]) && (q == nullptr || q->id != kInt8)) return false;
  }
  return quantized_denoiser(r);
}
void set_int8(Request& r, bool on) {
  const auto row =
      std::find_if(quantizations().begin(), quantizations().end(), [](const Quantization& q) { return q.id == kInt8; });
  for (std::size_t i = 0; i < r.choices.size(); ++i) {
    if (is_denoiser(r.pipeline.components[i]))
      r.choices[i].quantization = on && row != quantizations().end() ? &*row : nullptr;
  }
}

template <Offload kind, bool stream>
bool offloads(const Request& r) {
  return r.techniques.offload == kind;
}
template <Offload kind, bool stream>
void set_offload(Request& r, bool on) {
  r.techniques.offload = on ? kind : Offload::none;
  r.techniques.use_stream = on && stream;
  r.techniques.blocks_per_group = 1;
  if (!on || !stream) r.techniques.record_stream = r.techniques.low_cpu_mem_usage = false;
}
template <bool Techniques::*flag>
bool has(const Request& r) {
  return r.techniques.*flag;
}
template <bool Techniques::*flag>
void put(Request& r, bool on) {
  r.techniques.*flag = on;
}
template <DiffusionEngine engine, VramMode mode>
bool in_mode(const Request& r) {
  return in(r, engine) && r.engine.vram_mode == mode;
}
template <DiffusionEngine engine>
bool runs_in(const Request& r) {
  return in(r, engine);
}
template <VramMode mode>
void set_mode(Request& r, bool on) {
  r.engine.vram_mode = on ? mode : VramMode::normal;
}

// DiffSynth's recipes: where layers lie before and while they are called.
void set_states(Request& r, bool on, Residence offload, Residence onload, Residence preparing) {
  r.engine.managed = on;
  r.engine.vram_limit_gib.reset();
  const DiffSynthStates states{offload, onload, preparing, {Device::Type::gpu, DType::bf16}};
  for (ComponentChoice& choice : r.choices) {
    choice.states.reset();
    if (on) choice.states = states;
  }
  // As much as the card has, less half a GiB: pages of its documentation.
  if (on && onload.device != Device::Type::gpu && r.has_gpu)
    r.engine.vram_limit_gib =
        std::max(0.0, static_cast<double>(r.machine.gpu.memory_bytes) / static_cast<double>(kGiB) - 0.5);
}
constexpr Residence kGpu16{Device::Type::gpu, DType::bf16}, kRam16{Device::Type::host, DType::bf16};
constexpr Residence kGpu8{Device::Type::gpu, DType::f8}, kRam8{Device::Type::host, DType::f8};
constexpr Residence kDiskOnly{Device::Type::disk, DType::bf16};
bool states_are(const Request& r, Residence offload, Residence onload) {
  if (!in(r, DiffusionEngine::diffsynth) || r.choices.empty() || !r.choices.front().states) return false;
  const DiffSynthStates& s = *r.choices.front().states;
  const auto same = [](const Residence& a, const Residence& b) {
    return a.device == b.device && (a.dtype == b.dtype || a.device == Device::Type::disk);
  };
  return same(s.offload, offload) && same(s.onload, onload);
}

std::vector<Measure> diffusers_measures() {
  return {
      {"sdpa", "Fused attention (SDPA, flash, xFormers)", "", -0.23, -0.18, true,
       "SDXL, 4 pictures, A100: 14.8 to 11.4 s (huggingface.co/blog/simple_sdxl_optimizations); SD 1.5, TITAN RTX: "
       "3.21 "
       "to 2.63 s (diffusers v0.13, optimization/fp16)",
       in_diffusers, [](const Request& r) { return r.attention != AttentionKernel::eager; },
       [](Request& r, bool on) { r.attention = on ? AttentionKernel::sdpa : AttentionKernel::eager; }},
      {"torch_compile", "torch.compile of the denoiser", "", -0.21, -0.1, true,
       "FLUX.1 NF4, RTX 4090: 32.6 to 25.8 s (diffusers v0.36, optimization/speed-memory-optims); SDXL, A100: 11.4 to "
       "10.3 s (huggingface.co/blog/simple_sdxl_optimizations); the first run compiles, which takes minutes",
       [](const Request& r) { return in_diffusers(r) && r.techniques.offload != Offload::sequential; },
       has<&Techniques::compile>, put<&Techniques::compile>},
      {"channels_last", "Channels last: convolutions in the layout of the tensor cores", "", -0.09, 0, true,
       "SD 1.5, TITAN RTX: 3.61 to 3.30 s (diffusers v0.13, optimization/fp16)",
       [](const Request& r) { return in_diffusers(r) && has_class(r, "UNet2DConditionModel"); },
       has<&Techniques::channels_last>, put<&Techniques::channels_last>},
      {"vae_slicing", "VAE slicing", "", -0.02, 0, true,
       "SDXL, 4 pictures, A100: 11.41 to 11.23 s (huggingface.co/blog/simple_sdxl_optimizations)", in_diffusers,
       has<&Techniques::vae_slicing>, put<&Techniques::vae_slicing>},
      {"vae_tiling", "VAE tiling", "", 0, 0.1, false, kOwn, nullptr, has<&Techniques::vae_tiling>,
       put<&Techniques::vae_tiling>},
      {"layerwise_casting", "FP8 storage of the denoiser (layerwise casting)", "", 0.06, 0.13, true,
       "AnimateDiff: 16.7 to 17.6 s (e5m2) and 18.9 s (e4m3) (huggingface/diffusers#9177)",
       [](const Request& r) { return in_diffusers(r) && !quantized_denoiser(r); }, has<&Techniques::layerwise_casting>,
       put<&Techniques::layerwise_casting>},
      {"quantize_int8", "Denoiser quantized to int8 (quanto)", "", 0.18, 0.19, true,
       "SD 1.5 in FP16: 3.31 to 3.92 s (huggingface/optimum-quanto e33f820, examples)",
       [](const Request& r) { return in_diffusers(r) && !quantized_denoiser(r) && !r.techniques.layerwise_casting; },
       in_int8, set_int8, false},
      {"attention_slicing", "Attention slicing", "", 0.1, 0.1, true,
       "SD 1: about 10 % (diffusers v0.11, optimization/fp16)",
       [](const Request& r) { return in_diffusers(r) && r.attention != AttentionKernel::flash; },
       has<&Techniques::attention_slicing>, put<&Techniques::attention_slicing>},
      {"forward_chunking", "Forward chunking", "", 0.05, 0.2, false, kOwn, in_diffusers,
       [](const Request& r) { return r.techniques.forward_chunks > 1; },
       [](Request& r, bool on) {
         r.techniques.forward_chunks = on ? std::max<std::int64_t>(r.techniques.forward_chunks, 2) : 1;
       }},
      {"text_encoders_on_cpu", "Text encoders on the CPU", "", 0.05, 1, false, kOwn, in_diffusers,
       [](const Request& r) { return r.text_on_cpu; }, [](Request& r, bool on) { r.text_on_cpu = on; }},
      {"model_cpu_offload", "Model CPU offload", "offload", 0.14, 2.3, true,
       "Wan 2.1 14B: 279 to 319 s (ModelTC/LightX2V BeginnerGuide); FLUX.1 NF4, RTX 4090: 25.8 to 32.3 s (diffusers "
       "v0.36, optimization/speed-memory-optims); SDXL, A100: 11.4 to 16.1 s (simple_sdxl_optimizations); FLUX.1 on a "
       "GPU that needs 6.6 s: 21.7 s (huggingface/diffusers#11682)",
       in_diffusers, offloads<Offload::model, false>, set_offload<Offload::model, false>},
      {"record_stream", "Streams recorded for their memory (record_stream)", "", -0.02, -0.02, true,
       "FLUX.1, group offload: 32.5 to 31.8 s (huggingface/diffusers#11081)",
       [](const Request& r) { return in_diffusers(r) && r.techniques.use_stream; }, has<&Techniques::record_stream>,
       put<&Techniques::record_stream>},
      {"group_offload_block", "Group offload by blocks, with a stream", "offload", 0.04, 6.2, true,
       "Wan, H100, block by block with prefetching: 74.6 to 77.3 s (vllm-project/vllm-omni#1223, same idea, other "
       "code); "
       "FLUX.1: 6.6 to 47.7 s (huggingface/diffusers#11682): long clips hide the transfers, single pictures do not",
       in_diffusers, offloads<Offload::group_block, true>, set_offload<Offload::group_block, true>},
      {"group_offload_leaf", "Group offload by leaves, with a stream", "offload", 0.04, 6.2, true,
       "as by blocks: 9.5 against 9.8 s for five passes of FLUX.1 (huggingface/diffusers#11106)", in_diffusers,
       offloads<Offload::group_leaf, true>, set_offload<Offload::group_leaf, true>},
      {"sequential_cpu_offload", "Sequential CPU offload", "offload", 2.4, 9.4, true,
       "AniMemory, A100: 5.2 to 17.7 s (diffusers documentation); SDXL, A100: 11.4 to 67.0 s "
       "(simple_sdxl_optimizations); FLUX.1: 6.6 to 68.4 s (huggingface/diffusers#11682)",
       [](const Request& r) { return in_diffusers(r) && !r.techniques.compile; }, offloads<Offload::sequential, false>,
       set_offload<Offload::sequential, false>},
  };
}

template <bool EngineChoice::*flag>
bool option(const Request& r) {
  return in(r, DiffusionEngine::stable_diffusion_cpp) && r.engine.*flag;
}
template <bool EngineChoice::*flag>
void set_option(Request& r, bool on) {
  r.engine.*flag = on;
}

std::vector<Measure> other_measures() {
  constexpr auto kComfy = DiffusionEngine::comfyui, kForge = DiffusionEngine::forge, kA1111 = DiffusionEngine::a1111;
  constexpr auto kSynth = DiffusionEngine::diffsynth, kSdCpp = DiffusionEngine::stable_diffusion_cpp;
  return {
      {"diffsynth_cpu", "Components in RAM until they are called", "states", 0.05, 0.5, false, kOwn, runs_in<kSynth>,
       [](const Request& r) { return states_are(r, kRam16, kGpu16); },
       [](Request& r, bool on) { set_states(r, on, kRam16, kGpu16, kGpu16); }},
      {"diffsynth_fp8", "The same, stored in FP8", "states", 0.1, 0.6, false, kOwn, runs_in<kSynth>,
       [](const Request& r) { return states_are(r, kRam8, kGpu8); },
       [](Request& r, bool on) { set_states(r, on, kRam8, kGpu8, kGpu8); }},
      {"diffsynth_dynamic", "Layers in RAM beyond vram_limit, stored in FP8", "states", 0.26, 0.3, true, kDiffSynth,
       runs_in<kSynth>, [](const Request& r) { return states_are(r, kRam8, kRam8); },
       [](Request& r, bool on) { set_states(r, on, kRam8, kRam8, kGpu8); }},
      {"diffsynth_disk", "Layers on disk until they are called", "states", 0.5, 20, false, kOwn, runs_in<kSynth>,
       [](const Request& r) { return states_are(r, kDiskOnly, kDiskOnly); },
       [](Request& r, bool on) { set_states(r, on, kDiskOnly, kDiskOnly, kGpu8); }},
      {"comfyui_lowvram", "--lowvram: text encoders on the CPU", "mode", 0.02, 0.5, false, kOwn, runs_in<kComfy>,
       in_mode<kComfy, VramMode::low>, set_mode<VramMode::low>},
      {"comfyui_novram", "--novram: every layer from RAM", "mode", 0.2, 6, false, kOwn, runs_in<kComfy>,
       in_mode<kComfy, VramMode::none>, set_mode<VramMode::none>},
      {"forge_low", "--always-low-vram", "mode", 0.02, 0.5, false, kOwn, runs_in<kForge>,
       in_mode<kForge, VramMode::low>, set_mode<VramMode::low>},
      {"forge_none", "--always-no-vram: every layer from RAM", "mode", 0.2, 6, false, kOwn, runs_in<kForge>,
       in_mode<kForge, VramMode::none>, set_mode<VramMode::none>},
      {"sd_cpp_diffusion_fa", "--diffusion-fa", "", -0.3, 0.3, false,
       "docs/performance.md: faster with CUDA, slower elsewhere; how much: our own estimate", runs_in<kSdCpp>,
       option<&EngineChoice::diffusion_fa>, set_option<&EngineChoice::diffusion_fa>},
      {"sd_cpp_vae_conv_direct", "--vae-conv-direct", "", 0, 0.3, false, kOwn, runs_in<kSdCpp>,
       option<&EngineChoice::vae_conv_direct>, set_option<&EngineChoice::vae_conv_direct>},
      {"sd_cpp_diffusion_conv_direct", "--diffusion-conv-direct", "", 0, 0.5, false, kOwn, runs_in<kSdCpp>,
       option<&EngineChoice::diffusion_conv_direct>, set_option<&EngineChoice::diffusion_conv_direct>},
      {"sd_cpp_clip_on_cpu", "--clip-on-cpu", "", 0.02, 0.5, false, kOwn, runs_in<kSdCpp>,
       option<&EngineChoice::clip_on_cpu>, set_option<&EngineChoice::clip_on_cpu>},
      {"sd_cpp_vae_on_cpu", "--vae-on-cpu", "", 0.2, 5, false, kOwn, runs_in<kSdCpp>, option<&EngineChoice::vae_on_cpu>,
       set_option<&EngineChoice::vae_on_cpu>},
      {"a1111_medvram", "--medvram: one model on the GPU at a time", "mode", 0.02, 0.4, false, kOwn, runs_in<kA1111>,
       in_mode<kA1111, VramMode::medium>, set_mode<VramMode::medium>},
      {"a1111_lowvram", "--lowvram: one block on the GPU at a time", "mode", 0.5, 6, false, kOwn, runs_in<kA1111>,
       in_mode<kA1111, VramMode::low>, set_mode<VramMode::low>},
  };
}

}  // namespace

const std::vector<Measure>& measures() {
  static const std::vector<Measure> rows = [] {
    std::vector<Measure> all = diffusers_measures();
    const std::vector<Measure> others = other_measures();
    all.insert(all.end(), others.begin(), others.end());
    return all;
  }();
  return rows;
}

}  // namespace vram::diffusion
