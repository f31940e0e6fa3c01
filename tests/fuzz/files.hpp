// What the fuzzers of file formats share: the input is one file, read as any caller would, in chunks of a size that the
// input chooses; what comes out is estimated.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "vram/api.hpp"
#include "vram/read_file.hpp"

namespace vram::fuzz {

// `name` with this content; `config` lies beside it when it is not empty.
inline void read(const std::string& name, const std::uint8_t* data, std::size_t size, const std::string& config) {
  using Json = nlohmann::json;
  const std::size_t chunk = size > 0 && data[size - 1] < 128 ? data[size - 1] + std::size_t{1} : std::size_t{1} << 20;
  Json sources = {{"files", {{{"name", name}, {"bytes", size}}}}, {"complete", true}};
  if (!config.empty()) sources["files"].push_back({{"name", "config.json"}, {"bytes", config.size()}});
  FileReader reader(sources.dump());
  std::string text = reader.next();
  Json answer = Json::parse(text);
  // Every push must lead somewhere: a reader that asks for ever is as bad as one that crashes.
  for (std::size_t turns = 0; answer.contains("need"); ++turns) {
    if (turns > 64 * size + 1000) std::abort();
    const Json& need = answer["need"][0];
    const auto file = need["file"].get<std::string>();
    const bool weights = file == name;
    const auto* bytes = weights ? data : reinterpret_cast<const std::uint8_t*>(config.data());
    const std::size_t all = weights ? size : config.size();
    const std::size_t offset = std::min(need["offset"].get<std::size_t>(), all);
    const std::size_t count = std::min({need["length"].get<std::size_t>(), chunk, all - offset});
    text = reader.push(file, static_cast<std::int64_t>(offset), {bytes + offset, count});
    answer = Json::parse(text);
  }
  if (!answer.value("ok", false)) return;
  const std::string file = text.substr(18, text.size() - 19);  // {"ok":true,"file": ... }
  if (!Json::accept(call(R"({"op":"estimate","context":64,"model":{"file":)" + file + "}}"))) std::abort();
}

}  // namespace vram::fuzz
