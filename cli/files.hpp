// Files that people name on the command line.
#pragma once

#include <string>

namespace vram::cli {

// The border's limit on a request: a longer file cannot be part of one.
inline constexpr std::size_t kFileLimitBytes = std::size_t{8} << 20;

// The JSON in a file, in "-" (standard input), or in the config.json of a folder, as one line of text.
// Throws Problem, naming `flag`: cannot be read, over 8 MiB (at most that much is read), not JSON.
std::string json_file(const std::string& path, const std::string& flag);

// The text in a file or in "-". Throws likewise, whatever the text is.
std::string text_file(const std::string& path, const std::string& flag);

}  // namespace vram::cli
