// Diffusion pipelines: images and video, stage by stage. A pipeline is a list of components; each stage runs some of
// them; techniques say which are in memory meanwhile. Activations come from forward passes run on shapes only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vram/bytes.hpp"
#include "vram/hardware.hpp"
#include "vram/ledger.hpp"
#include "vram/memo.hpp"
#include "vram/result.hpp"
#include "vram/storage.hpp"

namespace vram {

namespace diffusion {

enum class DType : std::uint8_t { f32, f16, bf16, f64, i64, i32, u8, f8 };
constexpr Bytes size_of(DType dtype) {
  constexpr Bytes kSizes[] = {4, 2, 2, 8, 8, 4, 1, 1};
  return kSizes[static_cast<std::size_t>(dtype)];
}
// "fp32", "fp16", "bf16", "fp8"; others for tensors only.
std::string_view name_of(DType dtype);

// One key of a component's config.json: a number, a truth value (0 or 1), a text, or a list of numbers or texts.
struct Setting {
  std::string key;
  std::vector<double> numbers;
  std::vector<std::string> texts;
  bool is_list = false;
};

// A component's config. Keys that are absent take the default of the class, which the caller of a getter names.
class Settings {
 public:
  void add(Setting setting) { settings_.push_back(std::move(setting)); }
  bool has(std::string_view key) const { return find(key) != nullptr; }
  std::int64_t integer(std::string_view key, std::int64_t fallback) const;
  double number(std::string_view key, double fallback) const;
  bool truth(std::string_view key, bool fallback) const;
  std::string_view text(std::string_view key, std::string_view fallback) const;
  // A single value counts as a list of one.
  std::vector<std::int64_t> integers(std::string_view key, std::initializer_list<std::int64_t> fallback) const;
  std::vector<std::string_view> texts(std::string_view key, std::initializer_list<std::string_view> fallback) const;
  bool is_list(std::string_view key) const;
  const std::vector<Setting>& all() const { return settings_; }

