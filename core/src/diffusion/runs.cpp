// The runs of a pipeline, in order, each with its activations.
#include <algorithm>
#include <cmath>

#include "diffusion/parts.hpp"

namespace vram::diffusion {
namespace {

// Forward passes run on shapes come out as PyTorch counts them where the code is the same; other versions and the
// workspaces that kernels take by heuristics lie in this range (published peaks of tests/accuracy/data/diffusion.json).
constexpr double kLow = 0.8, kHigh = 1.5;
// Of a class whose forward pass is not known.
constexpr Bytes kUnknown = kGiB;

ConvCopies copies_of(const PipelineRequest& request, DType dtype) {
  if (!request.has_gpu) return ConvCopies::tensor_cores;
  const Gpu& gpu = request.machine.gpu;
  if (gpu.vendor == "apple" || gpu.vendor == "intel") return ConvCopies::none;
  if (gpu.vendor == "amd") return ConvCopies::tensor_cores;
  if (gpu.compute_capability.empty()) return ConvCopies::tensor_cores;
  const double cc = std::strtod(gpu.compute_capability.c_str(), nullptr);
  if (cc < 7) return ConvCopies::pascal;
  // TF32 came with compute capability 8.0.
  return cc < 8 && dtype == DType::f32 ? ConvCopies::none : ConvCopies::tensor_cores;
}

Trace::Rules rules_of(const PipelineRequest& request, Part part, DType dtype) {
  Trace::Rules rules;
  rules.copies = copies_of(request, dtype);
  rules.record = true;
  rules.diffusers_minor = request.engine.diffusers_minor;
  if (part == Part::denoiser) {
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

Bytes part_of_bytes(Bytes bytes, double factor) {
  return static_cast<Bytes>(std::llround(static_cast<double>(bytes) * factor));
}

void measure(Run& run, const Trace& trace) {
  run.live = {part_of_bytes(trace.peak(), kLow), trace.peak(), part_of_bytes(trace.peak(), kHigh)};
  run.fullest = trace.peak_name();
  run.reserved = replay_torch_caching(trace.tape()).peak_bytes;
}

void unknown(Run& run, const Component& component, std::vector<std::string>& warnings) {
  run.live = {0, kUnknown, 4 * kUnknown};
  run.reserved = kUnknown;
  run.fullest = "not modelled";
  warnings.push_back("the forward pass of " + component.class_name + " (" + component.role +
                     ") is not modelled: its activations are a guess of 0 to 4 GiB");
}

}  // namespace

Latents latents_of(const PipelineRequest& request, const std::vector<Weights>& weights) {
  Latents latents;
  Compression c;
  for (const Weights& w : weights) {
    if (w.known == nullptr || w.known->compression == nullptr) continue;
    const auto at = static_cast<std::size_t>(&w - weights.data());
    c = w.known->compression(request.pipeline.components[at].config);
    break;
  }
  latents.channels = c.channels;
  latents.height = request.height / c.space;
  latents.width = request.width / c.space;
  latents.frames = c.time > 1 ? (request.frames - 1) / c.time + 1 : request.frames;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i].part != Part::denoiser) continue;
    const Settings& s = request.pipeline.components[i].config;
    // A UNet has no tokens of its own: the finest attention sees every latent pixel. Models of packed latents state a
    // patch of 1: the packing is two by two.
    const Size usual = weights[i].known != nullptr ? weights[i].known->patch : 1;
    const std::vector<std::int64_t> patch = s.integers("patch_size", {usual});
    const Size side = std::max<Size>(patch.back(), usual);
    const Size time = std::max<Size>(1, s.integer("patch_size_t", patch.size() > 1 ? patch.front() : 1));
    latents.tokens = mul(mul(latents.height / side, latents.width / side), std::max<Size>(1, latents.frames / time));
    break;
  }
  return latents;
}

