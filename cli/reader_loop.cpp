#include "reader_loop.hpp"

#include <nlohmann/json.hpp>

#include "problem.hpp"
#include "vram/read_file.hpp"

namespace vram::cli {

using Json = nlohmann::ordered_json;

std::string read_by(const std::string& sources, const Bring& bring, const std::string& flag,
                    const std::string& subject) {
  FileReader reader(sources);
  std::string text = reader.next();
  Json answer = Json::parse(text);
  while (answer.contains("need")) {
    const Json& first = answer["need"][0];
    const Need need{first["file"].get<std::string>(), first["offset"].get<std::int64_t>(),
                    first["length"].get<std::int64_t>(), first["optional"].get<bool>()};
    const auto bytes = bring(need);
    text = bytes ? reader.push(need.file, need.offset, {bytes->data(), bytes->size()}) : reader.missing(need.file);
    answer = Json::parse(text);
  }
  if (!answer.value("ok", false)) {
    const Json& error = answer["error"];
    const auto field = [&](const char* key) {
      return error[key].is_string() ? error[key].get<std::string>() : std::string();
    };
    std::string where = field("path");
    if (where.starts_with('/')) where.erase(0, 1);
    const std::string value = field("value");
    throw Problem{flag, field("message"),
                  where.empty()   ? subject
                  : value.empty() ? where
                                  : where + ": " + value,
                  field("expected")};
  }
  constexpr std::string_view kBefore = "{\"ok\":true,\"file\":";
  return text.substr(kBefore.size(), text.size() - kBefore.size() - 1);
}

}  // namespace vram::cli
