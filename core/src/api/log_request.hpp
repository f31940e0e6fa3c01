// From a log to the request that describes the same settings.
#pragma once

#include <string>
#include <string_view>

#include "json/checked.hpp"
#include "read/log/engine_log.hpp"

namespace vram {

// "CUDA0", "ROCm1", "Vulkan0", "MTL0", "Metal": the number of the GPU; -1 for RAM; -2 when it is neither.
int gpu_number(std::string_view device);

// The estimate request that the log describes; what the caller states beside the text wins. `found_by` is set to how
// the model was found: "request", "shape", "name" or "metadata". Refuses when it was not.
Json request_of_log(const read::EngineLog& log, const ObjectReader& reader, std::string& found_by);

}  // namespace vram
