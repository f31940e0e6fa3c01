#include "read/file/tensor_list.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "read/file/parser.hpp"

namespace vram::read {
namespace {

constexpr std::size_t kMostKinds = 1 << 16;
constexpr std::int32_t kMostIndices = 1 << 16;

// 64 bits also where size_t has 32: names that are no twins must not look like some. Eight bytes at a time.
std::uint64_t hash_of(std::string_view text) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  std::uint64_t hash = kOdd * (text.size() + 1);
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * kOdd;
    hash ^= hash >> 29;
  };
  std::uint64_t word = 0;
  while (text.size() >= sizeof word) {
    std::memcpy(&word, text.data(), sizeof word);
    mix(word);
    text.remove_prefix(sizeof word);
  }
  word = 0;
  if (!text.empty()) std::memcpy(&word, text.data(), text.size());
  mix(word);
  mix(hash >> 32);
  return hash;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Writes the name with "*" for every component that is a number, and returns the first of those numbers, or -1.
std::int32_t pattern_of(std::string_view name, std::string& pattern) {
  pattern.clear();
  std::int32_t first = -1;
  std::size_t at = 0;
  while (at < name.size()) {
    std::size_t end = at;
    bool number = true;
    while (end < name.size() && name[end] != '.') number &= is_digit(name[end++]);
    const std::string_view part = name.substr(at, end - at);
    std::int32_t value = -1;
    if (number && !part.empty() && part.size() <= 5) std::from_chars(part.data(), part.data() + part.size(), value);
    if (value >= 0 && value < kMostIndices) {
      if (first < 0) first = value;
      pattern += '*';
    } else {
      pattern += part;
    }
    if (end < name.size()) pattern += '.';
    at = end + 1;
  }
  return first;
}

}  // namespace

std::int64_t TensorGroup::count() const {
  std::int64_t sum = 0;
  for (const IndexCount& n : per_index) sum += n.count;
  return sum;
}

std::int64_t TensorGroup::elements() const {
  std::int64_t n = 1;
  for (const std::int64_t size : shape) n = mul(n, size);
  return n;
}

void TensorList::add(const std::string& file, std::string_view name, std::string_view type, const std::int64_t* shape,
                     std::size_t dimensions, Bytes bytes) {
  const std::int32_t index = pattern_of(name, pattern_);
  key_ = pattern_;
  key_ += '\0';
  key_ += type;
  for (std::size_t i = 0; i < dimensions; ++i) {
    key_ += '\0';
    key_.append(reinterpret_cast<const char*>(&shape[i]), sizeof shape[i]);
  }
  key_.append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
  const auto [at, fresh] = known_.try_emplace(key_, groups_.size());
  if (fresh) {
    if (groups_.size() >= kMostKinds) refuse_file(file, "this file has more than 65,536 kinds of tensors");
    TensorGroup group;
    group.name = pattern_;
    group.type = type;
    group.shape.assign(shape, shape + dimensions);
    group.bytes = bytes;
    group.indexed = index >= 0;
    groups_.push_back(std::move(group));
  }
  TensorGroup& group = groups_[at->second];
  const std::int32_t place = std::max(index, 0);
  auto& counts = group.per_index;
  auto slot = counts.end();
  if (!counts.empty() && counts.back().index >= place) {  // names often come in order
    slot = std::lower_bound(counts.begin(), counts.end(), place,
                            [](const TensorGroup::IndexCount& entry, std::int32_t i) { return entry.index < i; });
  }
  if (slot == counts.end() || slot->index != place) slot = counts.insert(slot, {place, 0});
  ++slot->count;
  names_.push_back(hash_of(name));
  ++tensors_;
  bytes_ = vram::add(bytes_, bytes);
}

void TensorList::add_storage(const std::string& file, Bytes bytes) {
  ++storages_;
  const std::size_t before = names_.size();
  add(file, "storage", "bytes", &bytes, 1, bytes);
  names_[before] = static_cast<std::uint64_t>(storages_);  // they have no names that could be twice there
}

void TensorList::restore(TensorGroup group) {
  const std::int64_t count = group.count();
  tensors_ += count;
  bytes_ = vram::add(bytes_, mul(group.bytes, count));
  groups_.push_back(std::move(group));
}

