#include "read/safetensors/safetensors.hpp"

#include <algorithm>
#include <unordered_set>

#include "read/file/json_scan.hpp"

namespace vram::read {
namespace {

constexpr std::int64_t kMaxHeader = 100'000'000;  // as the library itself has it (tensor.rs, MAX_HEADER_SIZE)
constexpr std::size_t kMaxDimensions = 8;
constexpr std::int64_t kFirstRead = std::int64_t{64} << 10;

struct Dtype {
  std::string_view name;
  std::string_view id;
  int bits;
};
// tensor.rs, enum Dtype
constexpr Dtype kDtypes[] = {
    {"BF16", "bf16", 16},
    {"F16", "f16", 16},
    {"F32", "f32", 32},
    {"F64", "f64", 64},
    {"I8", "int8", 8},
    {"U8", "uint8", 8},
    {"I16", "int16", 16},
    {"U16", "uint16", 16},
    {"I32", "int32", 32},
    {"U32", "uint32", 32},
    {"I64", "int64", 64},
    {"U64", "uint64", 64},
    {"F8_E4M3", "fp8_e4m3", 8},
    {"F8_E5M2", "fp8_e5m2", 8},
    {"BOOL", "bool", 8},
    {"F8_E8M0", "fp8_e8m0", 8},
    {"F4", "fp4", 4},
    {"F6_E2M3", "f6_e2m3", 6},
    {"F6_E3M2", "f6_e3m2", 6},
    {"F8_E4M3FNUZ", "f8_e4m3fnuz", 8},
    {"F8_E5M2FNUZ", "f8_e5m2fnuz", 8},
    {"C64", "c64", 64},
};

const Dtype* find_dtype(std::string_view name) {
  for (const Dtype& row : kDtypes) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string cut(std::string_view name) { return clean_utf8(name, 160); }

}  // namespace

Wish SafetensorsParser::wish() const {
  if (done_) return {0, 0};
  if (header_size_ < 0) return {0, kFirstRead};
  const auto have = static_cast<std::int64_t>(header_.size());
  return {8 + have, std::min<std::int64_t>(header_size_ - have, std::int64_t{4} << 20)};
}

void SafetensorsParser::feed(ByteSpan bytes, bool last) {
  if (header_size_ < 0) {
    if (bytes.size() < 8)
      refuse_file(name_, "the file is too short for a safetensors file", std::to_string(bytes.size()));
    std::uint64_t size = 0;
    for (int i = 7; i >= 0; --i) size = size << 8 | bytes[static_cast<std::size_t>(i)];
    const std::uint64_t room = file_bytes_ == kUnknownSize
                                   ? kMaxHeader
                                   : static_cast<std::uint64_t>(std::max<std::int64_t>(0, file_bytes_ - 8));
    if (size > kMaxHeader || size > room || size < 2) {
      refuse_file(name_, "the header of this safetensors file has an impossible length", std::to_string(size),
                  "2 to " + std::to_string(std::min<std::uint64_t>(kMaxHeader, room)) + " bytes");
    }
    header_size_ = static_cast<std::int64_t>(size);
    bytes = bytes.subspan(8);
  }
  const auto missing = static_cast<std::size_t>(header_size_) - header_.size();
  if (header_.empty() && bytes.size() >= missing) {  // it came at once: no copy
    read_header({reinterpret_cast<const char*>(bytes.data()), missing});
    done_ = true;
    return;
  }
  if (header_.empty() && file_bytes_ != kUnknownSize) header_.reserve(static_cast<std::size_t>(header_size_));
  header_.append(reinterpret_cast<const char*>(bytes.data()), std::min(missing, bytes.size()));
  if (static_cast<std::int64_t>(header_.size()) < header_size_) {
    if (last) refuse_file(name_, "the file ends in the middle of its header");
    return;
  }
  const std::string text = std::move(header_);
  header_ = {};
  read_header(text);
  done_ = true;
}

void SafetensorsParser::read_header(std::string_view text) {
  struct Range {
    std::int64_t begin, end;
  };
  std::vector<Range> ranges;
  JsonScan scan(text);
  try {
    scan.begin_object();
    bool first = true;
    std::string_view key;
    std::string name;
    while (scan.next_key(first, key)) {
      if (!is_utf8(key)) refuse_file(name_, "a tensor's name is not valid UTF-8");
      if (key == "__metadata__") {
        scan.begin_object();
        bool first_text = true;
        std::string_view label;
        while (scan.next_key(first_text, label)) {
          const std::string kept = clean_utf8(label, 80);
          if (scan.peek() != '"') {
            scan.skip();
          } else if (const std::string_view value = scan.text(); metadata_.size() < 64) {
            metadata_[kept] = clean_utf8(value, 256);
          }
        }
        continue;
      }
      name = key;
      const Dtype* dtype = nullptr;
      std::int64_t shape[kMaxDimensions];
      std::size_t dimensions = 0;
      std::int64_t elements = 1;
      Range range{-1, -1};
      scan.begin_object();
      bool first_field = true;
      std::string_view field;
      while (scan.next_key(first_field, field)) {
        if (field == "dtype") {
          const std::string_view said = scan.text();
          dtype = find_dtype(said);
          if (dtype == nullptr) {
            refuse_file(name_, "tensor \"" + cut(name) + "\" has a dtype that safetensors does not have", cut(said));
          }
        } else if (field == "shape") {
          scan.begin_array();
          bool first_size = true;
          while (scan.next_element(first_size)) {
            if (dimensions == kMaxDimensions) {
              refuse_file(name_, "tensor \"" + cut(name) + "\" has more than 8 dimensions");
            }
            shape[dimensions] = scan.whole_number();
            elements = mul(elements, std::min(shape[dimensions], kMaxBytes));
            ++dimensions;
          }
        } else if (field == "data_offsets") {
          scan.begin_array();
          bool first_offset = true;
          for (std::int64_t* offset : {&range.begin, &range.end}) {
            if (!scan.next_element(first_offset)) throw JsonScan::Broken{scan.position(), "two offsets are expected"};
            *offset = scan.whole_number();
          }
          if (scan.next_element(first_offset)) throw JsonScan::Broken{scan.position(), "two offsets are expected"};
        } else {
          scan.skip();
        }
      }
      if (dtype == nullptr || range.begin < 0) {
        refuse_file(name_, "tensor \"" + cut(name) + "\" lacks dtype, shape or data_offsets");
      }
      if (elements >= kMaxBytes / 64 || range.end - range.begin != ceil_div(elements * dtype->bits, 8)) {
        refuse_file(name_, "tensor \"" + cut(name) + "\" does not have the bytes that its shape takes",
                    std::to_string(range.end - range.begin),
                    elements >= kMaxBytes / 64 ? "sizes whose product is a file's"
                                               : std::to_string(ceil_div(elements * dtype->bits, 8)));
      }
      ranges.push_back(range);
      tensors_.add(name_, name, dtype->id, shape, dimensions, range.end - range.begin);
    }
    scan.end();
  } catch (const JsonScan::Broken& broken) {
    refuse_file(name_, "the header of this safetensors file is broken: " + std::string(broken.what),
                "byte " + std::to_string(8 + broken.at));
  }
  const auto before = [](const Range& a, const Range& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  };
  if (!std::is_sorted(ranges.begin(), ranges.end(), before)) std::sort(ranges.begin(), ranges.end(), before);
  std::int64_t end = 0;
  for (const Range& range : ranges) {
    if (range.begin < end) refuse_file(name_, "two tensors overlap", std::to_string(range.begin));
    end = range.end;
  }
  if (file_bytes_ != kUnknownSize && 8 + header_size_ + end > file_bytes_) {
    refuse_file(name_, "the file is shorter than its tensors: an unfinished download, or damaged",
                std::to_string(file_bytes_), std::to_string(8 + header_size_ + end) + " bytes");
  }
}

std::vector<std::string> shards_of_index(const std::string& file, std::string_view text) {
  std::vector<std::string> shards;
  std::unordered_set<std::string> seen;
  JsonScan scan(text);
  bool found = false;
  try {
    scan.begin_object();
    bool first = true;
    std::string_view key;
    while (scan.next_key(first, key)) {
      if (key != "weight_map") {
        scan.skip();
        continue;
      }
      found = true;
      scan.begin_object();
      bool first_tensor = true;
      std::string_view tensor;
      while (scan.next_key(first_tensor, tensor)) {
        const std::string_view shard = scan.text();
        if (!shards.empty() && shards.back() == shard) continue;  // neighbours are mostly in one file
        if (!seen.emplace(shard).second) continue;
        if (shards.size() >= 10'000) refuse_file(file, "the index names more than 10,000 files");
        const bool plain = !shard.empty() && shard.size() < 256 && is_utf8(shard) && shard[0] != '/' &&
                           shard.find("..") == shard.npos && shard.find('\\') == shard.npos;
        if (!plain) refuse_file(file, "the index names a file that cannot be", cut(shard));
        shards.emplace_back(shard);
      }
    }
    scan.end();
  } catch (const JsonScan::Broken& broken) {
    refuse_file(file, "the index is broken: " + std::string(broken.what), "byte " + std::to_string(broken.at));
  }
  if (!found || shards.empty()) refuse_file(file, "the index has no weight_map");
  std::sort(shards.begin(), shards.end());
  return shards;
}

}  // namespace vram::read
