// A whole file as text, up to a limit.
#pragma once

#include <algorithm>
#include <string>

#include "read/file/parser.hpp"

namespace vram::read {

class TextParser : public FileParser {
 public:
  TextParser(std::string name, std::int64_t file_bytes, std::int64_t limit)
      : name_(std::move(name)), file_bytes_(file_bytes), limit_(limit) {
    if (file_bytes_ > limit_) refuse_long();
    done_ = file_bytes_ == 0;
  }

  Wish wish() const override {
    if (done_) return {};
    const auto have = static_cast<std::int64_t>(text_.size());
    const std::int64_t rest = file_bytes_ == kUnknownSize ? limit_ + 1 - have : file_bytes_ - have;
    return {have, std::min(rest, std::int64_t{4} << 20)};
  }

  void feed(ByteSpan bytes, bool last) override {
    if (static_cast<std::int64_t>(text_.size() + bytes.size()) > limit_) refuse_long();
    if (text_.empty() && file_bytes_ != kUnknownSize) text_.reserve(static_cast<std::size_t>(file_bytes_));
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    done_ = last || static_cast<std::int64_t>(text_.size()) == file_bytes_;
  }

  const std::string& text() const { return text_; }

 private:
  [[noreturn]] void refuse_long() const {
    refuse_file(name_, "this file is too long to be what its name or beginning says",
                file_bytes_ == kUnknownSize ? "" : std::to_string(file_bytes_),
                "at most " + std::to_string(limit_) + " bytes");
  }

  std::string name_;
  std::int64_t file_bytes_;
  std::int64_t limit_;
  std::string text_;
  bool done_ = false;
};

}  // namespace vram::read
