// What every process pays besides its tensors. The amounts come from the overhead profile.
#include <algorithm>
#include <array>
#include <cmath>

#include "llm/parts.hpp"

namespace vram {
namespace {

bool is_torch(const EngineOptions& engine) {
  return !std::holds_alternative<IdealOptions>(engine) && !std::holds_alternative<LlamaCppOptions>(engine) &&
         !std::holds_alternative<MlxOptions>(engine);
}

Interval times(Interval bytes, double factor) {
  const auto scaled = [&](Bytes b) {
    const double x = std::ceil(static_cast<double>(b) * factor);
    return x >= static_cast<double>(kMaxBytes) ? kMaxBytes : static_cast<Bytes>(x);
  };
  return {scaled(bytes.low), scaled(bytes.expected), scaled(bytes.high)};
}

// Weights and caches, the entries that a manual model's own factor multiplies; with `activations` all that a
// caching allocator hands out.
Interval held(const Ledger& ledger, Device device, bool with_activations) {
  Interval sum;
  for (const Entry& entry : ledger.entries) {
    if (!(entry.device == device)) continue;
    switch (entry.kind) {
      case Kind::weights:
      case Kind::vision_tower:
      case Kind::kv_cache:
      case Kind::recurrent_state: sum = sum + entry.bytes; break;
      case Kind::activations:
      case Kind::logits:
        if (with_activations) sum = sum + entry.bytes;
        break;
      default: break;
    }
  }
  return sum;
}

void add_fragmentation(Ledger& ledger, Device device, Interval of, double factor, std::string_view label,
                       std::string_view source) {
  if (factor <= 1) return;
  ledger.entries.push_back({Kind::fragmentation,
                            label,
                            device,
                            kInference,
                            times(of, factor - 1),
                            "(fragmentation_factor - 1) * held",
                            {{"fragmentation_factor", factor}, {"held", static_cast<double>(of.expected)}},
                            source});
}

}  // namespace

bool applies(const ProfileRule& rule, const Machine& machine) {
  const auto asks = [](const std::vector<std::string>& wanted, const std::string& is) {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), is) != wanted.end();
  };
  const Gpu& gpu = machine.gpu;
  const Bytes bytes = gpu.memory_bytes_nominal > 0 ? gpu.memory_bytes_nominal : gpu.memory_bytes;
  const double gib = static_cast<double>(bytes) / static_cast<double>(kGiB);
  return rule.automatic && asks(rule.vendor, gpu.vendor) && asks(rule.architecture, gpu.architecture) &&
         asks(rule.form_factor, gpu.form_factor) && (rule.memory_gib_min <= 0 || gib >= rule.memory_gib_min) &&
         (rule.memory_gib_max <= 0 || gib <= rule.memory_gib_max) &&
         (rule.count_min <= 0 || machine.count >= rule.count_min) &&
         (rule.count_max <= 0 || machine.count <= rule.count_max);
}

Interval display_bytes(const OverheadProfile& profile, int index) {
  if (index > 0) return {};
  return {profile.display_reserve_low, profile.display_reserve, profile.display_reserve_high};
}

void add_overheads(const LlmRequest& request, LlmEstimate& estimate) {
  const OverheadProfile& profile = request.profile;
  Ledger& ledger = estimate.ledger;
  std::array<bool, 64> used{};
  for (const Entry& entry : ledger.entries) {
    if (entry.device.type == Device::Type::gpu) used[static_cast<std::size_t>(entry.device.index)] = true;
  }
  const bool ideal = std::holds_alternative<IdealOptions>(request.engine);
  const bool torch = is_torch(request.engine);
  // vLLM measures its own budget by what the allocator handed out at the peak: the pool absorbs what fragments.
  const bool fragments = std::holds_alternative<TransformersOptions>(request.engine);
  for (int index = 0; index < 64; ++index) {
    if (!used[static_cast<std::size_t>(index)]) continue;
    const Device device = gpu(index);
    if (request.model->fragmentation_factor > 1) {
      add_fragmentation(ledger, device, held(ledger, device, false), request.model->fragmentation_factor,
                        "Fragmentation, the model's own factor", "given by the caller for this model");
    }
    if (ideal) continue;
    if (display_bytes(profile, index).high > 0) {
      ledger.entries.push_back({Kind::reserved,
                                "Display and other programs",
                                device,
                                kInference,
                                display_bytes(profile, index),
                                "display_reserve",
                                {{"display_reserve", static_cast<double>(display_bytes(profile, index).expected)}},
                                profile.source});
    }
    if (profile.runtime_context_high > 0) {
      ledger.entries.push_back({Kind::runtime_context,
                                "Driver context and kernels",
                                device,
                                kInference,
                                {profile.runtime_context_low, profile.runtime_context, profile.runtime_context_high},
                                "runtime_context",
                                {{"runtime_context", static_cast<double>(profile.runtime_context)}},
                                profile.source});
    }
    if (torch && profile.framework_high > 0) {
      ledger.entries.push_back({Kind::framework,
                                "Framework: libraries and their workspaces",
                                device,
                                kInference,
                                {profile.framework_low, profile.framework, profile.framework_high},
                                "framework",
                                {{"framework", static_cast<double>(profile.framework)}},
                                profile.source});
    }
    if (fragments) {
      add_fragmentation(ledger, device, held(ledger, device, true), profile.fragmentation_factor,
                        "Allocator: cached but unused", profile.source);
    }
  }
}

}  // namespace vram
