#include <algorithm>

#include "vram/llm.hpp"

namespace vram {

Bytes capacity_bytes(const Machine& machine) { return machine.gpu.memory_bytes; }

Fit check_fit(const Ledger& ledger, const Machine& machine) {
  const Bytes capacity = capacity_bytes(machine);
  Fit fit;
  fit.device = gpu(0);
  fit.headroom_bytes = capacity;
  Stage stage = Stage::load;
  for (const Peak& peak : peaks(ledger)) {
    if (peak.device.type != Device::Type::gpu) continue;
    const Bytes headroom = add(capacity, -peak.bytes.expected);
    if (headroom < fit.headroom_bytes) {
      fit.headroom_bytes = headroom;
      fit.device = peak.device;
      stage = peak.stage;
    }
    if (peak.bytes.high > capacity && fit.verdict == Fit::Verdict::fits) fit.verdict = Fit::Verdict::tight;
  }
  if (fit.headroom_bytes >= 0) return fit;
  fit.verdict = Fit::Verdict::does_not_fit;
  Bytes taken = 0;
  for (std::size_t i = 0; i < ledger.entries.size() && fit.first_entry < 0; ++i) {
    const Entry& entry = ledger.entries[i];
    if (!(entry.device == fit.device) || !entry.stages.contains(stage)) continue;
    taken = add(taken, entry.bytes.expected);
    if (taken > capacity) fit.first_entry = static_cast<int>(i);
  }
  return fit;
}

}  // namespace vram
