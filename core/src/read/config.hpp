// A Hugging Face config.json as a Model. Internal twin of vram/read.hpp for callers that hold parsed JSON.
#pragma once

#include <string>

#include "json/checked.hpp"
#include "vram/model.hpp"

namespace vram {

// Throws BadInput with a path under `path`. The Model's id and name stay empty: they belong to the caller.
Model read_config(const Json& config, const std::string& path);

}  // namespace vram
