// The accelerators in this machine: nvidia-smi, rocm-smi or sysctl (macOS), whichever answers first.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace vram::cli {

struct Detected {
  std::string name;            // as the driver says it
  std::string vendor;          // "nvidia", "amd", "apple"
  std::string device_id;       // PCI device, four hex digits in lower case; empty when unknown
  std::int64_t total_mib = 0;  // what the driver reports; 0 when it does not (unified memory)
  std::int64_t used_mib = 0;   // by everything that runs now
};

// All of them, in the driver's order; empty when there are none. Takes at most a few seconds.
std::vector<Detected> detect();

// The catalogue row that is this card, or nullptr: equal in name (vendor's words and sizes apart) and PCI device, else
// in name, else in PCI device; among several, the one whose memory is nearest, then the one packaged alike.
const nlohmann::ordered_json* catalogue_row(const Detected& gpu, const nlohmann::ordered_json& rows);

struct DetectedMachine {
  nlohmann::ordered_json gpu;  // the request's `gpu`; null when nothing was found
  std::string note;            // what was found and taken, one line
};
// The largest group of equal cards, in the form of a request.
DetectedMachine detected_machine();

}  // namespace vram::cli
