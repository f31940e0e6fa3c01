// The walk over a GGUF header: chunk by chunk, every count and length checked against what is left of the file.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "read/gguf/gguf.hpp"

namespace vram::read {
namespace {

constexpr std::int64_t kMaxText = 65'535;    // of a key or a tensor name; real ones have under 100 bytes
constexpr std::int64_t kKeptText = 256;      // bytes of a text value that are kept
constexpr std::uint64_t kKeptItems = 4096;   // of a list of numbers: one a layer, or a pattern
constexpr std::int64_t kMostKept = 1 << 20;  // bytes of everything kept
constexpr std::size_t kDeepestArray = 8;
constexpr std::uint64_t kMostTensors = 1 << 22;
constexpr std::uint32_t kText = 8, kArray = 9;

// Bytes of the scalar types 0..12 of metadata; 0: not a scalar.
constexpr std::int64_t kScalarBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
constexpr std::uint32_t kTypes = 13;

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

template <class T>
T reversed(T value) {
  unsigned char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  std::reverse(bytes, bytes + sizeof value);
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// Passes over texts, from length to length, while they lie before `end` whole. Returns how many of `count` are left.
// Two vocabularies of a large model are 400,000 of them: this loop is what reading a header costs.
template <class Size, bool swap>
std::uint64_t pass_texts(const unsigned char*& at, const unsigned char* end, std::uint64_t count) {
  const unsigned char* next = at;
  while (count > 0 && end - next >= static_cast<std::ptrdiff_t>(sizeof(Size))) {
    Size length;
    std::memcpy(&length, next, sizeof length);
    if constexpr (swap) length = reversed(length);
    const unsigned char* const text = next + sizeof length;
    if (length > static_cast<std::uint64_t>(end - text)) break;
    next = text + length;
    --count;
  }
  at = next;
  return count;
}

}  // namespace

// Reads while there are bytes; remembers how many it lacked.
struct GgufParser::Cursor {
  const unsigned char* at;
  const unsigned char* end;
  const unsigned char* begin;
  std::int64_t base;  // offset of `begin` in the file
  bool swap = false;
  bool narrow = false;  // version 1: counts and lengths of 32 bits
  std::int64_t lacking = 0;
  std::int64_t jump = 0;  // bytes to leave out after the chunk

