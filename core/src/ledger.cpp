#include "vram/ledger.hpp"

#include <algorithm>
#include <array>

namespace vram {

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::reserved: return "reserved";
    case Kind::runtime_context: return "runtime_context";
    case Kind::weights: return "weights";
    case Kind::vision_tower: return "vision_tower";
    case Kind::kv_cache: return "kv_cache";
    case Kind::recurrent_state: return "recurrent_state";
    case Kind::compute_buffer: return "compute_buffer";
    case Kind::activations: return "activations";
    case Kind::logits: return "logits";
    case Kind::output_buffer: return "output_buffer";
    case Kind::cuda_graphs: return "cuda_graphs";
    case Kind::communication: return "communication";
    case Kind::framework: return "framework";
    case Kind::fragmentation: return "fragmentation";
    case Kind::kv_pool: return "kv_pool";
  }
  return "";
}

std::string_view name_of(Stage stage) {
  switch (stage) {
    case Stage::load: return "load";
    case Stage::prefill: return "prefill";
    case Stage::decode: return "decode";
    case Stage::text_encode: return "text_encode";
    case Stage::image_encode: return "image_encode";
    case Stage::denoise: return "denoise";
    case Stage::vae_decode: return "vae_decode";
    case Stage::train_step: return "train_step";
  }
  return "";
}

std::string_view name_of(Device device) {
  static constexpr std::array<std::string_view, 64> kGpus = {
      "gpu:0",  "gpu:1",  "gpu:2",  "gpu:3",  "gpu:4",  "gpu:5",  "gpu:6",  "gpu:7",  "gpu:8",  "gpu:9",  "gpu:10",
      "gpu:11", "gpu:12", "gpu:13", "gpu:14", "gpu:15", "gpu:16", "gpu:17", "gpu:18", "gpu:19", "gpu:20", "gpu:21",
      "gpu:22", "gpu:23", "gpu:24", "gpu:25", "gpu:26", "gpu:27", "gpu:28", "gpu:29", "gpu:30", "gpu:31", "gpu:32",
      "gpu:33", "gpu:34", "gpu:35", "gpu:36", "gpu:37", "gpu:38", "gpu:39", "gpu:40", "gpu:41", "gpu:42", "gpu:43",
      "gpu:44", "gpu:45", "gpu:46", "gpu:47", "gpu:48", "gpu:49", "gpu:50", "gpu:51", "gpu:52", "gpu:53", "gpu:54",
      "gpu:55", "gpu:56", "gpu:57", "gpu:58", "gpu:59", "gpu:60", "gpu:61", "gpu:62", "gpu:63"};
  switch (device.type) {
    case Device::Type::gpu: return kGpus[static_cast<std::size_t>(std::clamp(device.index, 0, 63))];
    case Device::Type::host: return "host";
    case Device::Type::disk: return "disk";
  }
  return "";
}

std::vector<Peak> peaks(const Ledger& ledger) {
  std::vector<Peak> result;
  for (const Entry& first : ledger.entries) {
    const bool seen = std::any_of(result.begin(), result.end(), [&](const Peak& p) { return p.device == first.device; });
    if (seen) continue;
    std::array<Interval, kStageCount> sums{};
    for (const Entry& entry : ledger.entries) {
      if (!(entry.device == first.device)) continue;
      for (int s = 0; s < kStageCount; ++s) {
        if (entry.stages.contains(static_cast<Stage>(s))) sums[static_cast<std::size_t>(s)] = sums[static_cast<std::size_t>(s)] + entry.bytes;
      }
    }
    Peak peak{first.device, Stage::load, sums[0]};
    for (int s = 1; s < kStageCount; ++s) {
      const Interval& sum = sums[static_cast<std::size_t>(s)];
      if (sum.expected > peak.bytes.expected) {
        peak.stage = static_cast<Stage>(s);
        peak.bytes.expected = sum.expected;
      }
      peak.bytes.low = std::max(peak.bytes.low, sum.low);
      peak.bytes.high = std::max(peak.bytes.high, sum.high);
    }
    result.push_back(peak);
  }
  return result;
}

}  // namespace vram
