// A whole request: whatever it says, the answer is JSON.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "vram/api.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (!nlohmann::json::accept(vram::call({reinterpret_cast<const char*>(data), size}))) std::abort();
  return 0;
}
