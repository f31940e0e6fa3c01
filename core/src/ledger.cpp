#include "vram/ledger.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace vram {

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::reserved: return "reserved";
    case Kind::runtime_context: return "runtime_context";
    case Kind::weights: return "weights";
    case Kind::vision_tower: return "vision_tower";
    case Kind::adapters: return "adapters";
    case Kind::master_weights: return "master_weights";
    case Kind::gradients: return "gradients";
    case Kind::optimizer_state: return "optimizer_state";
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

namespace {

double difference(Bytes a, Bytes b) { return static_cast<double>(a) - static_cast<double>(b); }

Bytes moved(Bytes expected, double by) {
  const double x = std::ceil(static_cast<double>(expected) + by);
  return x >= static_cast<double>(kMaxBytes) ? kMaxBytes : static_cast<Bytes>(x);
}

// The sum over the entries alive in one stage of a device, and how sure it is.
class StageSum {
 public:
  explicit StageSum(const std::vector<MeasuredSum>& measured) : measured_(&measured) {}

  void add_entry(const Entry& entry) {
    expected_ = add(expected_, entry.bytes.expected);
    const double below = difference(entry.bytes.expected, entry.bytes.low);
    const double above = difference(entry.bytes.high, entry.bytes.expected);
    for (std::size_t i = 0; i < measured_->size() && i < in_sums_.size(); ++i) {
      if (!(*measured_)[i].kinds.contains(entry.kind) || entry.assumed) continue;
      in_sums_[i] += static_cast<double>(entry.bytes.expected);
      exact_ = false;
      return;
    }
    if (entry.bytes.expected > 0 && entry.kind != Kind::reserved && entry.kind != Kind::kv_pool) {
      least_ = least_ < 0 ? entry.checked_on : std::min(least_, entry.checked_on);
    }
    if (below == 0 && above == 0) return;
    exact_ = false;
    if (entry.checked_by.empty()) {
      below_ += below;
      above_ += above;
      return;
    }
    std::size_t i = 0;
    while (i < groups_ && rows_[i].name != entry.checked_by) ++i;
    if (i == rows_.size()) {  // more rows than any engine has: as if they were of the last one
      --i;
    } else if (i == groups_) {
      rows_[groups_++].name = entry.checked_by;
    }
    rows_[i].below += below;
    rows_[i].above += above;
  }

  Bytes expected() const { return expected_; }

  Interval interval() const {
    if (exact_) return Interval::exact(expected_);
    double below = 0, above = 0;
    for (std::size_t i = 0; i < groups_; ++i) {
      below += rows_[i].below * rows_[i].below;
      above += rows_[i].above * rows_[i].above;
    }
    for (std::size_t i = 0; i < measured_->size() && i < in_sums_.size(); ++i) {
      const double low = in_sums_[i] * (1 - (*measured_)[i].low), high = in_sums_[i] * ((*measured_)[i].high - 1);
      below += low * low;
      above += high * high;
    }
    return {std::max<Bytes>(0, moved(expected_, -(below_ + std::sqrt(below)))), expected_,
            moved(expected_, above_ + std::sqrt(above))};
  }

  std::int32_t checked_on() const {
    std::int32_t least = least_;
    for (std::size_t i = 0; i < measured_->size() && i < in_sums_.size(); ++i) {
      if (in_sums_[i] > 0) least = least < 0 ? (*measured_)[i].checked_on : std::min(least, (*measured_)[i].checked_on);
    }
    return std::max(0, least);
  }

 private:
  struct Row {
    std::string_view name;
    double below = 0;
    double above = 0;
  };
  const std::vector<MeasuredSum>* measured_;
  Bytes expected_ = 0;
  double below_ = 0;  // assumed: these add up
  double above_ = 0;
  std::array<double, 2> in_sums_{};
  std::array<Row, 12> rows_{};
  std::size_t groups_ = 0;
  std::int32_t least_ = -1;  // -1: nothing that could be checked yet
  bool exact_ = true;
};

// Whether something is alive in this stage, and not just what is alive in the stage before.
bool differs_from_earlier(const Ledger& ledger, Device device, Stage stage) {
  if (stage == Stage::load) return true;
  const auto before = static_cast<Stage>(static_cast<int>(stage) - 1);
  bool any = false;
  bool differs = false;
  for (const Entry& entry : ledger.entries) {
    if (!(entry.device == device)) continue;
    const bool here = entry.stages.contains(stage);
    any = any || here;
    differs = differs || here != entry.stages.contains(before);
  }
  return any && differs;
}

}  // namespace

std::vector<Peak> peaks(const Ledger& ledger) {
  std::vector<Peak> result;
  for (const Entry& first : ledger.entries) {
    const bool seen =
        std::any_of(result.begin(), result.end(), [&](const Peak& p) { return p.device == first.device; });
    if (seen) continue;
    Peak peak{first.device, Stage::load, {}};
    for (int s = 0; s < kStageCount; ++s) {
      const auto stage = static_cast<Stage>(s);
      if (!differs_from_earlier(ledger, first.device, stage)) continue;
      StageSum sum(ledger.sums);
      for (const Entry& entry : ledger.entries) {
        if (entry.device == first.device && entry.stages.contains(stage)) sum.add_entry(entry);
      }
      const Interval interval = sum.interval();
      if (s == 0 || interval.expected > peak.bytes.expected) {
        peak.stage = stage;
        peak.bytes.expected = interval.expected;
        peak.checked_on = sum.checked_on();
      }
      peak.bytes.low = std::max(peak.bytes.low, interval.low);
      peak.bytes.high = std::max(peak.bytes.high, interval.high);
    }
    result.push_back(peak);
  }
  return result;
}

}  // namespace vram
