// HTTP by libcurl: small answers, and ranges of large files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace vram::cli {

struct HttpRequest {
  std::string url;
  std::int64_t offset = 0;
  std::int64_t length = -1;                     // -1: the whole body, no Range
  std::int64_t most_bytes = 64 << 20;           // a longer body is cut off here (`length` cuts by itself)
  std::function<void(std::int64_t)> seen = {};  // hears of bytes as they come
  std::string token = {};  // sent as Authorization: Bearer; libcurl keeps it from other hosts on redirects
};

struct HttpAnswer {
  long status = 0;                  // 0: the host was not reached, see `trouble`
  std::vector<unsigned char> body;  // at most what was asked for
  std::int64_t total_bytes = -1;    // of the whole file, where the server says so
  std::string etag;
  std::string next;     // the next page: Link: <...>; rel="next"
  std::string trouble;  // why there is no whole answer, in words; empty when there is one
};

// One GET with redirects. Waits 15 s for a connection, gives up when less than 100 bytes a second come for 30 s, and
// tries again (twice, waiting as long as the server asks for but at most 10 s) when it says "too many requests" or
// "unavailable". A server that ignores Range is read from its start, up to 64 MiB before the range.
HttpAnswer http_get(const HttpRequest& request);

// A path for an address: every piece percent-encoded.
std::string encoded_path(const std::string& path);

}  // namespace vram::cli