std::size_t TensorList::KeyHash::operator()(const std::string& key) const {
  return static_cast<std::size_t>(hash_of(key));
}

void TensorList::check_names(const std::string& file) {
  // A table of twice their number or more, with free places in between; 0 is a free place.
  std::vector<std::uint64_t> seen(std::bit_ceil(2 * names_.size() + 1), 0);
  std::size_t crowded = 0;  // names made to meet in one place would take for ever; those are sorted
  for (std::size_t i = 0; i < names_.size() && crowded < 64 * names_.size() + 64; ++i) {
    const std::uint64_t name = names_[i] == 0 ? 1 : names_[i];
    std::size_t at = static_cast<std::size_t>(name) & (seen.size() - 1);
    for (; seen[at] != 0 && seen[at] != name; ++crowded) at = (at + 1) & (seen.size() - 1);
    if (seen[at] == name) refuse_file(file, "two tensors have the same name");
    seen[at] = name;
  }
  if (crowded < 64 * names_.size() + 64) return;
  std::sort(names_.begin(), names_.end());
  if (std::adjacent_find(names_.begin(), names_.end()) != names_.end()) {
    refuse_file(file, "two tensors have the same name");
  }
}

std::vector<TensorRow> rows_of(const TensorGroup& group) {
  std::vector<TensorRow> rows;
  for (const TensorGroup::IndexCount& entry : group.per_index) {
    const auto at =
        std::find_if(rows.begin(), rows.end(), [&](const TensorRow& row) { return row.each == entry.count; });
    TensorRow& row = at == rows.end() ? rows.emplace_back(TensorRow{&group, {}, entry.count}) : *at;
    row.indices.push_back(entry.index);
  }
  return rows;
}

std::string ranges_text(const std::vector<std::int32_t>& indices) {
  std::string text;
  for (std::size_t i = 0; i < indices.size();) {
    std::size_t end = i;
    while (end + 1 < indices.size() && indices[end + 1] == indices[end] + 1) ++end;
    if (!text.empty()) text += ',';
    text += std::to_string(indices[i]);
    if (end > i) text += '-' + std::to_string(indices[end]);
    i = end + 1;
  }
  return text;
}

bool parse_ranges(std::string_view text, std::int32_t limit, std::vector<std::int32_t>& indices) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](std::int32_t& value) {
    const auto [stop, problem] = std::from_chars(at, end, value);
    if (problem != std::errc() || value < 0 || value > limit) return false;
    at = stop;
    return true;
  };
  std::int32_t previous = -1;
  while (at != end) {
    std::int32_t first = 0;
    if (!number(first) || first <= previous) return false;
    std::int32_t last = first;
    if (at != end && *at == '-') {
      ++at;
      if (!number(last) || last < first) return false;
    }
    for (std::int32_t i = first; i <= last; ++i) indices.push_back(i);
    previous = last;
    if (at == end) return true;
    if (*at++ != ',' || at == end) return false;
  }
  return false;
}

bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  while (i < text.size()) {
    if (std::uint64_t eight; text.size() - i >= sizeof eight) {  // names are mostly ASCII
      std::memcpy(&eight, text.data() + i, sizeof eight);
      if ((eight & 0x8080808080808080) == 0) {
        i += sizeof eight;
        continue;
      }
    }
    const unsigned char c = byte(i);
    if (c < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    }
    const unsigned char second = byte(i + 1);
    if ((c == 0xE0 && second < 0xA0) || (c == 0xED && second >= 0xA0) || (c == 0xF0 && second < 0x90) ||
        (c == 0xF4 && second >= 0x90)) {
      return false;
    }
    i += length;
  }
  return true;
}

std::string clean_utf8(std::string_view text, std::size_t limit) {
  std::string clean;
  std::size_t i = 0;
  while (i < text.size() && clean.size() < limit) {
    std::size_t length = 1;
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x80) length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    const std::string_view part = text.substr(i, length);
    if (part.size() == length && is_utf8(part)) {
      clean += part;
      i += length;
    } else {
      clean += "\xEF\xBF\xBD";
      ++i;
    }
  }
  return clean;
}

}  // namespace vram::read
