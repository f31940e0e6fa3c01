// The runs of a pipeline in order, as diffusers makes them and other engines too unless they say otherwise.
#include <algorithm>
#include <cmath>

#include "diffusion/parts.hpp"

namespace vram::diffusion {

Bytes scaled(Bytes bytes, double factor) {
  return static_cast<Bytes>(std::llround(static_cast<double>(bytes) * factor));
}

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

std::vector<Run> usual_runs(const Planner& p) {
  std::vector<Run> runs;
  const auto each = [&](Part part, Stage stage, std::string_view what, auto pass) {
    for (std::size_t i = 0; i < p.weights.size(); ++i) {
      if (p.weights[i].part != part) continue;
      Run run;
      run.stage = stage;
      run.component = i;
      run.what = what;
      run.pass = pass(i, run);
      runs.push_back(std::move(run));
    }
  };
  each(Part::text_encoder, Stage::text_encode, "forward", [&](std::size_t i, Run& run) {
    run.last_stays = p.request.guidance != Guidance::none;
    return p.request.text_on_cpu ? Pass{{}, 0, "on the CPU"} : p.passes.text(i);
  });
  if (p.request.input_images > 0) {
    each(Part::image_encoder, Stage::image_encode, "forward", [&](std::size_t i, Run&) { return p.passes.image(i); });
    each(Part::autoencoder, Stage::image_encode, "encode", [&](std::size_t i, Run&) { return p.passes.encode(i); });
  }
  const Size passes = p.request.guidance == Guidance::doubled ? 2 : 1;
  each(Part::denoiser, Stage::denoise, "forward",
       [&](std::size_t i, Run&) { return p.passes.denoise(i, mul(p.request.batch, passes)); });
  each(Part::autoencoder, Stage::vae_decode, "decode", [&](std::size_t i, Run& run) {
    CodecInput in = p.passes.whole(i);
    const Weights& w = p.weights[i];
    if (p.request.pipeline.upcasts_vae && w.dtype == DType::f16) {
      in.dtype = DType::f32;
      run.extra_weights = plain_bytes(w.count, DType::f32) - w.bytes;
    }
    return p.passes.decode(i, in);
  });
  return runs;
}

}  // namespace vram::diffusion
