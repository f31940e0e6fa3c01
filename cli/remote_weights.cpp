#include "remote_weights.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

#include "border.hpp"
#include "file_cache.hpp"
#include "http.hpp"
#include "reader_loop.hpp"
#include "terminal.hpp"
#include "text.hpp"

namespace vram::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kMostListed = 64 << 20;
constexpr std::size_t kMostPages = 50;
constexpr std::int64_t kFirstBytes = 256 << 10;

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Json endpoints() {
  Json set = Json::object();
  for (const auto& [key, variable] :
       {std::pair{"hugging_face", "HF_ENDPOINT"}, std::pair{"modelscope", "MODELSCOPE_ENDPOINT"},
        std::pair{"ollama", "OLLAMA_ENDPOINT"}}) {
    if (std::string value = from_environment(variable); !value.empty()) set[key] = value;
  }
  return set;
}

std::string token_for(const Json& location) {
  return text_of(location, "host") == "hugging_face" ? from_environment("HF_TOKEN") : "";
}

[[noreturn]] void fail(const HttpAnswer& answer, const std::string& url, const std::string& flag) {
  std::string message = answer.trouble;
  std::string expected;
  switch (answer.status) {
    case 0: break;
    case 401:
    case 403:
      message = "this repository is gated or private (HTTP " + std::to_string(answer.status) + ")";
      expected = "HF_TOKEN in the environment, of an account that may read it";
      break;
    case 404: message = "there is nothing at this address (HTTP 404)"; break;
    case 429: message = "this host asks to come back later (HTTP 429)"; break;
    default:
      if (message.empty()) message = "this host answers with HTTP " + std::to_string(answer.status);
  }
  throw Problem{flag, message, url, expected};
}

bool is_good(const HttpAnswer& answer) {
  return (answer.status == 200 || answer.status == 206) && answer.trouble.empty();
}

// Everything the host lists, page by page, as the border's "choose" wants it.
struct Listing {
  std::optional<Json> pages;
  std::string url;  // the page that failed, and how
  HttpAnswer failed;
};

Listing pages_of(const Json& location) {
  Listing listing{Json::array(), text_of(location, "list_url"), {}};
  while (!listing.url.empty() && listing.pages->size() < kMostPages) {
    HttpAnswer answer = http_get({listing.url, 0, -1, kMostListed, {}, token_for(location)});
    Json page = is_good(answer) ? Json::parse(answer.body.begin(), answer.body.end(), nullptr, false) : Json();
    if (!is_good(answer) || page.is_discarded()) {
      if (is_good(answer)) answer.trouble = "this host's list of files is not JSON";
      return {std::nullopt, listing.url, answer};
    }
    listing.pages->push_back(std::move(page));
    listing.url = answer.next;
  }
  return listing;
}

// What has been read so far, on a terminal that waits for more than a second; gone when the reading ends.
class Progress {
 public:
  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    if (shown_) std::fputs("\r\x1b[K", stderr);
  }
  void seen(std::int64_t bytes) {
    bytes_ += bytes;
    const auto now = Clock::now();
    if (!terminal_ || now - start_ < std::chrono::seconds(1) || now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    shown_ = true;
    std::fprintf(stderr, "\rRead %s ... (Ctrl-C cancels)\x1b[K", size_text(bytes_, Unit::binary).c_str());
    std::fflush(stderr);
  }

 private:
  using Clock = std::chrono::steady_clock;
  const bool terminal_ = stderr_is_terminal();
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = {};
  std::int64_t bytes_ = 0;
  bool shown_ = false;
};

