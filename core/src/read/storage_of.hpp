// In which types a checkpoint is stored.
#pragma once

#include "read/keys.hpp"

namespace vram::read {

// Sets torch_dtype and native_weights of the model. A quantization that has no storage format here becomes a warning.
void read_storage(const Keys& whole, const Keys& text, Model& model);

}  // namespace vram::read
