#include "file_cache.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

namespace vram::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMostKept = 200;

fs::path folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0')
    return fs::path(cache) / "vram-estimator";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return fs::path(home) / ".cache" / "vram-estimator";
  return {};
}

// FNV-1a, 64 bits: a name for the file; what is inside says whose it is.
std::string short_name(const std::string& text) {
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  char name[24];
  std::snprintf(name, sizeof name, "%016llx.json", static_cast<unsigned long long>(hash));
  return name;
}

Json kept_at(const std::string& path, const std::string& place) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return {};
  Json kept = Json::parse(stream, nullptr, false);
  const bool ours = kept.is_object() && kept.value("place", Json()) == place && kept.contains("file");
  return ours ? kept : Json();
}

void prune(const fs::path& where) {
  std::error_code problem;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (const auto& entry : fs::directory_iterator(where, problem)) {
    if (entry.path().extension() == ".json") files.emplace_back(entry.last_write_time(problem), entry.path());
  }
  if (files.size() <= kMostKept) return;
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i + kMostKept < files.size(); ++i) fs::remove(files[i].second, problem);
}

}  // namespace

FileCache::FileCache(const std::string& place) : place_(place) {
  if (const fs::path where = folder(); !where.empty()) path_ = (where / short_name(place)).string();
}

std::string FileCache::get(const std::string& etag, std::int64_t bytes) const {
  if (path_.empty() || etag.empty()) return "";
  const Json kept = kept_at(path_, place_);
  const bool same = kept.is_object() && kept.value("etag", Json()) == etag && kept.value("bytes", Json()) == bytes;
  return same ? kept["file"].dump() : "";
}

std::string FileCache::last() const {
  const Json kept = path_.empty() ? Json() : kept_at(path_, place_);
  return kept.is_object() ? kept["file"].dump() : "";
}

void FileCache::put(const std::string& etag, std::int64_t bytes, const std::string& file) const {
  if (path_.empty()) return;
  std::error_code problem;
  const fs::path where = fs::path(path_).parent_path();
  fs::create_directories(where, problem);
  if (problem) return;
  const std::string fresh = path_ + ".new";
  {
    std::ofstream stream(fresh, std::ios::binary | std::ios::trunc);
    const Json head = {{"place", place_}, {"etag", etag}, {"bytes", bytes}};
    std::string text = head.dump(-1, ' ', false, Json::error_handler_t::replace);
    text.back() = ',';
    stream << text << "\"file\":" << file << "}\n";
    if (!stream) return;
  }
  fs::rename(fresh, path_, problem);
  prune(where);
}

}  // namespace vram::cli
