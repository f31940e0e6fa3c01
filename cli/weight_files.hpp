// Weights on this machine's disks: a file or a folder, read by its headers.
#pragma once

#include <string>

namespace vram::cli {

// True for what is meant as a path: it exists, or looks like one (a slash, a known ending).
bool names_weights(const std::string& text);

// The `file` value of docs/api.md for a file or folder, as JSON text. Throws Problem, naming `flag`.
std::string read_weights(const std::string& path, const std::string& flag);

}  // namespace vram::cli