  std::int64_t room() const { return end - at; }
  std::int64_t position() const { return base + (at - begin); }
  bool has(std::int64_t bytes) {
    if (room() >= bytes) return true;
    lacking = bytes;
    return false;
  }
  template <class T>
  T take() {
    T value;
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
    return swap ? reversed(value) : value;
  }
  std::int64_t size_bytes() const { return narrow ? 4 : 8; }
  std::uint64_t take_size() { return narrow ? take<std::uint32_t>() : take<std::uint64_t>(); }
};

GgufParser::GgufParser(std::string name, std::int64_t file_bytes, TensorList& tensors)
    : name_(std::move(name)), file_bytes_(file_bytes), tensors_(tensors) {}

void GgufParser::refuse_here(std::string message, std::string value, std::string expected) const {
  const std::string where =
      key_.empty() || stage_ == Stage::tensor ? "" : " (metadata key \"" + clean_utf8(key_, 80) + "\")";
  refuse_file(name_, std::move(message) + where, std::move(value), std::move(expected));
}

Wish GgufParser::wish() const {
  if (stage_ == Stage::done) return {position_, 0};
  return {position_, std::max(needed_, chunk_.now())};
}

// Bytes of the file after the cursor, as far as that is known.
std::int64_t GgufParser::left(const Cursor& in) const {
  const std::int64_t size = file_bytes_ == kUnknownSize ? kMaxFileBytes : file_bytes_;
  return std::max<std::int64_t>(0, size - in.position());
}

void GgufParser::feed(ByteSpan bytes, bool last) {
  Cursor in{bytes.data(), bytes.data() + bytes.size(), bytes.data(),
            position_,    header_.big_endian,          header_.version == 1};
  while (stage_ != Stage::done) {
    const unsigned char* const mark = in.at;
    if (!step(in)) {
      if (stage_ != Stage::texts) in.at = mark;  // an item is read whole or not at all
      break;
    }
    if (in.jump > in.room()) {
      position_ = in.position() + in.jump;
      in.at = in.end;
      needed_ = 1;
      chunk_.grow();
      if (last && stage_ != Stage::done)
        refuse_here("the file ends in the middle of its header", std::to_string(position_));
      return;
    }
    in.at += in.jump;
    in.jump = 0;
  }
  position_ = in.position() + in.jump;
  if (stage_ == Stage::done) return;
  needed_ = std::max<std::int64_t>(in.lacking, 1);
  chunk_.grow();
  if (last)
    refuse_here("the file ends in the middle of its header", std::to_string(in.base + std::int64_t(bytes.size())));
}

bool GgufParser::step(Cursor& in) {
  switch (stage_) {
    case Stage::start: return read_start(in);
    case Stage::counts: return read_counts(in);
    case Stage::key: return read_key(in);
    case Stage::value: return read_value(in);
    case Stage::texts: return walk_texts(in);
    case Stage::tensor: return read_tensor(in);
    case Stage::done: break;
  }
  return true;
}

bool GgufParser::read_start(Cursor& in) {
  if (!in.has(8)) return false;
  if (std::memcmp(in.at, "GGUF", 4) != 0) refuse_here("this is no GGUF file: it does not begin with GGUF");
  in.at += 4;
  auto version = in.take<std::uint32_t>();
  if ((version & 0xFFFF) == 0) {  // written on a machine of the other byte order
    version = reversed(version);
    header_.big_endian = in.swap = true;
  }
  if (version < 1 || version > 3) {
    refuse_here("this version of GGUF is not known", std::to_string(version), "version 1, 2 or 3");
  }
  header_.version = version;
  in.narrow = version == 1;
  stage_ = Stage::counts;
  return true;
}

bool GgufParser::read_counts(Cursor& in) {
  if (!in.has(2 * in.size_bytes())) return false;
  tensors_left_ = in.take_size();
  metadata_left_ = in.take_size();
  const auto room = static_cast<std::uint64_t>(left(in));
  // The least that one takes: an empty name, a type and one byte; a name, a number of dimensions, a type and an offset.
  if (metadata_left_ > room / 9) {
    refuse_here("the file is too short for so much metadata", std::to_string(metadata_left_),
                "a count that fits the file");
  }
  if (tensors_left_ > kMostTensors || tensors_left_ > room / 20) {
    refuse_here("the file is too short for so many tensors", std::to_string(tensors_left_),
                "a count that fits the file");
  }
  next_key();
  return true;
}

void GgufParser::next_key() {
  key_.clear();
  if (metadata_left_ == 0) {
    std::sort(keys_.begin(), keys_.end());
    if (std::adjacent_find(keys_.begin(), keys_.end()) != keys_.end()) {
      refuse_here("two metadata entries have the same key");
    }
    if (const auto at = header_.metadata.find("general.alignment"); at != header_.metadata.end()) {
      const std::int64_t value = at->is_number_unsigned() && *at < (1u << 24) ? at->get<std::int64_t>() : 0;
      if (value <= 0 || (value & (value - 1)) != 0) {
        refuse_here("general.alignment must be a power of two", shown(*at), "32, for instance");
      }
      alignment_ = value;
    }
  }
  stage_ = metadata_left_ > 0 ? Stage::key : Stage::tensor;
}

bool GgufParser::read_key(Cursor& in) {
  if (!in.has(in.size_bytes())) return false;
  const std::uint64_t length = in.take_size();
  if (length > static_cast<std::uint64_t>(std::min(kMaxText, left(in)))) {
    refuse_here("a metadata key is too long", std::to_string(length), "at most 65535 bytes, within the file");
  }
  const auto size = static_cast<std::int64_t>(length);
  if (!in.has(size + 4)) {
    in.lacking += in.size_bytes();
    return false;
  }
  key_.assign(reinterpret_cast<const char*>(in.at), static_cast<std::size_t>(size));
  in.at += size;
  if (!is_utf8(key_)) refuse_here("a metadata key is not valid UTF-8");
  keys_.push_back(hash_of(key_));
  type_ = in.take<std::uint32_t>();
  if (type_ >= kTypes) refuse_here("this type of metadata is not known", std::to_string(type_), "0 to 12");
  stage_ = Stage::value;
  return true;
}

void GgufParser::keep(Json value) {
  kept_bytes_ += static_cast<std::int64_t>(key_.size()) + 32;
  if (value.is_string()) kept_bytes_ += static_cast<std::int64_t>(value.get_ref<const std::string&>().size());
  if (value.is_array()) kept_bytes_ += 16 * static_cast<std::int64_t>(value.size());
  if (kept_bytes_ > kMostKept) refuse_here("this file has more than a megabyte of metadata besides its vocabulary");
  header_.metadata[key_] = std::move(value);
}

namespace {

// Vocabularies and templates weigh megabytes and change no memory.
bool matters(std::string_view key) {
  if (!key.starts_with("tokenizer.")) return true;
  return key == "tokenizer.ggml.model" || key == "tokenizer.ggml.token_type_count";
}

template <class Cursor>
Json scalar(Cursor& in, std::uint32_t type) {
  switch (type) {
    case 0: return in.template take<std::uint8_t>();
    case 1: return in.template take<std::int8_t>();
    case 2: return in.template take<std::uint16_t>();
    case 3: return in.template take<std::int16_t>();
    case 4: return in.template take<std::uint32_t>();
    case 5: return in.template take<std::int32_t>();
    case 6: return static_cast<double>(in.template take<float>());
    case 7: return in.template take<std::uint8_t>() != 0;
    case 10: return in.template take<std::uint64_t>();
    case 11: return in.template take<std::int64_t>();
    default: return in.template take<double>();
  }
}

// NaN and infinities have no place in JSON.
Json finite(Json value) {
  if (value.is_number_float() && !(std::abs(value.get<double>()) <= 1e308)) return nullptr;
  return value;
}

}  // namespace

bool GgufParser::read_value(Cursor& in) {
  if (type_ == kArray) return read_array(in);
  if (type_ == kText) {
    if (!in.has(in.size_bytes())) return false;
    const std::uint64_t length = in.take_size();
    if (length > static_cast<std::uint64_t>(left(in))) {
      refuse_here("a text is longer than the file", std::to_string(length), "a length within the file");
    }
    const auto size = static_cast<std::int64_t>(length);
    const std::int64_t wanted = matters(key_) ? std::min(size, kKeptText) : 0;
    if (!in.has(wanted)) {
      in.lacking += in.size_bytes();
      return false;
    }
    if (wanted > 0 || size == 0)
      keep(clean_utf8({reinterpret_cast<const char*>(in.at), std::size_t(wanted)}, kKeptText));
    in.jump = size;
  } else {
    if (!in.has(kScalarBytes[type_])) return false;
    Json value = finite(scalar(in, type_));
    if (matters(key_)) keep(std::move(value));
  }
  --metadata_left_;
  next_key();
  return true;
}

void GgufParser::skip(Cursor& in, std::uint64_t count, std::int64_t bytes_each) {
  if (count > static_cast<std::uint64_t>(left(in) / bytes_each)) {
    refuse_here("a list is longer than the file", std::to_string(count), "a length within the file");
  }
  in.jump = static_cast<std::int64_t>(count) * bytes_each;
}

bool GgufParser::read_array(Cursor& in) {
  if (!in.has(4 + in.size_bytes())) return false;
  const auto type = in.take<std::uint32_t>();
  const std::uint64_t count = in.take_size();
  if (type >= kTypes) refuse_here("this type of list is not known", std::to_string(type), "0 to 12");
  if (key_ == "tokenizer.ggml.tokens")
    header_.vocabulary = static_cast<std::int64_t>(std::min<std::uint64_t>(count, INT64_MAX));
  if (type == kText || type == kArray) {
    // Every item has at least the length of a text, or the type and length of a list.
    const std::int64_t least = type == kText ? in.size_bytes() : in.size_bytes() + 4;
    if (count > static_cast<std::uint64_t>(left(in) / least)) {
      refuse_here("a list is longer than the file", std::to_string(count), "a length within the file");
    }
    if (nested_.size() >= kDeepestArray) refuse_here("lists are nested too deeply", "", "at most 8 levels");
    nested_.push_back({type, count});
    stage_ = Stage::texts;
    return true;
  }
  const std::int64_t each = kScalarBytes[type];
  const bool kept = nested_.empty() && matters(key_) && count <= kKeptItems;
  if (kept && !in.has(static_cast<std::int64_t>(count) * each)) {
    if (count > static_cast<std::uint64_t>(left(in) / each)) {
      refuse_here("a list is longer than the file", std::to_string(count), "a length within the file");
    }
    in.lacking += 4 + in.size_bytes();
    return false;
  }
  if (kept) {
    Json items = Json::array();
    for (std::uint64_t i = 0; i < count; ++i) items.push_back(finite(scalar(in, type)));
    keep(std::move(items));
  } else {
    skip(in, count, each);
  }
  if (!nested_.empty()) {
    stage_ = Stage::texts;
    return true;
  }
  --metadata_left_;
  next_key();
  return true;
}

// Strings are walked from length to length; their bytes are never looked at. May stop anywhere between two items.
bool GgufParser::walk_texts(Cursor& in) {
  while (!nested_.empty()) {
    auto& [type, count] = nested_.back();
    if (count == 0) {
      nested_.pop_back();
      continue;
    }
    if (type == kArray) {
      const unsigned char* const mark = in.at;
      const std::uint64_t before = count--;
      if (!read_array(in)) {
        in.at = mark;
        nested_.back().second = before;
        return false;
      }
      if (in.jump > 0) return true;
      continue;
    }
    const std::int64_t room = left(in);
    const std::int64_t size_bytes = in.size_bytes();
    const unsigned char* const first = in.at;
    const auto pass = in.narrow ? (in.swap ? pass_texts<std::uint32_t, true> : pass_texts<std::uint32_t, false>)
                                : (in.swap ? pass_texts<std::uint64_t, true> : pass_texts<std::uint64_t, false>);
    count = pass(in.at, in.end, count);
    if (count == 0) continue;
    if (in.room() < size_bytes) {
      in.lacking = size_bytes;
      return false;
    }
    const std::uint64_t length = in.take_size();  // of one that goes on after the chunk
    --count;
    const std::int64_t rest = room - (in.at - first);
    if (rest < 0 || length > static_cast<std::uint64_t>(rest)) {
      refuse_here("a text is longer than the file", std::to_string(length), "a length within the file");
    }
    in.jump = static_cast<std::int64_t>(length);
    return true;
  }
  --metadata_left_;
  next_key();
  return true;
}

bool GgufParser::read_tensor(Cursor& in) {
  if (tensors_left_ == 0) {
    finish(in.position());
    return true;
  }
  if (!in.has(in.size_bytes())) return false;
  const std::int64_t start = in.position();
  const std::uint64_t length = in.take_size();
  if (length > static_cast<std::uint64_t>(std::min(kMaxText, left(in)))) {
    refuse_here("a tensor's name is too long", std::to_string(length), "at most 65535 bytes, within the file");
  }
  const auto size = static_cast<std::int64_t>(length);
  if (!in.has(size + 4)) {
    in.lacking += in.position() - start;
    return false;
  }
  const std::string_view name(reinterpret_cast<const char*>(in.at), static_cast<std::size_t>(size));
  if (!is_utf8(name)) refuse_here("a tensor's name is not valid UTF-8");
  in.at += size;
  const auto said = [&](std::string message) {
    return "tensor \"" + std::string(name.substr(0, 120)) + "\" " + message;
  };
  const auto dimensions = in.take<std::uint32_t>();
  if (dimensions > 4) refuse_here(said("has too many dimensions"), std::to_string(dimensions), "at most 4");
  if (!in.has(dimensions * in.size_bytes() + 12)) {
    in.lacking += in.position() - start;
    return false;
  }
  std::int64_t shape[4] = {1, 1, 1, 1};
  std::int64_t elements = 1;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    const std::uint64_t n = in.take_size();
    if (n > static_cast<std::uint64_t>(kMaxFileBytes))
      refuse_here(said("has a size that is out of range"), std::to_string(n));
    shape[i] = static_cast<std::int64_t>(n);
    elements = mul(elements, shape[i]);
  }
  if (elements >= kMaxBytes / 512) refuse_here(said("has more elements than any file can hold"));
  const auto number = in.take<std::uint32_t>();
  const auto offset = in.take<std::uint64_t>();
  const GgmlType* type = find_ggml_type(number);
  if (type == nullptr || type->block_bytes == 0) {
    refuse_here(
        said(type == nullptr ? "has a type that ggml does not have" : "has a type that ggml no longer reads"),
        type == nullptr ? std::to_string(number) : std::string(type->id),
        type == nullptr ? "a file for llama.cpp; forks have types of their own" : "a newer conversion of the model");
  }
  if (shape[0] % type->block_elements != 0) {
    refuse_here(said("has rows that are not whole blocks"), std::to_string(shape[0]),
                "a multiple of " + std::to_string(type->block_elements));
  }
  const std::int64_t bytes = elements / type->block_elements * type->block_bytes;
  if (offset % static_cast<std::uint64_t>(alignment_) != 0) {
    refuse_here(said("does not begin at a multiple of the alignment"), std::to_string(offset),
                "a multiple of " + std::to_string(alignment_));
  }
  if (offset > static_cast<std::uint64_t>(kMaxFileBytes))
    refuse_here(said("begins beyond any file"), std::to_string(offset));
  ranges_.push_back({static_cast<std::int64_t>(offset), bytes});
  tensors_.add(name_, name, type->id, shape, dimensions, bytes);
  --tensors_left_;
  return true;
}

void GgufParser::finish(std::int64_t position) {
  stage_ = Stage::done;
  header_.header_bytes = ranges_.empty() ? position : round_up(position, alignment_);
  position_ = position;
  std::sort(ranges_.begin(), ranges_.end(), [](const TensorRange& a, const TensorRange& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.bytes < b.bytes;
  });
  std::int64_t end = 0;
  for (const TensorRange& range : ranges_) {
    if (range.offset < end) refuse_here("two tensors overlap", std::to_string(range.offset));
    end = range.offset + range.bytes;
  }
  if (file_bytes_ != kUnknownSize && !ranges_.empty() && header_.header_bytes + end > file_bytes_) {
    refuse_here("the file is shorter than its tensors: an unfinished download, or damaged", std::to_string(file_bytes_),
                std::to_string(header_.header_bytes + end) + " bytes");
  }
  ranges_ = {};
  keys_ = {};
}

}  // namespace vram::read
