// A config.json: read, and estimated.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "vram/api.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string config(reinterpret_cast<const char*>(data), size);
  const std::string answer =
      vram::call(R"({"op":"estimate","context":64,"model":{"config":)" + (config.empty() ? "{}" : config) + "}}");
  if (!nlohmann::json::accept(answer)) std::abort();
  return 0;
}
