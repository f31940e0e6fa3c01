// Running a small program and reading what it prints, for a bounded time and up to a bounded size.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace vram::cli {

// Standard output of `arguments[0]`, looked up on PATH, run without a shell. Nothing when it is missing, fails, runs
// longer than `seconds` (it is then killed) or prints more than a megabyte. Never on Windows.
std::optional<std::string> output_of(const std::vector<std::string>& arguments, double seconds);

}  // namespace vram::cli
