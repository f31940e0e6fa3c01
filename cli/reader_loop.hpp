// Serving the core's reader of weight files: it says which bytes it wants, `bring` has them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace vram::cli {

struct Need {
  std::string file;
  std::int64_t offset = 0;
  std::int64_t length = 0;
  bool optional = false;
};

// The bytes, fewer where the file ends; nothing when this file cannot be had.
using Bring = std::function<std::optional<std::vector<unsigned char>>(const Need&)>;

// The `file` value of docs/api.md, as JSON text. `sources` as docs/api.md has them. Throws Problem, naming `flag`;
// `subject` is what the user named.
std::string read_by(const std::string& sources, const Bring& bring, const std::string& flag,
                    const std::string& subject);

}  // namespace vram::cli
