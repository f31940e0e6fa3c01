// The ledger: every estimate is a list of entries that say what takes memory, where, when,
// how much and why. Everything else (verdict, chart, table, inverse solver) reads it.
#pragma once

#include <string_view>
#include <vector>

#include "vram/bytes.hpp"

namespace vram {

// A quantity and how sure it is. Exact terms have low == expected == high.
struct Interval {
  Bytes low = 0;
  Bytes expected = 0;
  Bytes high = 0;

  static constexpr Interval exact(Bytes bytes) { return {bytes, bytes, bytes}; }
  constexpr bool is_exact() const { return low == expected && expected == high; }
  friend constexpr bool operator==(const Interval&, const Interval&) = default;
};

// Bound by bound, saturating. Summing bounds assumes that all errors go the same way: wide, never too narrow.
constexpr Interval operator+(Interval a, Interval b) {
  return {add(a.low, b.low), add(a.expected, b.expected), add(a.high, b.high)};
}

// What the memory holds. The order is the order in which an engine takes it.
enum class Kind : std::uint8_t {
  reserved,         // taken before we start: display, other programs, memory the driver hides
  runtime_context,  // CUDA/ROCm/Metal context and kernels of the process
  weights,
  vision_tower,
  adapters,        // LoRA and its like
  master_weights,  // copies of trained weights in another precision
  gradients,
  optimizer_state,
  kv_cache,
  recurrent_state,
  compute_buffer,  // the engine's own planned buffer for activations
  activations,     // activations in a framework without a planned buffer
  logits,
  output_buffer,
  cuda_graphs,
  communication,  // NCCL and its like
  framework,      // workspaces, pools
  fragmentation,
  kv_pool,  // what a server takes on top of the cache that was asked for
};
inline constexpr int kKindCount = static_cast<int>(Kind::kv_pool) + 1;  // kv_pool stays the last
std::string_view name_of(Kind kind);                                    // "kv_cache"

// A set of kinds.
class Kinds {
 public:
  constexpr Kinds() = default;
  constexpr Kinds(Kind kind) : bits_(1u << static_cast<unsigned>(kind)) {}
  constexpr bool contains(Kind kind) const { return (bits_ >> static_cast<unsigned>(kind)) & 1u; }
  constexpr bool empty() const { return bits_ == 0; }
  friend constexpr Kinds operator|(Kinds a, Kinds b) {
    Kinds both;
    both.bits_ = a.bits_ | b.bits_;
    return both;
  }
  friend constexpr bool operator==(Kinds, Kinds) = default;

 private:
  std::uint32_t bits_ = 0;
};

enum class Stage : std::uint8_t {
  load,
  prefill,
  decode,
  text_encode,
  image_encode,  // image encoder and autoencoder on the pictures a pipeline starts from
  denoise,
  vae_decode,
  train_step
};
inline constexpr int kStageCount = 8;
std::string_view name_of(Stage stage);  // "prefill"

// A set of stages.
class Stages {
 public:
  constexpr Stages() = default;
  constexpr Stages(Stage stage) : bits_(static_cast<std::uint16_t>(1u << static_cast<unsigned>(stage))) {}
  constexpr bool contains(Stage stage) const { return (bits_ >> static_cast<unsigned>(stage)) & 1u; }
  friend constexpr Stages operator|(Stages a, Stages b) {
    Stages both;
    both.bits_ = static_cast<std::uint16_t>(a.bits_ | b.bits_);
    return both;
  }
  friend constexpr bool operator==(Stages, Stages) = default;

 private:
  std::uint16_t bits_ = 0;
};
constexpr Stages operator|(Stage a, Stage b) { return Stages(a) | Stages(b); }
inline constexpr Stages kInference = Stage::load | Stages(Stage::prefill) | Stages(Stage::decode);
inline constexpr Stages kTraining = Stage::load | Stages(Stage::train_step);
inline constexpr Stages kRunning = Stages(Stage::prefill) | Stages(Stage::decode);

struct Device {
  enum class Type : std::uint8_t { gpu, host, disk };
  Type type = Type::gpu;
  int index = 0;  // which GPU; 0 for host and disk

  friend constexpr bool operator==(const Device&, const Device&) = default;
};
constexpr Device gpu(int index = 0) { return {Device::Type::gpu, index}; }
inline constexpr Device kHost{Device::Type::host, 0};
inline constexpr Device kDisk{Device::Type::disk, 0};
// "gpu:0", "host", "disk"
std::string_view name_of(Device device);

// One symbol of a formula and the number that was put in.
struct Value {
  std::string_view symbol;
  double number = 0;  // exact for integers below 2^53
};

// One entry. All texts are views of literals or of strings that outlive the ledger (an overhead
// profile's own texts belong to the request): a ledger never owns text, so that building one is cheap.
struct Entry {
  Kind kind = Kind::weights;
  std::string_view label;  // "KV cache, sliding-window layers"
  Device device;
  Stages stages = kInference;
  Interval bytes;
  std::string_view
      formula;  // in the symbols of `values`: "n_ctx * n_layers * (n_embd_k * bytes_k + n_embd_v * bytes_v)"
  std::vector<Value> values;
  std::string_view source;           // engine and version, file, paper, or the records a constant was fitted on
  bool assumed = false;              // the interval covers structure that is not modelled: no fitted one may narrow it
  std::int32_t checked_on = 0;       // measured figures behind the interval, or behind its being exact; 0: none
  std::string_view checked_by = {};  // the row of residuals they are in; entries of one row err together
};

// The sum of some kinds on a device, where that sum was measured: its bounds as shares of what is expected.
struct MeasuredSum {
  Kinds kinds;
  double low = 1;
  double high = 1;
  std::int32_t checked_on = 0;
};

struct Ledger {
  std::vector<Entry> entries = {};
  std::vector<MeasuredSum> sums = {};  // at most one per kind
};

// The fullest stage of one device.
struct Peak {
  Device device;
  Stage stage = Stage::load;
  Interval bytes;               // of the sum over the entries alive in that stage
  std::int32_t checked_on = 0;  // measured figures of the sum, else of its least checked entry; 0: one has none
};

// One peak per device that has an entry, in order of first appearance. The stage is the one with the
// largest expected sum; ties go to the earlier stage. `low` and `high` are the largest over all stages.
//
// Errors that were measured apart do not all go the same way: the deviations of entries with different rows of
// residuals combine as independent ones do, by the root of the sum of their squares (JCGM 100:2008 "GUM", 5.1.2). Those
// of one row add up, and so do bounds that are assumed. Where the sum itself was measured, that is its interval.
std::vector<Peak> peaks(const Ledger& ledger);

}  // namespace vram
