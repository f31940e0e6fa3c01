#include "read/onnx/onnx.hpp"

#include <algorithm>

namespace vram::read {
namespace {

constexpr std::size_t kMostDims = 8;
constexpr std::int64_t kLongestName = 65'535;

struct DataType {
  std::string_view id;
  int bits;
};

// onnx.proto, TensorProto.DataType
constexpr DataType kTypes[] = {{"", 0},
                               {"f32", 32},
                               {"uint8", 8},
                               {"int8", 8},
                               {"uint16", 16},
                               {"int16", 16},
                               {"int32", 32},
                               {"int64", 64},
                               {"", 0},
                               {"bool", 8},
                               {"f16", 16},
                               {"f64", 64},
                               {"uint32", 32},
                               {"uint64", 64},
                               {"c64", 64},
                               {"c128", 128},
                               {"bf16", 16},
                               {"fp8_e4m3", 8},
                               {"f8_e4m3fnuz", 8},
                               {"fp8_e5m2", 8},
                               {"f8_e5m2fnuz", 8},
                               {"uint4", 4},
                               {"int4", 4},
                               {"fp4", 4},
                               {"fp8_e8m0", 8}};

}  // namespace

struct OnnxParser::Cursor {
  const unsigned char* at;
  const unsigned char* end;
  const unsigned char* begin;
  std::int64_t base;
  std::int64_t lacking = 0;
  std::int64_t jump = 0;

  std::int64_t room() const { return end - at; }
  std::int64_t position() const { return base + (at - begin); }
};

void OnnxParser::refuse_here(std::string message, std::string value) const {
  refuse_file(name_, std::move(message), std::move(value), "an ONNX model");
}

Wish OnnxParser::wish() const {
  if (done_) return {};
  return {position_, std::max(needed_, chunk_.now())};
}

void OnnxParser::feed(ByteSpan bytes, bool last) {
  Cursor in{bytes.data(), bytes.data() + bytes.size(), bytes.data(), position_};
  while (!done_) {
    while (open_.size() > 1 && in.position() >= open_.back().end) {
      if (in.position() > open_.back().end) refuse_here("this ONNX file is broken: a message is longer than it says");
      if (open_.back().level == Level::tensor) finish_tensor();
      open_.pop_back();
    }
    if (last && in.at == in.end) {
      if (open_.size() > 1) refuse_here("the file ends in the middle of its graph: an unfinished download, or damaged");
      done_ = true;
      break;
    }
    const unsigned char* const mark = in.at;
    if (!step(in)) {
      in.at = mark;
      break;
    }
    walked_ += in.at - mark;
    if (in.jump > in.room()) {
      position_ = in.position() + in.jump;
      if (last || (file_bytes_ != kUnknownSize && position_ > file_bytes_)) {
        refuse_here("the file is shorter than its tensors: an unfinished download, or damaged",
                    std::to_string(file_bytes_));
      }
      // The file may end with what was leapt over.
      done_ = false;
      needed_ = 1;
      if (position_ == file_bytes_) {
        while (open_.size() > 1 && position_ == open_.back().end) {
          if (open_.back().level == Level::tensor) finish_tensor();
          open_.pop_back();
        }
        if (open_.size() > 1) refuse_here("the file ends in the middle of its graph");
        done_ = true;
      }
      return;
    }
    in.at += in.jump;
    in.jump = 0;
  }
  position_ = in.position();
  if (done_) {
    if (!any_) refuse_here("this file is no ONNX model, or one without initializers");
    return;
  }
  needed_ = std::max<std::int64_t>(in.lacking, 1);
  chunk_.grow();
  if (last) refuse_here("the file ends in the middle of its graph: an unfinished download, or damaged");
}

bool OnnxParser::step(Cursor& in) {
  const auto varint = [&](std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (in.at == in.end) {
        in.lacking = 32;
        return false;
      }
      const unsigned char byte = *in.at++;
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    refuse_here("this file is no ONNX model: a number is too long");
  };
  std::uint64_t key = 0;
  if (!varint(key)) return false;
  const std::uint64_t field = key >> 3;
  const auto wire = static_cast<int>(key & 7);
  const Level level = open_.back().level;
  if (field == 0 || field > 1 << 20) refuse_here("this file is no ONNX model: a field has no such number");
  std::uint64_t value = 0;
  if (wire == 0) {
    if (!varint(value)) return false;
    if (level == Level::tensor && field == 1) {
      if (dims_.size() >= kMostDims || value > static_cast<std::uint64_t>(kMaxFileBytes)) {
        refuse_here("an initializer has a shape that cannot be", std::to_string(value));
      }
      dims_.push_back(static_cast<std::int64_t>(value));
    }
    if (level == Level::tensor && field == 2)
      data_type_ = static_cast<std::int64_t>(std::min<std::uint64_t>(value, 1000));
    if (level == Level::tensor && field == 14) external_ |= value == 1;
    return true;
  }
  if (wire == 1 || wire == 5) {
    in.jump = wire == 1 ? 8 : 4;
    return true;
  }
  if (wire != 2) refuse_here("this file is no ONNX model: a field has no such type", std::to_string(wire));
  if (!varint(value)) return false;
  const std::int64_t size = file_bytes_ == kUnknownSize ? kMaxFileBytes : file_bytes_;
  const std::int64_t limit = std::min(open_.back().end, size);
  if (value > static_cast<std::uint64_t>(std::max<std::int64_t>(limit - in.position(), 0))) {
    refuse_here("a message is longer than what holds it", std::to_string(value));
  }
  const auto length = static_cast<std::int64_t>(value);
  const bool descend = (level == Level::model && field == 7) || (level == Level::graph && field == 5);
  if (descend) {
    open_.push_back({level == Level::model ? Level::graph : Level::tensor, in.position() + length});
    if (level == Level::graph) {
      tensor_name_.clear();
      dims_.clear();
      data_type_ = 0;
    }
    return true;
  }
  if (level == Level::tensor && (field == 8 || field == 1)) {  // name, packed dims: short
    if (length > kLongestName) refuse_here("an initializer's name or shape is too long", std::to_string(length));
    if (in.room() < length) {
      in.lacking = length + 32;
      return false;
    }
    if (field == 8) {
      tensor_name_.assign(reinterpret_cast<const char*>(in.at), static_cast<std::size_t>(length));
      if (!is_utf8(tensor_name_)) refuse_here("an initializer's name is not valid UTF-8");
      in.at += length;
      return true;
    }
    const unsigned char* const end = in.at + length;
    while (in.at < end) {
      std::uint64_t dim = 0;
      if (!varint(dim) || in.at > end || dims_.size() >= kMostDims || dim > static_cast<std::uint64_t>(kMaxFileBytes)) {
        refuse_here("an initializer has a shape that cannot be");
      }
      dims_.push_back(static_cast<std::int64_t>(dim));
    }
    return true;
  }
  in.jump = length;
  return true;
}

void OnnxParser::finish_tensor() {
  any_ = true;
  if (data_type_ < 1 || data_type_ >= static_cast<std::int64_t>(std::size(kTypes)) || kTypes[data_type_].bits == 0)
    return;
  const DataType& type = kTypes[data_type_];
  std::int64_t elements = 1;
  for (const std::int64_t dim : dims_) elements = mul(elements, dim);
  if (elements >= kMaxBytes / 256) refuse_here("an initializer has more elements than any file can hold");
  tensors_.add(name_, tensor_name_, type.id, dims_.data(), dims_.size(), ceil_div(elements * type.bits, 8));
}

}  // namespace vram::read
