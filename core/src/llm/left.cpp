// What a server finds left for its cache carries the errors of everything else. They were measured as one: the bytes
// left, off by a share of the GPU's memory. What is counted in them follows in proportion.
#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "llm/parts.hpp"

namespace vram {
namespace {

constexpr std::string_view kLeft = "available_kv_cache_memory";
constexpr std::array<std::string_view, 4> kCountedInIt = {"num_gpu_blocks", "kv_cache_tokens", "max_concurrency",
                                                          "largest_max_model_len"};

// A server stops taking memory where its budget ends: its pool is what certainly remains, and gives way to the upper
// ends of everything else.
void settle_pool(Ledger& ledger, Bytes memory) {
  for (const Peak& peak : peaks(ledger)) {
    Bytes excess = add(peak.bytes.high, -memory);
    for (Entry& entry : ledger.entries) {
      if (excess <= 0 || entry.kind != Kind::kv_pool || !(entry.device == peak.device)) continue;
      const Bytes less = std::min(excess, entry.bytes.expected);
      entry.bytes = Interval::exact(add(entry.bytes.expected, -less));
      excess -= less;
    }
  }
}

}  // namespace

void bound_what_is_left(const LlmRequest& request, LlmEstimate& estimate) {
  if (capacity_bytes(request.machine) > 0) settle_pool(estimate.ledger, capacity_bytes(request.machine));
  const std::string_view engine = name_of(request.engine);
  const auto row = std::find_if(request.residuals.begin(), request.residuals.end(),
                                [&](const Residual& r) { return r.of == Residual::Of::left && r.engine == engine; });
  if (row == request.residuals.end()) return;
  const auto memory = static_cast<double>(capacity_bytes(request.machine));
  double below = 1, above = 1;
  for (Figure& figure : estimate.figures) {
    if (figure.name != kLeft || figure.number <= 0) continue;
    below = std::max(0.0, figure.number + row->low * memory) / figure.number;
    above = (figure.number + row->high * memory) / figure.number;
  }
  if (below == 1 && above == 1) return;
  for (Figure& figure : estimate.figures) {
    if (figure.name != kLeft && std::find(kCountedInIt.begin(), kCountedInIt.end(), figure.name) == kCountedInIt.end())
      continue;
    figure.low = figure.number * below;
    figure.high = figure.number * above;
    if (figure.name == "max_concurrency") continue;  // the others are whole numbers
    figure.low = std::floor(figure.low);
    figure.high = std::ceil(figure.high);
  }
}

}  // namespace vram
