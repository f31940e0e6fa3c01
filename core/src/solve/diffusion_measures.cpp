// What each measure saves, what the presets come to, and the mildest measures with which a pipeline fits.
#include <algorithm>

#include "vram/diffusion_solve.hpp"

namespace vram::diffusion {
namespace {

Interval shown(const PipelineRequest& request, EstimateMemo& memo) {
  const Result<DiffusionEstimate> result = estimate(request, memo);
  return result.ok() ? result->shown : Interval{};
}

bool fits(const PipelineRequest& request, Interval peak) {
  return request.has_gpu && peak.expected <= capacity_bytes(request.machine);
}

bool applies(const Measure& measure, const PipelineRequest& request) {
  return measure.applies == nullptr || measure.applies(request);
}

// One after the other: shares of the time multiply.
struct Slower {
  double low = 1, high = 1;
  void by(const Measure& measure) {
    low *= 1 + measure.slower_low;
    high *= 1 + measure.slower_high;
  }
};

}  // namespace

std::vector<Effect> effects(const PipelineRequest& request, EstimateMemo& memo) {
  std::vector<Effect> result;
  const Interval now = shown(request, memo);
  for (const Measure& measure : measures()) {
    Effect effect;
    effect.measure = &measure;
    effect.active = measure.active(request);
    // What is on stays in sight, even where it could not be switched on; of another engine nothing is.
    const bool in_sight = effect.active && request.engine.engine == DiffusionEngine::diffusers;
    if (!in_sight && !applies(measure, request)) continue;
    PipelineRequest other = request;
    measure.set(other, !effect.active);
    effect.shown = shown(other, memo);
    effect.saves = effect.active ? effect.shown.expected - now.expected : now.expected - effect.shown.expected;
    effect.fits = fits(request, effect.shown);
    result.push_back(effect);
  }
  return result;
}

const std::vector<Level>& levels() {
  constexpr std::string_view kSource =
      "presets of ml_lib's MemoryOptimizer (its author: 10, 25 and 35 % slower); here: published timings of what they "
      "switch on, one after the other";
  static const std::vector<Level> rows = {
      {"ultra_cpu", "ULTRA + CPU", 4, kSource},
      {"ultra", "ULTRA", 6, kSource},
      {"aggressive", "AGGRESSIVE", 8, kSource},
      {"balanced", "BALANCED", 12, kSource},
      {"none", "NONE", 0, kSource},
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

std::vector<LevelOutcome> level_outcomes(const PipelineRequest& request, EstimateMemo& memo) {
  std::vector<LevelOutcome> result;
  if (request.engine.engine != DiffusionEngine::diffusers) return result;
  for (auto level = levels().rbegin(); level != levels().rend(); ++level) {
    PipelineRequest trial = request;
    trial.techniques = {};
    trial.text_on_cpu = false;
    apply_level(trial, level->id);
    LevelOutcome outcome;
    outcome.level = &*level;
    if (const Result<DiffusionEstimate> found = estimate(trial, memo); found.ok()) {
      outcome.allocated = found->allocated;
      outcome.shown = found->shown;
      for (const Step& step : found->steps) outcome.host = std::max(outcome.host, step.host.expected);
    }
    Slower slower;
    for (const Measure& measure : measures()) {
      if (measure.id != "sdpa" && measure.active(trial)) slower.by(measure);
    }
    outcome.slower_low = slower.low - 1;
    outcome.slower_high = slower.high - 1;
    outcome.fits = fits(request, outcome.shown);
    result.push_back(outcome);
  }
  return result;
}

Weakest weakest(const PipelineRequest& request, EstimateMemo& memo) {
  Weakest best;
  PipelineRequest trial = request;
  best.shown = shown(trial, memo);
  if ((best.found = fits(request, best.shown))) return best;
  // Each measure alone, once: what saves nothing alone cannot help the fullest stage either, unless another stage takes
  // its place later; then it is looked at again.
  std::vector<const Measure*> candidates;
  for (const Measure& measure : measures()) {
    if (!measure.searched || measure.active(request) || !applies(measure, request)) continue;
    PipelineRequest alone = request;
    measure.set(alone, true);
    const Interval peak = shown(alone, memo);
    if (fits(request, peak)) {
      best = {true, {&measure}, measure.slower_low, measure.slower_high, peak, {}};
      return best;
    }
    candidates.push_back(&measure);
  }
  // The cheapest added up, those that save nothing left away; what saved nothing before another came is tried again.
  const auto take = [&](const Measure& measure) {
    PipelineRequest next = trial;
    measure.set(next, true);
    const Interval peak = shown(next, memo);
    if (peak.expected >= best.shown.expected) return;
    // One of a family takes the place of another.
    if (!measure.family.empty())
      std::erase_if(best.measures, [&](const Measure* m) { return m->family == measure.family; });
    trial = next;
    best.shown = peak;
    best.measures.push_back(&measure);
    best.found = fits(request, peak);
  };
  for (int round = 0; round < 2 && !best.found; ++round) {
    for (const Measure* measure : candidates) {
      if (best.found) break;
      const auto used = [&](const Measure* m) {
        return m == measure || (!measure->family.empty() && m->family == measure->family);
      };
      if (round > 0 && std::any_of(best.measures.begin(), best.measures.end(), used)) continue;
      if (applies(*measure, trial)) take(*measure);
    }
  }
  // What later ones made needless goes again, the costliest first.
  for (std::size_t i = best.measures.size(); best.found && i-- > 0 && best.measures.size() > 1;) {
    PipelineRequest without = trial;
    best.measures[i]->set(without, false);
    const Interval peak = shown(without, memo);
    if (!fits(request, peak)) continue;
    trial = without;
    best.shown = peak;
    best.measures.erase(best.measures.begin() + static_cast<std::ptrdiff_t>(i));
  }
  Slower slower;
  for (const Measure* measure : best.measures) slower.by(*measure);
  best.slower_low = slower.low - 1;
  best.slower_high = slower.high - 1;
  if (!best.found && request.has_gpu) {
    if (const Result<DiffusionEstimate> all = estimate(trial, memo); all.ok())
      best.blocked_by = blocked_by(*all, request.machine);
  }
  return best;
}

}  // namespace vram::diffusion
