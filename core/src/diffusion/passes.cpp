// Passes of components on shapes: what is alive at most, and what PyTorch's allocator holds for it.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "diffusion/ggml_graph.hpp"
#include "diffusion/parts.hpp"

namespace vram::diffusion {
namespace {

// Forward passes run on shapes come out as PyTorch counts them where the code is the same; other versions and the
// workspaces that kernels take by heuristics lie in this range (published peaks of tests/accuracy/data/diffusion.json).
constexpr double kLow = 0.8, kHigh = 1.5;
// Engines with model code of their own, where that has not been read.
constexpr double kOtherLow = 0.6, kOtherHigh = 2;
// Of a class whose forward pass is not known.
constexpr Bytes kUnknown = kGiB;

using Key = std::array<Size, 22>;
struct Kept {
  std::map<Key, Pass> passes;
  static constexpr std::size_t kMost = 4096;
};

ConvCopies copies_of(const PipelineRequest& request, DType dtype) {
  if (!request.has_gpu) return ConvCopies::tensor_cores;
  const Gpu& gpu = request.machine.gpu;
  if (gpu.vendor == "apple" || gpu.vendor == "intel") return ConvCopies::none;
  if (gpu.vendor == "amd") return ConvCopies::tensor_cores;
  if (gpu.compute_capability.empty()) return ConvCopies::tensor_cores;
  const double cc = std::strtod(gpu.compute_capability.c_str(), nullptr);
  if (cc < 7) return ConvCopies::pascal;
  // TF32 came with compute capability 8.0.
  if (cc < 8) return dtype == DType::f32 ? ConvCopies::none : ConvCopies::tensor_cores;
  return cc >= 9 && cc < 10 ? ConvCopies::hopper : ConvCopies::tensor_cores;
}

Trace::Rules rules_of(const PipelineRequest& request, const Weights& w, DType dtype) {
  Trace::Rules rules;
  rules.copies = copies_of(request, dtype);
  // Convolutions that get the layout they want copy nothing. UNets and autoencoders are set to it, transformers have
  // none to speak of.
  if (request.techniques.channels_last &&
      (rules.copies == ConvCopies::tensor_cores || rules.copies == ConvCopies::hopper))
    rules.copies = ConvCopies::none;
  rules.record = true;
  rules.diffusers_minor = request.engine.diffusers_minor;
  if (w.part == Part::denoiser) {
    if (request.attention == AttentionKernel::eager) rules.attention.kind = Attention::Kind::vanilla;
    if (request.techniques.attention_slicing) {
      rules.attention.kind = Attention::Kind::sliced;
      rules.attention.slices = request.techniques.attention_slices;
    }
    rules.ff_chunks = request.techniques.forward_chunks;
    rules.fused_qkv = request.techniques.fuse_qkv;
  }
  return rules;
}

Key key_of(std::size_t component, Size what, const Trace::Rules& rules, DType dtype, bool own_code,
           std::initializer_list<Size> sizes) {
  Key key{};
  std::size_t at = 0;
  for (const Size part :
       {static_cast<Size>(component), what, static_cast<Size>(rules.attention.kind), rules.attention.slices,
        static_cast<Size>(rules.copies), rules.ff_chunks, static_cast<Size>(rules.fused_qkv),
        static_cast<Size>(rules.diffusers_minor), static_cast<Size>(dtype), static_cast<Size>(own_code)})
    key[at++] = part;
  for (const Size size : sizes) key[at++] = size;
  return key;
}

template <class Forward>
Pass kept_or_run(EstimateMemo& memo, const Key& key, const Trace::Rules& rules, bool diffusers, Forward forward) {
  Kept& kept = memo.part<Kept>();
  const auto known = kept.passes.find(key);
  if (known != kept.passes.end()) return known->second;
  Trace trace(rules);
  forward(trace);
  Pass pass;
  pass.live = wider(trace.peak(), diffusers ? kLow : kOtherLow, diffusers ? kHigh : kOtherHigh);
  pass.fullest = trace.peak_name();
  pass.reserved = replay_torch_caching(trace.tape()).peak_bytes;
  if (kept.passes.size() >= Kept::kMost) kept.passes.clear();
  kept.passes.emplace(key, pass);
  return pass;
}

bool is_diffusers(const PipelineRequest& request) { return request.engine.engine == DiffusionEngine::diffusers; }

}  // namespace

Pass Passes::unknown(std::size_t i) {
  const Component& component = request_.pipeline.components[i];
  const std::string warning = "the forward pass of " + component.class_name + " (" + component.role +
                              ") is not modelled: its activations are a guess of 0 to 4 GiB";
  bool said = false;
  for (const std::string& other : warnings_) said = said || other == warning;
  if (!said) warnings_.push_back(warning);
  return {{0, kUnknown, 4 * kUnknown}, kUnknown, "not modelled"};
}

Pass Passes::text(std::size_t i) {
  const Weights& w = weights_[i];
  if (w.known == nullptr || w.known->text == nullptr) return unknown(i);
  const Component& component = request_.pipeline.components[i];
  TextInput in;
  in.tokens = component.tokens > 0 ? component.tokens : request_.text_tokens;
  in.dtype = w.dtype;
  const Trace::Rules rules = rules_of(request_, w, w.dtype);
  const bool diffusers = is_diffusers(request_);
  return kept_or_run(memo_, key_of(i, 0, rules, in.dtype, !diffusers, {in.tokens}), rules, diffusers,
                     [&](Trace& trace) { w.known->text(trace, component.config, in); });
}

Pass Passes::image(std::size_t i) {
  const Weights& w = weights_[i];
  if (w.known == nullptr || w.known->text == nullptr) return unknown(i);
  TextInput in;
  in.dtype = w.dtype;
  const Trace::Rules rules = rules_of(request_, w, w.dtype);
  const bool diffusers = is_diffusers(request_);
  return kept_or_run(memo_, key_of(i, 1, rules, in.dtype, !diffusers, {}), rules, diffusers,
                     [&](Trace& trace) { w.known->text(trace, request_.pipeline.components[i].config, in); });
}

CodecInput Passes::whole(std::size_t i) const {
  CodecInput in;
  in.batch = request_.batch;
  in.latent_channels = latents_.channels;
  in.latent_height = latents_.height;
  in.latent_width = latents_.width;
  in.latent_frames = latents_.frames;
  in.height = request_.height;
  in.width = request_.width;
  in.frames = request_.frames;
  in.tiling = request_.techniques.vae_tiling;
  in.slicing = request_.techniques.vae_slicing && request_.batch > 1;
  in.dtype = weights_[i].dtype;
  return in;
}

Pass Passes::encode(std::size_t i) {
  const Weights& w = weights_[i];
  if (w.known == nullptr || w.known->encode == nullptr) return unknown(i);
  CodecInput in = whole(i);
  in.batch = 1;
  in.slicing = false;
  const Trace::Rules rules = rules_of(request_, w, in.dtype);
  const bool diffusers = is_diffusers(request_);
  return kept_or_run(memo_, key_of(i, 2, rules, in.dtype, !diffusers, {in.height, in.width, in.frames, in.tiling}),
                     rules, diffusers,
                     [&](Trace& trace) { w.known->encode(trace, request_.pipeline.components[i].config, in); });
}

Pass Passes::denoise(std::size_t i, Size batch) {
  const Weights& w = weights_[i];
  if (w.known == nullptr || w.known->denoise == nullptr) return unknown(i);
  DenoiseInput in;
  in.batch = batch;
  in.images = std::min(batch, request_.batch);
  in.height = request_.height;
  in.width = request_.width;
  in.frames = request_.frames;
  in.latent_height = latents_.height;
  in.latent_width = latents_.width;
  in.latent_frames = latents_.frames;
  in.text_tokens = request_.text_tokens;
  // Others are channels beside the latents (Fill), or where denoising starts from.
  in.input_images = request_.pipeline.joins_images ? request_.input_images : 0;
  in.dtype = w.dtype;
  const Trace::Rules rules = rules_of(request_, w, in.dtype);
  const bool diffusers = is_diffusers(request_);
  const Key key = key_of(i, 3, rules, in.dtype, !diffusers,
                         {batch, in.images, in.height, in.width, in.frames, in.text_tokens, in.input_images});
  return kept_or_run(memo_, key, rules, diffusers,
                     [&](Trace& trace) { w.known->denoise(trace, request_.pipeline.components[i].config, in); });
}

Pass Passes::decode(std::size_t i, const CodecInput& in) {
  const Weights& w = weights_[i];
  if (w.known == nullptr || w.known->decode == nullptr) return unknown(i);
  const Component& component = request_.pipeline.components[i];
  // Qwen-Image's autoencoder as DiffSynth-Studio writes it, read and modelled.
  const bool qwen =
      request_.engine.engine == DiffusionEngine::diffsynth && component.class_name == "AutoencoderKLQwenImage";
  const Trace::Rules rules = rules_of(request_, w, in.dtype);
  const Key key = key_of(i, 4, rules, in.dtype, !is_diffusers(request_),
                         {in.batch, in.latent_height, in.latent_width, in.latent_frames, in.height, in.width, in.frames,
                          in.tiling, in.slicing, in.tile});
  return kept_or_run(memo_, key, rules, is_diffusers(request_) || qwen, [&](Trace& trace) {
    (qwen ? trace_qwen_image_decode_diffsynth : w.known->decode)(trace, component.config, in);
  });
}

namespace {

// ggml's planner gives the buffer that the engine logs; versions differ in which operations work in place.
Pass buffer_of(const Tape& tape, double low, double high) {
  const Replay replay = replay_ggml(tape, 128);
  const std::string_view name = replay.peak_op >= 0 ? tape.ops()[static_cast<std::size_t>(replay.peak_op)].name : "";
  return {wider(replay.peak_bytes, low, high), replay.peak_bytes, name};
}

}  // namespace

Pass Passes::denoise_ggml(std::size_t i) {
  const EngineChoice& e = request_.engine;
  return buffer_of(
      unet_graph(request_.pipeline.components[i].config, {latents_.width, latents_.height, request_.text_tokens},
                 {e.diffusion_fa, e.diffusion_conv_direct}),
      0.98, 1.15);
}

Pass Passes::decode_ggml(std::size_t i, Size side) {
  const Size width = side > 0 ? std::min(side, latents_.width) : latents_.width;
  const Size height = side > 0 ? std::min(side, latents_.height) : latents_.height;
  return buffer_of(
      kl_decode_graph(request_.pipeline.components[i].config, width, height, {false, request_.engine.vae_conv_direct}),
      0.95, 1.16);
}

}  // namespace vram::diffusion
