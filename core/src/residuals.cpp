#include "vram/residuals.hpp"

#include <algorithm>
#include <cmath>

namespace vram {
namespace {

constexpr double kWidestOutside = 4;

// 1 inside the fitted range; half as much again for each doubling past its end, roughly.
double widening(const Residual& r, double expected) {
  const auto from = static_cast<double>(r.from), to = static_cast<double>(r.to);
  double distance = 1;
  if (expected > 0 && expected < from) distance = from / expected;
  if (r.to > 0 && expected > to) distance = expected / to;
  return std::min(kWidestOutside, 1 + (distance - 1) / 2);
}

Bytes floored(double x) { return x <= 0 ? 0 : static_cast<Bytes>(std::floor(x)); }
Bytes raised(double x) { return x >= static_cast<double>(kMaxBytes) ? kMaxBytes : static_cast<Bytes>(std::ceil(x)); }

double below(const Residual& r, double expected) { return expected * (1 - (1 - r.low) * widening(r, expected)); }
double above(const Residual& r, double expected) { return expected * (1 + (r.high - 1) * widening(r, expected)); }

}  // namespace

Interval spread(const Residual& residual, Bytes expected) {
  const auto x = static_cast<double>(expected);
  double low = below(residual, x);
  const double high = above(residual, x);
  // Widening must not turn the lower bound back: past the end it stays at least where it was highest.
  const auto to = static_cast<double>(residual.to);
  const double deviation = 1 - residual.low;
  if (to > 0 && x > to && deviation > 0) {
    const double highest = to * (1 - deviation / 2) / deviation;
    low = std::max({low, below(residual, to), below(residual, std::clamp(highest, to, x))});
  }
  return {std::min(expected, floored(low)), expected, std::max(expected, raised(high))};
}

void apply(std::span<const Residual> residuals, std::string_view engine, bool built_in_profile, Ledger& ledger) {
  for (const Residual& residual : residuals) {
    const bool everywhere = residual.engine == "*";
    if (residual.engine != engine && !(everywhere && built_in_profile && engine != "ideal")) continue;
    if (residual.of == Residual::Of::left) continue;
    if (residual.of == Residual::Of::sum) {
      ledger.sums.push_back({residual.kinds, residual.low, residual.high, residual.records});
      continue;
    }
    for (Entry& entry : ledger.entries) {
      if (!residual.kinds.contains(entry.kind)) continue;
      const Interval own = entry.bytes;
      const bool exact = residual.low == 1 && residual.high == 1;
      if (exact && !own.is_exact()) continue;  // the records say nothing of what the engine itself is not sure of
      entry.checked_on = residual.records;
      if (exact) continue;
      entry.checked_by = residual.id;
      entry.bytes = spread(residual, own.expected);
      if (!entry.assumed) continue;
      entry.bytes.low = std::min(entry.bytes.low, own.low);
      entry.bytes.high = std::max(entry.bytes.high, own.high);
    }
  }
}

}  // namespace vram
