// The Model of a checkpoint: config.json says what the layers are, the tensors what they weigh.
#pragma once

#include <string>
#include <vector>

#include "read/file/facts.hpp"

namespace vram::read {

// Throws BadInput with a path under `path`.
Model model_of_checkpoint(const FileFacts& facts, const std::string& path);

// disagreements.cpp: the config, with the sizes that the tensors have where the two disagree; what was changed is
// warned of.
Json config_by_tensors(const FileFacts& facts, const std::string& path, std::vector<Warning>& warnings);

// The quantizer that the tensors' names and types give away, as a weight format's id; empty when they are plain.
std::string quantizer_by_tensors(const TensorList& tensors);

}  // namespace vram::read
