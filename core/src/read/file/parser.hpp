// What every format's reader is to the reader of files: it says which bytes it wants next, and takes them.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "json/checked.hpp"

namespace vram::read {

using ByteSpan = std::span<const unsigned char>;

// Sizes of files are not always known. No file that is described here is larger than this.
inline constexpr std::int64_t kUnknownSize = -1;
inline constexpr std::int64_t kMaxFileBytes = std::int64_t{1} << 50;

// A range of bytes that a parser would like to see; it starts where the parser stands.
struct Wish {
  std::int64_t offset = 0;
  std::int64_t length = 0;  // 0: nothing more
};

class FileParser {
 public:
  virtual ~FileParser() = default;
  virtual Wish wish() const = 0;
  // `bytes` start at wish().offset; `last`: the file has none after them. Takes as many as it can use. Throws BadInput.
  virtual void feed(ByteSpan bytes, bool last) = 0;
};

// How much a sequential parser asks for: little at first, more once it is clear that there is more.
class ChunkSize {
 public:
  std::int64_t now() const { return bytes_; }
  void grow() { bytes_ = bytes_ < kLargest ? 2 * bytes_ : bytes_; }

 private:
  static constexpr std::int64_t kLargest = std::int64_t{4} << 20;
  std::int64_t bytes_ = std::int64_t{256} << 10;
};

// Refuses the file `name`, saying what is wrong with it.
[[noreturn]] inline void refuse_file(const std::string& name, std::string message, std::string value = "",
                                     std::string expected = "") {
  refuse("/" + name, std::move(message), std::move(value), std::move(expected));
}

}  // namespace vram::read
