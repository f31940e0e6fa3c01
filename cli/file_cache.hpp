// What was read of remote weights, kept in the user's cache folder.
#pragma once

#include <cstdint>
#include <string>

namespace vram::cli {

// One place on the web. Kept below $XDG_CACHE_HOME/vram-estimator (or ~/.cache/vram-estimator), one small file each,
// the 200 newest; a cache that cannot be read or written is as good as none.
class FileCache {
 public:
  // `place` says everything that the answer depends on but the file itself.
  explicit FileCache(const std::string& place);

  // What was kept for this place; empty when there is nothing, or when the file there has changed since.
  std::string get(const std::string& etag, std::int64_t bytes) const;
  // What was kept, however old: for when the host cannot be reached.
  std::string last() const;
  void put(const std::string& etag, std::int64_t bytes, const std::string& file) const;

 private:
  std::string place_;
  std::string path_;  // empty: no cache
};

}  // namespace vram::cli