// The files of the one model that is meant.
Json chosen(const std::string& text, const Json& pages, const std::string& flag) {
  const Json listed = answer(compact({{"op", "choose"}, {"text", text}, {"endpoints", endpoints()}, {"pages", pages}}));
  const Json& choices = listed["choices"];
  if (choices.empty())
    throw Problem{flag, "this repository holds no weights", text,
                  "a repository with .gguf, .safetensors, .bin or .onnx files"};
  if (listed["chosen"].is_number()) return choices[listed["chosen"].get<std::size_t>()];
  std::string list;
  for (const Json& choice : choices) {
    const std::string bytes =
        choice["bytes"].is_number() ? gib_text(choice["bytes"].get<std::int64_t>(), Unit::binary) : "size not stated";
    list += (list.empty() ? " " : "; ") + text_of(choice, "name") + ", " + bytes + " (" + text_of(choice, "kind") + ")";
  }
  throw Problem{flag, "this repository holds several models", text,
                "org/name:" + text_of(choices[0], "name") + ", or the address of one of its files:" + list};
}

Json located(const std::string& text, const std::string& flag) {
  try {
    return answer(compact({{"op", "locate"}, {"text", text}, {"endpoints", endpoints()}}));
  } catch (Problem& problem) {
    if (problem.where.find("endpoint") == std::string::npos) problem.where = flag;
    throw;
  }
}

}  // namespace

bool names_remote(const std::string& text) {
  std::error_code ignored;
  if (std::filesystem::exists(text, ignored)) return false;
  if (text.find("://") != text.npos || text.starts_with("hf.co/") || text.starts_with("ollama ")) return true;
  const auto slash = text.find('/');
  return slash != text.npos && slash > 0 && text[0] != '.' && text[0] != '~' && text.find('\\') == text.npos;
}

std::string read_remote_weights(const std::string& text, const std::string& flag) {
  const Json location = located(text, flag);
  const std::string own_path = text_of(location, "path");
  const std::string own_url = text_of(location, "url");
  const std::string base = text_of(location, "base_url");
  const std::string token = token_for(location);
  const FileCache cache(compact(location));
  const auto url_of = [&](const std::string& file) {
    return file == own_path && !own_url.empty() ? own_url : base + encoded_path(file);
  };
  Json sources;
  if (text_of(location, "host") == "web") {
    sources = {{"files", {{{"name", own_path}, {"bytes", nullptr}}}}, {"complete", false}};
  } else {
    const Listing listing = pages_of(location);
    if (!listing.pages) {
      if (std::string kept = listing.failed.status == 0 ? cache.last() : ""; !kept.empty()) return kept;
      fail(listing.failed, listing.url, flag);
    }
    sources = {{"files", chosen(text, *listing.pages, flag)["files"]}, {"complete", true}};
  }
  Progress progress;
  const auto seen = [&](std::int64_t bytes) { progress.seen(bytes); };
  // The first bytes say whether it is still the file that was read before.
  const std::string first = sources["files"][0]["name"].get<std::string>();
  HttpAnswer start = http_get({url_of(first), 0, kFirstBytes, kFirstBytes, seen, token});
  if (!is_good(start)) {
    if (std::string kept = start.status == 0 ? cache.last() : ""; !kept.empty()) return kept;
    fail(start, url_of(first), flag);
  }
  if (std::string kept = cache.get(start.etag, start.total_bytes); !kept.empty()) return kept;
  if (start.total_bytes >= 0) sources["files"][0]["bytes"] = start.total_bytes;
  const Bring bring = [&](const Need& need) -> std::optional<std::vector<unsigned char>> {
    if (need.file == first && need.offset == 0 && need.length <= static_cast<std::int64_t>(start.body.size()))
      return std::vector(start.body.begin(), start.body.begin() + need.length);
    HttpAnswer part = http_get({url_of(need.file), need.offset, need.length, need.length, seen, token});
    if (part.status == 416) return std::vector<unsigned char>();  // the file ends before this
    if (part.status == 404 && need.optional) return std::nullopt;
    if (!is_good(part)) fail(part, url_of(need.file), flag);
    return std::move(part.body);
  };
  const std::string file = read_by(compact(sources), bring, flag, text);
  cache.put(start.etag, start.total_bytes, file);
  return file;
}

}  // namespace vram::cli
