// config.json of a pipeline's component -> Settings. Internal to read/ and api/.
#pragma once

#include "json/checked.hpp"
#include "vram/diffusion.hpp"

namespace vram {

// Keeps numbers, truth values, texts and flat lists of them; leaves out what the forward passes never ask for.
diffusion::Settings read_settings(const Json& config, std::string_view path);

}  // namespace vram
