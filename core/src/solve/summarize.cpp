#include "vram/sweep.hpp"

namespace vram {

Summary summarize(const Ledger& ledger, const Machine& machine) {
  const Bytes capacity = capacity_bytes(machine);
  Summary summary;
  summary.headroom_bytes = capacity;
  Peak fullest{gpu(0), Stage::load, {}};
  bool any = false;
  for (const Peak& peak : peaks(ledger)) {
    if (peak.device.type == Device::Type::host) summary.host_bytes = peak.bytes.expected;
    if (peak.device.type != Device::Type::gpu) continue;
    if (peak.bytes.high > capacity) summary.verdict = Fit::Verdict::tight;
    if (any && peak.bytes.expected <= fullest.bytes.expected) continue;
    any = true;
    fullest = peak;
  }
  summary.peak = fullest.bytes;
  summary.headroom_bytes = add(capacity, -fullest.bytes.expected);
  if (summary.headroom_bytes < 0) summary.verdict = Fit::Verdict::does_not_fit;
  for (const Entry& entry : ledger.entries) {
    if (!(entry.device == fullest.device) || !entry.stages.contains(fullest.stage)) continue;
    Bytes& sum = summary.by_kind[static_cast<std::size_t>(entry.kind)];
    sum = add(sum, entry.bytes.expected);
  }
  return summary;
}

}  // namespace vram
