// What the fuzzers of file formats share: the input is one file, read as any caller would, in chunks of a size that the
// input chooses; what comes out is estimated.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "vram/api.hpp"
#include "vram/read_file.hpp"

namespace vram::fuzz {

// The number after `key` in the first need of an answer. Most of the time goes into reading answers: no DOM of each.
inline std::size_t number_after(const std::string& text, const char* key) {
  const std::size_t at = text.find(key);
  return at == text.npos ? 0
                         : static_cast<std::size_t>(std::strtoull(text.c_str() + at + std::strlen(key), nullptr, 10));
}

// `name` with this content; `config` lies beside it when it is not empty.
inline void read(const std::string& name, const std::uint8_t* data, std::size_t size, const std::string& config) {
  using Json = nlohmann::json;
  // Whole for most inputs, and in pieces of 1 to 256 bytes for the others.
  const std::uint8_t last = size > 0 ? data[size - 1] : std::uint8_t{0};
  const std::size_t chunk = last % 4 == 1 ? std::size_t{last} + 1 : std::size_t{1} << 20;
  Json sources = {{"files", {{{"name", name}, {"bytes", size}}}}, {"complete", true}};
  if (!config.empty()) sources["files"].push_back({{"name", "config.json"}, {"bytes", config.size()}});
  FileReader reader(sources.dump());
  std::string text = reader.next();
  // Every push must lead somewhere: a reader that asks for ever is as bad as one that crashes.
  for (std::size_t turns = 0; text.starts_with(R"({"ok":true,"need":[)"); ++turns) {
    if (turns > 64 * size + 1000) std::abort();
    const bool weights = text.starts_with(R"({"ok":true,"need":[{"file":")" + name + "\"");
    const auto* bytes = weights ? data : reinterpret_cast<const std::uint8_t*>(config.data());
    const std::size_t all = weights ? size : config.size();
    const std::size_t offset = std::min(number_after(text, "\"offset\":"), all);
    const std::size_t count = std::min({number_after(text, "\"length\":"), chunk, all - offset});
    text = reader.push(weights ? name : "config.json", static_cast<std::int64_t>(offset), {bytes + offset, count});
  }
  if (!Json::accept(text)) std::abort();
  if (!text.starts_with(R"({"ok":true,)")) return;
  const std::string file = text.substr(18, text.size() - 19);  // {"ok":true,"file": ... }
  if (!Json::accept(call(R"({"op":"estimate","context":64,"model":{"file":)" + file + "}}"))) std::abort();
}

}  // namespace vram::fuzz
