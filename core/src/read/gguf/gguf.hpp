// GGUF, versions 1 to 3, either byte order: metadata and tensor list, walked without being copied.
// Source: ggml-org/ggml docs/gguf.md and src/gguf.cpp; tensor types: include/ggml.h (enum ggml_type), llama.cpp v0.5.0.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "read/file/parser.hpp"
#include "read/file/tensor_list.hpp"

namespace vram::read {

// A type that tensors of a GGUF have. Rows are whole blocks.
struct GgmlType {
  std::string_view id;  // as in core/data/storage.json
  std::int64_t block_elements = 0;
  std::int64_t block_bytes = 0;
};
// nullptr: no such type. Types that were taken out of ggml have an id and no bytes.
const GgmlType* find_ggml_type(std::uint32_t number);

// general.file_type as people say it ("Q4_K_M"); empty when unknown.
std::string_view file_type_name(std::int64_t file_type);

// What one GGUF file says.
struct GgufHeader {
  std::uint32_t version = 0;
  bool big_endian = false;
  std::int64_t header_bytes = 0;   // up to where the tensors begin
  Json metadata = Json::object();  // scalars, short texts and short lists of numbers; of the rest what it holds
  std::int64_t vocabulary = 0;     // tokens of the tokenizer; 0: none
};

class GgufParser : public FileParser {
 public:
  // Adds the tensors to `tensors`, which must outlive the parser. `file_bytes` may be kUnknownSize.
  GgufParser(std::string name, std::int64_t file_bytes, TensorList& tensors);

  Wish wish() const override;
  void feed(ByteSpan bytes, bool last) override;
  const GgufHeader& header() const { return header_; }

 private:
  enum class Stage : std::uint8_t { start, counts, key, value, texts, tensor, done };
  struct Cursor;
  struct TensorRange {
    std::int64_t offset;
    std::int64_t bytes;  // 0: of a type whose size only the next offset tells
  };

  bool step(Cursor& in);
  bool read_start(Cursor& in);
  bool read_counts(Cursor& in);
  bool read_key(Cursor& in);
  bool read_value(Cursor& in);
  bool read_array(Cursor& in);
  bool walk_texts(Cursor& in);
  bool read_tensor(Cursor& in);
  void next_key();
  void keep(Json value);
  void finish(std::int64_t position);
  std::int64_t left(const Cursor& in) const;
  void skip(Cursor& in, std::uint64_t count, std::int64_t bytes_each);
  [[noreturn]] void refuse_here(std::string message, std::string value = "", std::string expected = "") const;

  std::string name_;
  std::int64_t file_bytes_;
  TensorList& tensors_;
  GgufHeader header_;
  Stage stage_ = Stage::start;
  std::int64_t position_ = 0;  // of the next byte wanted
  std::int64_t needed_ = 4;    // at least so many of them
  ChunkSize chunk_;
  std::uint64_t metadata_left_ = 0;
  std::uint64_t tensors_left_ = 0;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> nested_;  // arrays around it: type, items left
  std::string key_;
  std::uint32_t type_ = 0;
  std::vector<std::uint64_t> keys_;  // hashes of the keys seen
  std::vector<TensorRange> ranges_;
  std::int64_t kept_bytes_ = 0;
  std::int64_t alignment_ = 32;
};

}  // namespace vram::read
