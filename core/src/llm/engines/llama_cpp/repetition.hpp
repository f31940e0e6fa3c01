// Most models repeat one layer, or a short pattern of layers, many times. Their graph can leave most of them out.
#pragma once

#include <cstdint>
#include <vector>

#include "llm/engines/llama_cpp/ggml_schedule.hpp"
#include "vram/model.hpp"

namespace vram::llama_cpp {

struct Repetition {
  std::vector<std::size_t> kept;  // indices of the layers to describe, in order
  ggml::LeftOut left_out;
};
// All layers of one device, where nothing but the layer's own structure tells them apart.
Repetition shorten(const Model& model);
// Nothing left out.
Repetition every_layer(const Model& model);

}  // namespace vram::llama_cpp
