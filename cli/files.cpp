#include "files.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "problem.hpp"

namespace vram::cli {
namespace {

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

std::string read_limited(const std::string& path, const std::string& flag, const char* expected) {
  const std::unique_ptr<std::FILE, Close> file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  if (!file) throw Problem{flag, "cannot open the file: " + std::string(std::strerror(errno)), path, ""};
  std::string text;
  char buffer[65536];
  while (text.size() <= kFileLimitBytes) {
    const std::size_t count = std::fread(buffer, 1, sizeof buffer, file.get());
    if (count == 0) break;
    text.append(buffer, count);
  }
  if (std::ferror(file.get()))
    throw Problem{flag, "cannot read the file: " + std::string(std::strerror(errno)), path, ""};
  if (text.size() > kFileLimitBytes) throw Problem{flag, "the file is longer than 8 MiB", path, expected};
  return text;
}

std::string why_not_json(const std::string& text) {
  try {
    // A callback that keeps nothing: only the position of the error is wanted.
    const auto nothing =
        nlohmann::json::parse(text, [](int, nlohmann::json::parse_event_t, nlohmann::json&) { return false; });
    (void)nothing;
  } catch (const nlohmann::json::parse_error& error) {
    return "the file is not JSON (near byte " + std::to_string(error.byte) + ")";
  } catch (const nlohmann::json::exception&) {
    return "the file holds a number that is out of range";
  }
  return "the file is not JSON";
}

}  // namespace

std::string json_file(const std::string& path, const std::string& flag) {
  std::string file = path;
  std::error_code ignored;
  if (path != "-" && std::filesystem::is_directory(path, ignored)) {
    file = (std::filesystem::path(path) / "config.json").string();
    if (!std::filesystem::exists(file, ignored)) {
      throw Problem{flag, "this is a folder without a config.json", path,
                    "a file, a folder that holds config.json, or -"};
    }
  }
  std::string text = read_limited(file, flag, "a config.json of some kilobytes");
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);  // a byte order mark may open a file, not a value
  if (text.starts_with("GGUF")) {
    throw Problem{flag, "this is a GGUF file", file, "the config.json of the model it was made from"};
  }
  if (!nlohmann::json::accept(text)) throw Problem{flag, why_not_json(text), file, "JSON"};
  // Line ends can stand only between tokens. Without them the request is one line, as `batch` wants it.
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

std::string text_file(const std::string& path, const std::string& flag) {
  return read_limited(path, flag, "the lines of one start");
}

}  // namespace vram::cli
