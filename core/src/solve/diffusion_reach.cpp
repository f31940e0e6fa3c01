// The largest picture, clip, batch that still fits.
#include <algorithm>
#include <cmath>

#include "vram/diffusion_solve.hpp"

namespace vram::diffusion {
namespace {

struct Probe {
  bool fits = false;
  Blocked blocked;
};

Probe probe(const PipelineRequest& request, EstimateMemo& memo) {
  const Result<DiffusionEstimate> result = estimate(request, memo);
  if (!result.ok()) return {};
  Probe found;
  found.fits = check_fit(result->ledger, request.machine).verdict != Fit::Verdict::does_not_fit;
  if (!found.fits) found.blocked = blocked_by(*result, request.machine);
  return found;
}

// The largest n in 1..limit at which `with(n)` fits: doubling, then halving.
template <class With>
Reach search(std::int64_t start, std::int64_t limit, EstimateMemo& memo, With with) {
  Reach reach;
  reach.limit = limit;
  std::int64_t good = 0, bad = limit + 1;
  Blocked blocked;
  for (std::int64_t n = std::clamp<std::int64_t>(start, 1, limit); good < limit && bad > limit;) {
    const Probe p = probe(with(n), memo);
    if (p.fits) {
      good = n;
      n = n > limit / 2 ? limit : n * 2;
    } else {
      bad = n;
      blocked = p.blocked;
    }
  }
  while (bad - good > 1) {
    const std::int64_t middle = good + (bad - good) / 2;
    const Probe p = probe(with(middle), memo);
    if (p.fits) {
      good = middle;
    } else {
      bad = middle;
      blocked = p.blocked;
    }
  }
  reach.value = good;
  reach.bounded_by_limit = good == limit;
  if (!reach.bounded_by_limit) reach.blocked_by = blocked;
  return reach;
}

}  // namespace

Blocked blocked_by(const DiffusionEstimate& estimate, const Machine& machine) {
  const Fit fit = check_fit(estimate.ledger, machine);
  if (fit.first_entry < 0) return {};
  const Entry& entry = estimate.ledger.entries[static_cast<std::size_t>(fit.first_entry)];
  Blocked blocked{Stage::denoise, entry.kind, std::string(entry.label)};
  for (const Peak& peak : peaks(estimate.ledger)) {
    if (peak.device == fit.device) blocked.stage = peak.stage;
  }
  return blocked;
}

Reach max_at_aspect(PipelineRequest request, std::int64_t across, std::int64_t down, EstimateMemo& memo) {
  const std::int64_t step = std::max<std::int64_t>(1, request.pipeline.multiple);
  const std::int64_t limit = kSideLimit / step;
  const auto sized = [&](std::int64_t n) {
    // The longer side grows step by step, the other follows.
    const double ratio = static_cast<double>(std::min(across, down)) / static_cast<double>(std::max(across, down));
    const std::int64_t shorter = std::max<std::int64_t>(1, std::llround(static_cast<double>(n) * ratio));
    request.width = (across >= down ? n : shorter) * step;
    request.height = (across >= down ? shorter : n) * step;
    return request;
  };
  Reach reach = search(std::max(request.height, request.width) / step, limit, memo, sized);
  if (reach.value > 0) {
    const PipelineRequest at = sized(reach.value);
    reach.height = at.height;
    reach.width = at.width;
  }
  reach.value *= step;
  reach.limit *= step;
  return reach;
}

Reach max_square(PipelineRequest request, EstimateMemo& memo) { return max_at_aspect(std::move(request), 1, 1, memo); }

Reach max_frames(PipelineRequest request, EstimateMemo& memo) {
  const std::int64_t step = std::max<std::int64_t>(1, request.pipeline.frame_step);
  const std::int64_t limit = (kFramesLimit - 1) / step + 1;
  const auto long_clip = [&](std::int64_t n) {
    request.frames = (n - 1) * step + 1;
    return request;
  };
  Reach reach = search((request.frames - 1) / step + 1, limit, memo, long_clip);
  const auto frames = [&](std::int64_t n) { return n > 0 ? (n - 1) * step + 1 : 0; };
  reach.value = frames(reach.value);
  reach.limit = frames(reach.limit);
  return reach;
}

Reach max_images(PipelineRequest request, EstimateMemo& memo) {
  return search(request.batch, kImagesLimit, memo, [&](std::int64_t n) {
    request.batch = n;
    return request;
  });
}

Reach max_loras(PipelineRequest request, EstimateMemo& memo) {
  request.lora.fused = false;
  return search(std::max<std::int64_t>(1, request.lora.count), kLorasLimit, memo, [&](std::int64_t n) {
    request.lora.count = n;
    return request;
  });
}

SmallestGpu smallest_gpu(const PipelineRequest& request, const std::vector<Gpu>& candidates, const ProfileOf& profiles,
                         EstimateMemo& memo) {
  std::vector<const Gpu*> order;
  for (const Gpu& gpu : candidates) order.push_back(&gpu);
  std::stable_sort(order.begin(), order.end(), [](const Gpu* a, const Gpu* b) {
    return a->memory_bytes != b->memory_bytes ? a->memory_bytes < b->memory_bytes : a->popular && !b->popular;
  });
  SmallestGpu best;
  PipelineRequest trial = request;
  for (const Gpu* gpu : order) {
    trial.machine = {*gpu, 1};
    trial.has_gpu = true;
    trial.profile = profiles(trial.machine);
    const Result<DiffusionEstimate> result = estimate(trial, memo);
    if (!result.ok()) continue;
    const Fit fit = check_fit(result->ledger, trial.machine);
    if (fit.verdict == Fit::Verdict::does_not_fit) continue;
    best = {true, *gpu, fit.headroom_bytes};
    return best;
  }
  return best;
}

double vram_limit(const PipelineRequest& request, EstimateMemo& memo) {
  PipelineRequest trial = request;
  // The limit counts what the device reports as used, so it is the card less what the framework exceeds it by.
  const auto at = [&](double gib) {
    trial.engine.vram_limit_gib = gib;
    return probe(trial, memo).fits;
  };
  if (!at(0)) return -1;
  const double memory = static_cast<double>(request.machine.gpu.memory_bytes) / static_cast<double>(kGiB);
  std::int64_t good = 0, bad = static_cast<std::int64_t>(memory * 10) + 1;  // in tenths of a GiB
  while (bad - good > 1) {
    const std::int64_t middle = good + (bad - good) / 2;
    (at(static_cast<double>(middle) / 10) ? good : bad) = middle;
  }
  return static_cast<double>(good) / 10;
}

}  // namespace vram::diffusion
