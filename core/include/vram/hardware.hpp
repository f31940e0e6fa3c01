// Accelerators and what of their memory a program can have.
#pragma once

#include <string>
#include <vector>

#include "vram/bytes.hpp"

namespace vram {

struct Gpu {
  std::string id;
  std::string name;
  std::string vendor;                // "nvidia", "amd", "apple", "intel", or "" when only a size is known
  std::string architecture;          // "Ada Lovelace", ...
  std::string form_factor;           // "desktop", "laptop", "workstation", "datacenter", "soc", "embedded"
  Bytes memory_bytes = 0;            // what the driver reports as total
  Bytes memory_bytes_nominal = 0;    // what the box says, read as the vendor means it
  Bytes memory_bytes_runtime = 0;    // what a CUDA or HIP program sees as total, less the driver's own; 0: unknown
  bool memory_reported = false;      // true: memory_bytes was read off a driver; false: taken from the nominal size
  bool unified_memory = false;       // shared with the CPU; memory_bytes is then the share a GPU may take
  double memory_bandwidth_gbps = 0;  // 0: unknown
  std::string compute_capability;    // "8.9"; empty if not NVIDIA
  bool popular = false;              // widely owned or rented: advice names it before its equals
  std::string source;
};

// `count` equal GPUs.
struct Machine {
  Gpu gpu;
  int count = 1;  // 1..64
};

// What a process pays before its first tensor, and what is gone before it starts.
// A row of core/data/profiles.json: id, name, description, runtime_context_low_mib, runtime_context_mib,
// runtime_context_high_mib, framework_low_mib, framework_mib, framework_high_mib, display_reserve_low_mib,
// display_reserve_mib, display_reserve_high_mib, fragmentation_factor, source and applies_to, which holds the keys of
// ProfileRule (memory_gib_* in GiB, 0: no bound). "auto" is the first row in file order whose rule applies to the
// machine; the last row applies to all. Callers may bring their own.
struct OverheadProfile {
  std::string id;
  std::string name;
  std::string description;
  // Each bound triple in bytes, per GPU.
  Bytes runtime_context_low = 0, runtime_context = 0, runtime_context_high = 0;  // driver context and kernels
  Bytes framework_low = 0, framework = 0, framework_high = 0;  // workspaces and pools of PyTorch-like frameworks
  // Desktop, browser, compositor; on the first GPU only.
  Bytes display_reserve_low = 0, display_reserve = 0, display_reserve_high = 0;
  double fragmentation_factor = 1;  // >= 1; multiplies what a caching allocator holds
  std::string source;
  bool built_in = false;  // its expected amounts are ours, so that our residuals say how far they were off
};

// Which machines a profile is meant for. An empty list or zero bound asks nothing.
struct ProfileRule {
  bool automatic = true;  // false: chosen by hand only
  std::vector<std::string> vendor;
  std::vector<std::string> architecture;
  std::vector<std::string> form_factor;
  double memory_gib_min = 0;  // inclusive, of what the box says (memory_bytes_nominal, else memory_bytes)
  double memory_gib_max = 0;  // inclusive
  int count_min = 0;          // GPUs in the machine
  int count_max = 0;
};
bool applies(const ProfileRule& rule, const Machine& machine);

}  // namespace vram
