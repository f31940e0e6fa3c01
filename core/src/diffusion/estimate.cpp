// An estimate of a pipeline: weights, runs, what the allocator makes of them, the ledger.
#include <algorithm>
#include <cmath>

#include "diffusion/parts.hpp"

namespace vram {
namespace diffusion {
namespace {

Plan plan_of(const Planner& planner) {
  switch (planner.request.engine.engine) {
    case DiffusionEngine::diffusers: return plan_diffusers(planner);
    case DiffusionEngine::diffsynth: return plan_diffsynth(planner);
    case DiffusionEngine::comfyui:
    case DiffusionEngine::forge: return plan_comfyui(planner);
    case DiffusionEngine::a1111: return plan_a1111(planner);
    case DiffusionEngine::stable_diffusion_cpp: return plan_stable_diffusion_cpp(planner);
  }
  return {};
}

ComponentFacts facts_of(const Component& component, const Weights& w) {
  ComponentFacts facts;
  facts.role = component.role;
  facts.class_name = component.class_name;
  facts.parameters = w.count.parameters;
  facts.linear = w.count.linear;
  facts.counted = w.counted;
  facts.bytes = w.bytes;
  facts.full_bytes = w.plain_bytes;
  facts.dtype = name_of(w.dtype);
  if (w.quantization != nullptr) facts.quantization = w.quantization->id;
  return facts;
}

Step step_of(const Moment& m, std::string_view component, Bytes workspace, Interval outside) {
  Step step;
  step.stage = m.run.stage;
  step.component = component;
  step.what = m.run.what;
  step.activations = m.run.pass.live;
  step.fullest = m.run.pass.fullest;
  step.allocated = Interval::exact(add(m.weights, workspace)) + m.run.pass.live;
  step.reserved = step.allocated + wider(m.cached, 0.3, 2);
  step.shown = step.reserved + outside;
  Bytes mapped = 0;
  for (const Held& held : m.run.held) {
    step.host = step.host + Interval{held.host, add(held.host, held.pinned / 2), add(held.host, held.pinned)};
    step.disk = add(step.disk, held.disk);
    mapped = std::max(mapped, held.mapped);
  }
  step.host.high = add(step.host.high, mapped);
  return step;
}

DiffusionEstimate estimate_checked(const PipelineRequest& request, EstimateMemo& memo) {
  DiffusionEstimate result;
  const std::vector<Weights> weights = weigh(request, memo);
  result.latents = latents_of(request, weights);
  const Beside beside = beside_of(request, weights, result.warnings);
  const Bytes companions = add(beside.loras, beside.companions), workspace = cublas_workspace(request);
  const Interval outside = outside_of(request.profile);
  Passes passes(request, weights, result.latents, memo, result.warnings);
  const Planner planner{request,    weights,        result.latents, passes, add(outside.expected, workspace),
                        companions, result.warnings};
  const std::vector<Moment> all = moments(request, plan_of(planner), companions);
  for (std::size_t i = 0; i < weights.size(); ++i)
    result.components.push_back(facts_of(request.pipeline.components[i], weights[i]));
  result.ledger.entries = entries_of(request, weights, beside, all);
  for (const Moment& m : all) {
    const Step step = step_of(m, request.pipeline.components[m.run.component].role, workspace, outside);
    const auto raise = [](Interval& peak, Interval here) {
      peak = {std::max(peak.low, here.low), std::max(peak.expected, here.expected), std::max(peak.high, here.high)};
    };
    raise(result.allocated, step.allocated);
    raise(result.reserved, step.reserved);
    raise(result.shown, step.shown);
    result.steps.push_back(step);
  }
  return result;
}

// Sizes and counts that a forward pass divides by or loops over.
std::optional<Error> check_config(const Component& component, std::size_t at) {
  for (const Setting& setting : component.config.all()) {
    const std::string_view key = setting.key;
    const auto ends = [&](std::string_view end) {
      return key.size() >= end.size() && key.substr(key.size() - end.size()) == end;
    };
    // Its levels without heads have no attention.
    const bool none = component.class_name == "StableCascadeUNet" && key == "num_attention_heads";
    const bool count = ends("layers") || ends("blocks") || ends("per_block");
    const bool size = ends("channels") || ends("dim") || ends("dims") || ends("size") || ends("heads") ||
                      ends("d_model") || ends("d_ff") || ends("d_kv") || ends("ratio");
    if (!count && !size) continue;
    for (const double number : setting.numbers) {
      const double low = count || none ? 0 : 1e-3, high = count ? 4096 : 1e6;
      if (number >= low && number <= high) continue;
      return Error{"/pipeline/components/" + std::to_string(at) + "/config/" + setting.key,
                   setting.key + " is out of range", std::to_string(std::llround(number)),
                   count ? "0 to 4096" : "1 to 1000000"};
    }
  }
  return std::nullopt;
}

}  // namespace
}  // namespace diffusion

Result<diffusion::DiffusionEstimate> estimate(const diffusion::PipelineRequest& request) {
  EstimateMemo memo;
  return estimate(request, memo);
}

Result<diffusion::DiffusionEstimate> estimate(const diffusion::PipelineRequest& request, EstimateMemo& memo) {
  for (std::size_t i = 0; i < request.pipeline.components.size(); ++i) {
    const diffusion::Component& component = request.pipeline.components[i];
    if (component.parameters == 0 && diffusion::find_class(component.class_name) == nullptr) {
      return Error{"/pipeline/components/" + std::to_string(i) + "/class",
                   "the class " + component.class_name + " is not known here: its parameters cannot be counted",
                   component.class_name, "a known class, or its number of parameters"};
    }
    if (auto error = diffusion::check_config(request.pipeline.components[i], i)) return *error;
  }
  try {
    return diffusion::estimate_checked(request, memo);
  } catch (const diffusion::BadConfig& bad) {
    return Error{"/pipeline", "a component's config describes no model: " + bad.message, "", ""};
  }
}

}  // namespace vram