std::vector<Run> runs(const PipelineRequest& request, const std::vector<Weights>& weights, const Latents& latents,
                      std::vector<std::string>& warnings) {
  std::vector<Run> result;
  const auto each = [&](Part part, auto body) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i].part == part) body(i, request.pipeline.components[i], weights[i]);
    }
  };
  const Size passes = request.guidance == Guidance::doubled ? 2 : 1;

  each(Part::text_encoder, [&](std::size_t i, const Component& component, const Weights& w) {
    Run run;
    run.stage = Stage::text_encode;
    run.component = i;
    run.what = "forward";
    if (request.text_on_cpu) {
      run.fullest = "on the CPU";
    } else if (w.known != nullptr && w.known->text != nullptr) {
      Trace trace(rules_of(request, w.part, w.dtype));
      TextInput in;
      in.tokens = component.tokens > 0 ? component.tokens : request.text_tokens;
      in.dtype = w.dtype;
      w.known->text(trace, component.config, in);
      measure(run, trace);
    } else {
      unknown(run, component, warnings);
    }
    run.last_stays = request.guidance != Guidance::none;
    result.push_back(run);
  });

  CodecInput codec;
  codec.latent_channels = latents.channels;
  codec.latent_height = latents.height;
  codec.latent_width = latents.width;
  codec.latent_frames = latents.frames;
  codec.height = request.height;
  codec.width = request.width;
  codec.frames = request.frames;
  codec.tiling = request.techniques.vae_tiling;
  codec.slicing = request.techniques.vae_slicing;

  if (request.input_images > 0) {
    each(Part::image_encoder, [&](std::size_t i, const Component& component, const Weights& w) {
      Run run;
      run.stage = Stage::image_encode;
      run.component = i;
      run.what = "forward";
      if (w.known != nullptr && w.known->text != nullptr) {
        Trace trace(rules_of(request, w.part, w.dtype));
        TextInput in;
        in.dtype = w.dtype;
        w.known->text(trace, component.config, in);
        measure(run, trace);
      } else {
        unknown(run, component, warnings);
      }
      result.push_back(run);
    });
    each(Part::autoencoder, [&](std::size_t i, const Component& component, const Weights& w) {
      Run run;
      run.stage = Stage::image_encode;
      run.component = i;
      run.what = "encode";
      if (w.known != nullptr && w.known->encode != nullptr) {
        Trace trace(rules_of(request, w.part, w.dtype));
        codec.dtype = w.dtype;
        codec.batch = 1;
        w.known->encode(trace, component.config, codec);
        measure(run, trace);
      } else {
        unknown(run, component, warnings);
      }
      result.push_back(run);
    });
  }

  each(Part::denoiser, [&](std::size_t i, const Component& component, const Weights& w) {
    Run run;
    run.stage = Stage::denoise;
    run.component = i;
    run.what = "forward";
    if (w.known != nullptr && w.known->denoise != nullptr) {
      Trace trace(rules_of(request, w.part, w.dtype));
      DenoiseInput in;
      in.batch = mul(request.batch, passes);
      in.height = request.height;
      in.width = request.width;
      in.frames = request.frames;
      in.latent_height = latents.height;
      in.latent_width = latents.width;
      in.latent_frames = latents.frames;
      in.text_tokens = request.text_tokens;
      in.input_images = request.input_images;
      in.dtype = w.dtype;
      w.known->denoise(trace, component.config, in);
      measure(run, trace);
      run.live = run.live + Interval{0, 0, 0};
    } else {
      unknown(run, component, warnings);
    }
    result.push_back(run);
  });

  each(Part::autoencoder, [&](std::size_t i, const Component& component, const Weights& w) {
    Run run;
    run.stage = Stage::vae_decode;
    run.component = i;
    run.what = "decode";
    if (w.known != nullptr && w.known->decode != nullptr) {
      const bool upcast = request.pipeline.upcasts_vae && w.dtype == DType::f16;
      const DType dtype = upcast ? DType::f32 : w.dtype;
      if (upcast) run.extra_weights = plain_bytes(w.count, DType::f32) - w.bytes;
      Trace trace(rules_of(request, w.part, dtype));
      codec.dtype = dtype;
      codec.batch = request.batch;
      w.known->decode(trace, component.config, codec);
      measure(run, trace);
    } else {
      unknown(run, component, warnings);
    }
    result.push_back(run);
  });
  return result;
}

}  // namespace vram::diffusion
