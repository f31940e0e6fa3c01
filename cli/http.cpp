#include "http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>

namespace vram::cli {
namespace {

constexpr std::int64_t kMostSkipped = std::int64_t{64} << 20;
constexpr int kTries = 3;

struct Transfer {
  const HttpRequest* request;
  CURL* curl;
  HttpAnswer answer;
  std::int64_t position = 0;  // in the file, of the next byte of the body
  std::int64_t wanted = 0;    // bytes of the body to keep
  bool started = false;
  bool enough = false;  // we cut it off
  std::string retry_after;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// The value of "name: value" when the header is that one.
bool is_header(std::string_view line, std::string_view name, std::string_view& value) {
  if (line.size() <= name.size() || line[name.size()] != ':') return false;
  const bool same = std::equal(name.begin(), name.end(), line.begin(),
                               [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
  if (same) value = trimmed(line.substr(name.size() + 1));
  return same;
}

// "bytes 0-1023/4096"
void read_content_range(std::string_view value, Transfer& transfer) {
  const auto dash = value.find('-');
  const auto slash = value.find('/');
  if (!value.starts_with("bytes ") || dash == value.npos || slash == value.npos) return;
  transfer.position = std::strtoll(std::string(value.substr(6, dash - 6)).c_str(), nullptr, 10);
  const std::string total(value.substr(slash + 1));
  if (!total.empty() && total != "*") transfer.answer.total_bytes = std::strtoll(total.c_str(), nullptr, 10);
}

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(bytes, size * count);
  std::string_view value;
  if (line.starts_with("HTTP/")) {  // a redirect's headers are not the answer's
    transfer.answer = {};
    transfer.position = 0;
    transfer.retry_after.clear();
  } else if (is_header(line, "etag", value) || is_header(line, "x-linked-etag", value)) {
    transfer.answer.etag = value;
  } else if (is_header(line, "content-range", value)) {
    read_content_range(value, transfer);
  } else if (is_header(line, "retry-after", value)) {
    transfer.retry_after = value;
  } else if (is_header(line, "link", value) && value.find("rel=\"next\"") != value.npos) {
    const auto open = value.find('<');
    const auto close = value.find('>');
    if (open != value.npos && close != value.npos && open < close)
      transfer.answer.next = value.substr(open + 1, close - open - 1);
  }
  return size * count;
}

std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  HttpAnswer& answer = transfer.answer;
  const auto length = static_cast<std::int64_t>(size * count);
  if (transfer.request->seen) transfer.request->seen(length);
  if (!transfer.started) {
    transfer.started = true;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &answer.status);
    if (answer.status == 200) {
      curl_off_t whole = -1;
      curl_easy_getinfo(transfer.curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &whole);
      answer.total_bytes = whole;
      if (transfer.request->offset > kMostSkipped) {
        answer.trouble = "this server cannot send a part of a file (no HTTP Range)";
        return 0;
      }
    }
    const std::int64_t length_asked = transfer.request->length;
    transfer.wanted = length_asked >= 0 ? length_asked : transfer.request->most_bytes;
  }
  if (transfer.position > transfer.request->offset && answer.body.empty()) {
    answer.trouble = "this server sent another range than was asked for";
    return 0;
  }
  // What lies before the range is dropped, what lies behind it ends the transfer.
  const std::int64_t skip = std::clamp(transfer.request->offset - transfer.position, std::int64_t{0}, length);
  const auto held = static_cast<std::int64_t>(answer.body.size());
  const std::int64_t take = std::min(length - skip, transfer.wanted - held);
  answer.body.insert(answer.body.end(), bytes + skip, bytes + skip + take);
  transfer.position += length;
  transfer.enough = held + take >= transfer.wanted;
  return transfer.enough ? 0 : static_cast<std::size_t>(length);
}

std::string words_for(CURLcode code, const char* detail) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return "this host is not known, or there is no network";
    case CURLE_COULDNT_CONNECT: return "this host cannot be reached";
    case CURLE_OPERATION_TIMEDOUT: return "this host is too slow, or does not answer";
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR: return "the answer broke off before its end";
    case CURLE_TOO_MANY_REDIRECTS: return "this address redirects in a circle";
    case CURLE_UNSUPPORTED_PROTOCOL: return "only http and https addresses are read";
    default: return detail[0] != '\0' ? detail : curl_easy_strerror(code);
  }
}

HttpAnswer once(const HttpRequest& request, std::string& retry_after) {
  struct Cleanup {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  // One handle for the process: connections are kept between the ranges of a file.
  static const std::unique_ptr<CURL, Cleanup> curl(curl_easy_init());
  Transfer transfer{&request, curl.get(), {}, 0, 0, false, false, ""};
  curl_easy_reset(curl.get());
  std::unique_ptr<curl_slist, Cleanup> headers(curl_slist_append(
      nullptr, "Accept: application/vnd.docker.distribution.manifest.v2+json, application/json, */*"));
  if (!request.token.empty())
    headers.reset(curl_slist_append(headers.release(), ("Authorization: Bearer " + request.token).c_str()));
  char detail[CURL_ERROR_SIZE] = "";
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(curl.get(), option, value); };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_USERAGENT, "vram-estimator");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, 10L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_CONNECTTIMEOUT, 15L);
  set(CURLOPT_LOW_SPEED_LIMIT, 100L);
  set(CURLOPT_LOW_SPEED_TIME, 30L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_ERRORBUFFER, detail);
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, &transfer);
  std::string range;
  if (request.length >= 0) {
    range = std::to_string(request.offset) + "-" +
            std::to_string(request.offset + std::max<std::int64_t>(request.length, 1) - 1);
    set(CURLOPT_RANGE, range.c_str());
  }
  const CURLcode code = curl_easy_perform(curl.get());
  HttpAnswer& answer = transfer.answer;
  if (code == CURLE_OK || transfer.enough) {
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  } else if (answer.trouble.empty()) {
    answer.trouble = words_for(code, detail);
  }
  retry_after = transfer.retry_after;
  return answer;
}

}  // namespace

std::string encoded_path(const std::string& path) {
  std::string encoded;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    char* piece = slash > at ? curl_easy_escape(nullptr, path.c_str() + at, static_cast<int>(slash - at)) : nullptr;
    encoded += piece == nullptr ? "" : piece;
    curl_free(piece);
    if (slash < path.size()) encoded += '/';
    at = slash + 1;
  }
  return encoded;
}

HttpAnswer http_get(const HttpRequest& request) {
  HttpAnswer answer;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    std::string retry_after;
    answer = once(request, retry_after);
    const bool later = answer.status == 429 || answer.status == 503;
    if (!later || attempt + 1 == kTries) break;
    const long asked = std::strtol(retry_after.c_str(), nullptr, 10);
    std::this_thread::sleep_for(std::chrono::milliseconds(asked > 0 ? std::min(asked, 10L) * 1000 : 500));
  }
  return answer;
}

}  // namespace vram::cli