 private:
  const Setting* find(std::string_view key) const;
  std::vector<Setting> settings_;
};

// What a component does in the pipeline.
enum class Part : std::uint8_t { text_encoder, image_encoder, denoiser, autoencoder, safety_checker, other };

struct Component {
  std::string role;        // "unet", "transformer_2", "text_encoder", "vae": the name of its folder
  std::string class_name;  // "UNet2DConditionModel"
  Settings config;
  std::int64_t parameters = 0;  // as published; 0: counted from the config
  DType dtype = DType::f16;     // as it is loaded, unless the request says otherwise
  std::int64_t tokens = 0;      // text encoders: what prompts are padded to; 0: as the pipeline
  std::string source;
};

enum class Guidance : std::uint8_t {
  none,        // one pass a step: distilled guidance
  doubled,     // the batch holds both halves of classifier-free guidance
  sequential,  // two passes one after the other
};
std::string_view name_of(Guidance guidance);  // "doubled"

struct Pipeline {
  std::string id;
  std::string name;
  std::string task;  // "txt2img", "img2img", "edit", "txt2vid", "img2vid"
  std::vector<Component> components;
  Guidance guidance = Guidance::none;
  std::int64_t height = 0, width = 0, frames = 1;  // what its authors use
  std::int64_t text_tokens = 77;                   // the length prompts are padded to, or an ordinary length
  std::int64_t multiple = 8;                       // sides must be multiples of this
  std::int64_t frame_step = 1;                     // frames must be 1 more than a multiple of this
  std::int64_t input_images = 0;                   // pictures it starts from, when the request does not say
  bool joins_images = false;                       // their tokens join the sequence (Kontext, Qwen-Image-Edit)
  bool upcasts_vae = false;                        // decodes in FP32 when its autoencoder is FP16 (SDXL)
  std::string source;
};

// A way to store the weights of linear layers in fewer bytes.
struct Quantization {
  std::string_view id;    // "bnb_nf4"
  std::string_view name;  // "bitsandbytes NF4"
  double bytes_per_weight = 2;
  double dequantized_copies = 0;  // copies of the largest linear layer in the computing dtype while it runs
  std::string_view source;
};
const std::vector<Quantization>& quantizations();

enum class Offload : std::uint8_t { none, model, sequential, group_block, group_leaf };

// How a pipeline is made to fit. Defaults: everything resident, nothing tiled.
struct Techniques {
  Offload offload = Offload::none;
  std::int64_t blocks_per_group = 1;  // group_block
  bool use_stream = false;            // group offload: the next group is fetched while this one runs
  bool record_stream = false;
  bool non_blocking = false;
  bool low_cpu_mem_usage = false;  // group offload: pinned when fetched, not all along
  bool offload_to_disk = false;    // group offload: offloaded groups lie on disk
  bool vae_tiling = false;
  bool vae_slicing = false;
  bool attention_slicing = false;
  std::int64_t attention_slices = 0;  // products at a time; 0: half of the heads ("auto")
  std::int64_t forward_chunks = 1;    // forward chunking: pieces of the feed-forward
  bool layerwise_casting = false;     // FP8 storage of the denoiser
  bool compile = false;               // faster, no less memory
  bool fuse_qkv = false;
  bool channels_last = false;  // convolutions in the layout that tensor cores want: no copies around them
};

enum class AttentionKernel : std::uint8_t { sdpa, flash, xformers, eager };
std::string_view name_of(AttentionKernel kernel);

// Where the weights of a component are in one of DiffSynth's four states.
struct Residence {
  Device::Type device = Device::Type::gpu;
  DType dtype = DType::bf16;
};
struct DiffSynthStates {
  Residence offload{Device::Type::host, DType::bf16}, onload, preparing, computation;
};

// One component as the request wants it; what is absent is left as the pipeline has it.
struct ComponentChoice {
  std::optional<DType> dtype;
  const Quantization* quantization = nullptr;
  std::optional<DiffSynthStates> states;  // DiffSynth: absent: not managed
};

enum class DiffusionEngine : std::uint8_t { diffusers, diffsynth, comfyui, a1111, forge, stable_diffusion_cpp };
std::string_view name_of(DiffusionEngine engine);          // "diffusers"
std::string_view checked_against(DiffusionEngine engine);  // version and commit its rules were read from

// How much of the models an engine keeps on the GPU, under its own name.
enum class VramMode : std::uint8_t {
  normal,  // ComfyUI --normalvram, Forge and A1111 without an option
  high,    // ComfyUI --highvram, Forge --always-high-vram: models stay on the GPU
  medium,  // A1111 --medvram: one of text encoder, denoiser and autoencoder at a time
  low,     // ComfyUI and A1111 --lowvram, Forge --always-low-vram
  none,    // ComfyUI --novram, Forge --always-no-vram: layer by layer
};
std::string_view name_of(VramMode mode);

struct EngineChoice {
  DiffusionEngine engine = DiffusionEngine::diffusers;
  // diffusers
  int diffusers_minor = 36;  // version 0.x: what is known to have changed is modelled as it was
  // diffsynth
  bool managed = false;                  // some component has states
  std::optional<double> vram_limit_gib;  // absent: None
  // comfyui, a1111, forge
  VramMode vram_mode = VramMode::normal;
  bool smart_memory = true;                // ComfyUI: false with --disable-smart-memory
  std::optional<double> reserve_vram_gib;  // ComfyUI --reserve-vram
  std::optional<double> gpu_weights_gib;   // Forge: the slider "GPU Weights"
  bool vae_on_cpu = false;                 // ComfyUI --cpu-vae, stable-diffusion.cpp --vae-on-cpu
  // stable-diffusion.cpp
  bool diffusion_fa = false;
  bool vae_conv_direct = false;
  bool diffusion_conv_direct = false;
  bool clip_on_cpu = false;
};

struct Lora {
  std::int64_t rank = 16;
  std::int64_t count = 0;
  bool fused = false;  // merged into the weights: takes nothing
};

// What runs beside the pipeline.
struct Companion {
  enum class Kind : std::uint8_t { controlnet, t2i_adapter, ip_adapter, upscaler } kind = Kind::controlnet;
  std::int64_t count = 1;
};

struct PipelineRequest {
  Pipeline pipeline;
  std::vector<ComponentChoice> choices;  // beside pipeline.components
  std::int64_t height = 0, width = 0, frames = 1, batch = 1;
  std::int64_t text_tokens = 77;
  std::int64_t input_images = 0;
  Guidance guidance = Guidance::none;
  AttentionKernel attention = AttentionKernel::sdpa;
  Techniques techniques;
  EngineChoice engine;
  Lora lora;
  std::vector<Companion> companions;
  bool safety_checker = false;
  bool text_on_cpu = false;  // text encoders run on the CPU
  bool keeps_cache = true;   // false: the allocator's cache is emptied after every stage
  bool has_gpu = false;
  Machine machine;
  OverheadProfile profile;
};

// One run of one component.
struct Step {
  Stage stage = Stage::denoise;
  std::string_view component;  // role; views the request's pipeline
  std::string_view what;       // "decode", "forward"
  Interval activations;        // live bytes
  std::string_view fullest;    // the operation at which they are fullest
  Interval allocated;          // with the weights on the GPU meanwhile: what max_memory_allocated counts
  Interval reserved;           // what the caching allocator holds
  Interval shown;              // what nvidia-smi shows
  Interval host;               // weights kept in RAM meanwhile, with what pinning them rounds up
  Bytes disk = 0;              // weights that are only on disk meanwhile
};

struct ComponentFacts {
  std::string_view role, class_name;
  std::int64_t parameters = 0;
  std::int64_t linear = 0;
  bool counted = false;  // parameters counted from the config; false: as published
  Bytes bytes = 0;       // as loaded
  Bytes full_bytes = 0;  // before quantization
  std::string_view dtype, quantization;
};

struct Latents {
  std::int64_t channels = 0, frames = 1, height = 0, width = 0;
  std::int64_t tokens = 0;  // of the denoiser, without text
};

struct DiffusionEstimate {
  Ledger ledger;
  std::vector<Step> steps;
  std::vector<ComponentFacts> components;
  Latents latents;
  Interval allocated, reserved, shown;  // peaks over all steps, GPU 0
  std::vector<std::string> warnings;
};

}  // namespace diffusion

Result<diffusion::DiffusionEstimate> estimate(const diffusion::PipelineRequest& request);
// The same, and keeps passes on shapes and counts of weights for the next estimate. Precondition: every request that a
// memo is used with has the same pipeline.
Result<diffusion::DiffusionEstimate> estimate(const diffusion::PipelineRequest& request, EstimateMemo& memo);

}  // namespace vram
