// Measures against too little memory, in order of what they cost in time.
#include <algorithm>

#include "vram/diffusion_solve.hpp"

namespace vram::diffusion {
namespace {

constexpr std::string_view kDocs =
    "diffusers documentation, optimization/memory (v0.36); range: our own estimate, not measured";
constexpr std::string_view kLevels = "presets of ml_lib's MemoryOptimizer: 10, 25 and 35 % slower";

bool is(const PipelineRequest& a, const PipelineRequest& b) {
  const Techniques &x = a.techniques, &y = b.techniques;
  return x.offload == y.offload && x.use_stream == y.use_stream && x.vae_tiling == y.vae_tiling &&
         x.vae_slicing == y.vae_slicing && x.attention_slicing == y.attention_slicing &&
         x.forward_chunks == y.forward_chunks && x.layerwise_casting == y.layerwise_casting &&
         a.attention == b.attention;
}

void without(PipelineRequest& request, std::string_view id) {
  Techniques& t = request.techniques;
  if (id == "vae_slicing") t.vae_slicing = false;
  if (id == "vae_tiling") t.vae_tiling = false;
  if (id == "layerwise_casting") t.layerwise_casting = false;
  if (id == "forward_chunking") t.forward_chunks = 1;
  if (id == "attention_slicing") t.attention_slicing = false;
  if (id == "sdpa") request.attention = AttentionKernel::eager;
  if (id == "model_cpu_offload" || id == "group_offload_block" || id == "group_offload_leaf" ||
      id == "sequential_cpu_offload")
    t.offload = Offload::none;
}

Interval shown(const PipelineRequest& request) {
  const Result<DiffusionEstimate> result = estimate(request);
  return result.ok() ? result->shown : Interval{};
}

bool fits(const PipelineRequest& request, Interval peak) {
  return request.has_gpu && peak.expected <= capacity_bytes(request.machine);
}

}  // namespace

const std::vector<Measure>& measures() {
  static const std::vector<Measure> rows = {
      {"sdpa", "Fused attention (SDPA, flash, xFormers)", -0.3, 0, kDocs,
       [](PipelineRequest& r) {
         if (r.attention == AttentionKernel::eager) r.attention = AttentionKernel::sdpa;
       }},
      {"vae_slicing", "VAE slicing", 0, 0.03, kDocs, [](PipelineRequest& r) { r.techniques.vae_slicing = true; }},
      {"vae_tiling", "VAE tiling", 0, 0.1, kDocs, [](PipelineRequest& r) { r.techniques.vae_tiling = true; }},
      {"layerwise_casting", "FP8 storage of the denoiser (layerwise casting)", 0.02, 0.2, kDocs,
       [](PipelineRequest& r) { r.techniques.layerwise_casting = true; }},
      {"model_cpu_offload", "Model CPU offload", 0.05, 0.3, kDocs,
       [](PipelineRequest& r) { r.techniques.offload = Offload::model; }},
      {"forward_chunking", "Forward chunking", 0.05, 0.2, kDocs,
       [](PipelineRequest& r) {
         r.techniques.forward_chunks = std::max<std::int64_t>(r.techniques.forward_chunks, 2);
       }},
      {"group_offload_block", "Group offload by blocks, with a stream", 0.1, 0.5, kDocs,
       [](PipelineRequest& r) {
         r.techniques.offload = Offload::group_block;
         r.techniques.use_stream = true;
       }},
      {"attention_slicing", "Attention slicing", 0.1, 0.5, kDocs,
       [](PipelineRequest& r) { r.techniques.attention_slicing = true; }},
      {"group_offload_leaf", "Group offload by leaves, with a stream", 0.25, 2, kDocs,
       [](PipelineRequest& r) {
         r.techniques.offload = Offload::group_leaf;
         r.techniques.use_stream = true;
       }},
      {"sequential_cpu_offload", "Sequential CPU offload", 0.25, 10, kDocs,
       [](PipelineRequest& r) { r.techniques.offload = Offload::sequential; }},
  };
  return rows;
}

std::vector<Effect> effects(const PipelineRequest& request) {
  std::vector<Effect> result;
  const Interval now = shown(request);
  for (const Measure& measure : measures()) {
    PipelineRequest with = request;
    measure.apply(with);
    Effect effect;
    effect.measure = &measure;
    effect.active = is(with, request);
    if (effect.active) {
      PipelineRequest less = request;
      without(less, measure.id);
      effect.shown = shown(less);
      effect.saves = effect.shown.expected - now.expected;
      effect.fits = fits(request, effect.shown);
    } else {
      effect.shown = shown(with);
      effect.saves = now.expected - effect.shown.expected;
      effect.fits = fits(request, effect.shown);
    }
    result.push_back(effect);
  }
  return result;
}

const std::vector<Level>& levels() {
  static const std::vector<Level> rows = {
      {"ultra_cpu", "ULTRA + CPU", 0.35, 10, 4, kLevels},
      {"ultra", "ULTRA", 0.35, 2, 6, kLevels},
      {"aggressive", "AGGRESSIVE", 0.25, 10, 8, kLevels},
      {"balanced", "BALANCED", 0.1, 0.3, 12, kLevels},
      {"none", "NONE", 0, 0, 0, kLevels},
  };
  return rows;
}

void apply_level(PipelineRequest& request, std::string_view id) {
  Techniques& t = request.techniques;
  if (id == "none") return;
  t.vae_tiling = true;
  if (id == "balanced") {
    t.offload = Offload::model;
    return;
  }
  t.vae_slicing = true;
  t.attention_slicing = true;
  if (id == "aggressive") {
    t.offload = Offload::sequential;
    return;
  }
  t.offload = Offload::group_leaf;
  t.use_stream = true;
  t.layerwise_casting = true;
  t.forward_chunks = 2;
  // Text encoders stay in RAM and run there.
  if (id == "ultra_cpu") request.text_on_cpu = true;
}

std::string_view level_for(Bytes memory) {
  const double gib = static_cast<double>(memory) / static_cast<double>(kGiB);
  for (const Level& level : levels()) {
    if (level.memory_below_gib <= 0 || gib < level.memory_below_gib) return level.id;
  }
  return "none";
}

std::vector<LevelOutcome> level_outcomes(const PipelineRequest& request) {
  std::vector<LevelOutcome> result;
  for (auto level = levels().rbegin(); level != levels().rend(); ++level) {
    PipelineRequest trial = request;
    trial.techniques = {};
    trial.text_on_cpu = false;
    apply_level(trial, level->id);
    LevelOutcome outcome;
    outcome.level = &*level;
    if (const Result<DiffusionEstimate> found = estimate(trial); found.ok()) {
      outcome.allocated = found->allocated;
      outcome.shown = found->shown;
      for (const Step& step : found->steps) outcome.host = std::max(outcome.host, step.host);
    }
    outcome.fits = fits(request, outcome.shown);
    result.push_back(outcome);
  }
  return result;
}

Weakest weakest(const PipelineRequest& request) {
  Weakest best;
  PipelineRequest trial = request;
  Interval peak = shown(trial);
  const auto done = [&] {
    best.shown = peak;
    best.found = fits(request, peak);
    return best.found;
  };
  if (done()) return best;
  // One alone, the cheapest first; then the cheapest added up, those that save nothing left away.
  for (const Measure& measure : measures()) {
    PipelineRequest alone = request;
    measure.apply(alone);
    if (is(alone, request)) continue;
    peak = shown(alone);
    if (done()) {
      best.measures = {&measure};
      best.slower_low = measure.slower_low;
      best.slower_high = measure.slower_high;
      return best;
    }
  }
  double low = 1, high = 1;
  Bytes before = shown(request).expected;
  for (const Measure& measure : measures()) {
    PipelineRequest next = trial;
    measure.apply(next);
    if (is(next, trial)) continue;
    peak = shown(next);
    const bool offload = next.techniques.offload != trial.techniques.offload;
    if (peak.expected >= before) continue;
    // One way of offloading takes the place of another.
    if (offload && trial.techniques.offload != Offload::none) {
      const auto old = std::find_if(best.measures.begin(), best.measures.end(), [](const Measure* m) {
        return m->id == "model_cpu_offload" || m->id == "group_offload_block" || m->id == "group_offload_leaf";
      });
      if (old != best.measures.end()) {
        low /= 1 + (*old)->slower_low;
        high /= 1 + (*old)->slower_high;
        best.measures.erase(old);
      }
    }
    trial = next;
    before = peak.expected;
    best.measures.push_back(&measure);
    low *= 1 + measure.slower_low;
    high *= 1 + measure.slower_high;
    best.slower_low = low - 1;
    best.slower_high = high - 1;
    if (done()) return best;
  }
  best.shown = shown(trial);
  return best;
}

}  // namespace vram::diffusion
