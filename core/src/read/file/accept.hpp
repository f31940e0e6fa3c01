#pragma once

#include <string>

#include "read/file/facts.hpp"

namespace vram {

namespace read {
// Throws BadInput with a path under `path`.
FileFacts accept_file(const Json& json, const std::string& path);
}  // namespace read

// The model in a `file` value, its tensors those of the file. Throws BadInput with a path under `path`.
Model read_model_file(const Json& json, const std::string& path);

}  // namespace vram
