#include <algorithm>

#include "json/writer.hpp"
#include "read/file/state.hpp"
#include "read/file/text_parser.hpp"

namespace vram {

using read::ByteSpan;
using read::kMaxFileBytes;
using read::kUnknownSize;

namespace {

constexpr std::size_t kMostNeeds = 8;          // files that are asked for at once
constexpr std::size_t kMostSources = 200'000;  // files in a folder
constexpr std::size_t kMostFiles = 20'000;     // opened in all

std::string refusal(const Error& error) {
  const auto clean = [](const std::string& text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  JsonWriter out(512);
  out.begin_object().field("ok", false).key("error").begin_object();
  out.key("path").raw(clean(error.path));
  for (const auto& [key, text] : {std::pair{"value", &error.value}, std::pair{"expected", &error.expected}}) {
    out.key(key);
    if (text->empty()) {
      out.null();
    } else {
      out.raw(clean(*text));
    }
  }
  out.key("message").raw(clean(error.message)).end_object().end_object();
  return out.take();
}

}  // namespace

FileReader::State::State(const std::string& text) {
  const Json json = parse_json(text, "");
  const ObjectReader reader(json, "");
  reader.only({"files", "complete"});
  complete = reader.boolean_or("complete", false);
  const Json* list = reader.find("files");
  if (list == nullptr || !list->is_array() || list->empty()) {
    refuse("/files", "there is no file", list == nullptr ? "" : shown(*list),
           R"([{"name": "model.gguf", "bytes": 1}])");
  }
  if (list->size() > kMostSources) refuse("/files", "more than 200,000 files", std::to_string(list->size()));
  for (std::size_t i = 0; i < list->size(); ++i) {
    const ObjectReader file((*list)[i], path_at("/files", i));
    file.only({"name", "bytes"});
    const std::string name = file.string("name");
    if (name.empty()) refuse(file.path_of("name"), "name is empty", "", "the file's name");
    if (!sources.emplace(name, file.integer_or("bytes", 0, kMaxFileBytes, kUnknownSize)).second) {
      refuse(file.path_of("name"), "two files have this name", shown(Json(name)));
    }
  }
  start();
}

std::int64_t FileReader::State::size_of(const std::string& name) const {
  const auto at = sources.find(name);
  return at == sources.end() ? kUnknownSize : at->second;
}

void FileReader::State::open(Open file) {
  if (!asked.insert(file.name).second) return;
  if (asked.size() > kMostFiles) read::refuse_file(file.name, "this would be more than 20,000 files");
  files.push_back(std::move(file));
}

void FileReader::State::open_text(const std::string& name, bool optional, std::int64_t limit,
                                  std::function<void(const std::string&)> use, std::function<void()> not_there) {
  auto parser = std::make_unique<read::TextParser>(name, size_of(name), limit);
  const read::TextParser* text = parser.get();
  open({name, optional, std::move(parser), [text, use = std::move(use)] { use(text->text()); }, std::move(not_there)});
}

void FileReader::State::push(const std::string& name, std::int64_t offset, ByteSpan bytes) {
  const auto at = std::find_if(files.begin(), files.end(), [&](const Open& file) { return file.name == name; });
  if (at == files.end() || offset < 0 || offset > kMaxFileBytes) return;
  read::Wish wish = at->parser->wish();
  const auto have = static_cast<std::int64_t>(at->pending.size());
  const std::int64_t from = wish.offset + have;
  const std::int64_t end = offset + static_cast<std::int64_t>(bytes.size());
  const std::int64_t size = size_of(name);
  const bool empty = bytes.empty() && offset == from;
  if (!empty && (offset > from || end <= from)) return;
  // Known sizes decide where a file ends; without one, the first push that brings less than was asked for does.
  const bool last = empty || (size != kUnknownSize ? end >= size : end < wish.offset + wish.length);
  if (empty && size != kUnknownSize && from < size) {
    read::refuse_file(name, "the source ends before the file does", std::to_string(from),
                      std::to_string(size) + " bytes");
  }
  bytes = bytes.subspan(static_cast<std::size_t>(from - offset));
  std::string joined;
  if (have > 0) {
    joined = std::move(at->pending);
    joined.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    bytes = {reinterpret_cast<const unsigned char*>(joined.data()), joined.size()};
  }
  at->pending.clear();
  at->parser->feed(bytes, last);
  const read::Wish next = at->parser->wish();
  if (next.length > 0 && next.offset == wish.offset && !last && static_cast<std::int64_t>(bytes.size()) < next.length) {
    at->pending.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
}

void FileReader::State::missing(const std::string& name) {
  const auto at = std::find_if(files.begin(), files.end(), [&](const Open& file) { return file.name == name; });
  if (at == files.end()) return;
  if (!at->optional) read::refuse_file(name, "this file is needed and was not found");
  const std::function<void()> then = std::move(at->missing);
  files.erase(at);
  if (then) then();
}

std::string FileReader::State::answer() {
  // Files are worked on from the front, a few at a time. One that is through may open others.
  std::size_t looked = 0;
  for (auto at = files.begin(); at != files.end() && looked < kMostNeeds;) {
    if (at->parser->wish().length > 0) {
      ++at;
      ++looked;
      continue;
    }
    const Open through = std::move(*at);
    files.erase(at);
    if (through.done) through.done();
    at = files.begin();
    looked = 0;
  }
  if (files.empty()) {
    settle();
    return finished = "{\"ok\":true,\"file\":" + read::written(facts) + "}";
  }
  JsonWriter out(1024);
  out.begin_object().field("ok", true).key("need").begin_array();
  looked = 0;
  for (auto at = files.begin(); at != files.end() && looked < kMostNeeds; ++at, ++looked) {
    read::Wish wish = at->parser->wish();
    wish.offset += static_cast<std::int64_t>(at->pending.size());
    wish.length -= static_cast<std::int64_t>(at->pending.size());
    const std::int64_t size = size_of(at->name);
    const std::int64_t rest = size == kUnknownSize ? wish.length : std::max<std::int64_t>(size - wish.offset, 1);
    out.begin_object().field("file",
                             std::string_view(at->name));  // names were JSON, or are checked, before they get here
    out.field("offset", wish.offset).field("length", std::min(wish.length, rest));
    out.field("optional", at->optional).end_object();
  }
  out.end_array().end_object();
  return out.take();
}

namespace {

// Runs `work` on the state and gives its answer; whatever goes wrong becomes the last answer.
template <class State, class Work>
std::string guarded(std::unique_ptr<State>& state, Work work) {
  try {
    if (!state->finished.empty()) return state->finished;
    work(*state);
    return state->answer();
  } catch (const BadInput& bad) {
    return state->finished = refusal(bad.error);
  } catch (const std::bad_alloc&) {
    return state->finished =
               R"({"ok":false,"error":{"path":"","value":null,"expected":null,"message":"there is not enough memory to read this file"}})";
  } catch (const std::exception& problem) {
    return state->finished = refusal({"", std::string("internal error, please report it: ") + problem.what(), "", ""});
  }
}

}  // namespace

FileReader::FileReader(const std::string& sources) {
  try {
    state_ = std::make_unique<State>(sources);
  } catch (const BadInput& bad) {
    state_ = std::make_unique<State>();
    state_->finished = refusal(bad.error);
  } catch (const std::exception& problem) {
    state_ = std::make_unique<State>();
    state_->finished = refusal({"", std::string("internal error, please report it: ") + problem.what(), "", ""});
  }
}
FileReader::~FileReader() = default;
FileReader::FileReader(FileReader&&) noexcept = default;
FileReader& FileReader::operator=(FileReader&&) noexcept = default;

std::string FileReader::next() {
  return guarded(state_, [](State&) {});
}

std::string FileReader::push(const std::string& file, std::int64_t offset, std::span<const unsigned char> bytes) {
  return guarded(state_, [&](State& state) { state.push(file, offset, bytes); });
}

std::string FileReader::missing(const std::string& file) {
  return guarded(state_, [&](State& state) { state.missing(file); });
}

unsigned char* FileReader::room(std::size_t length) {
  constexpr std::size_t kLargest = std::size_t{64} << 20;
  length = std::min(length, kLargest);
  if (state_->room_bytes < length) {
    state_->room.reset();
    state_->room.reset(new unsigned char[length]);
    state_->room_bytes = length;
  }
  return state_->room.get();
}

std::string FileReader::push_room(const std::string& file, double offset, std::size_t length) {
  const bool sane = offset >= 0 && offset <= static_cast<double>(kMaxFileBytes);
  return push(file, sane ? static_cast<std::int64_t>(offset) : -1,
              {state_->room.get(), std::min(length, state_->room_bytes)});
}

}  // namespace vram
