// safetensors: eight bytes of length and a JSON header; the tensors themselves are never touched.
// Source: huggingface/safetensors README.md "Format" and safetensors/src/tensor.rs (Dtype, validate).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "read/file/parser.hpp"
#include "read/file/tensor_list.hpp"

namespace vram::read {

class SafetensorsParser : public FileParser {
 public:
  SafetensorsParser(std::string name, std::int64_t file_bytes, TensorList& tensors)
      : name_(std::move(name)), file_bytes_(file_bytes), tensors_(tensors) {}

  Wish wish() const override;
  void feed(ByteSpan bytes, bool last) override;
  std::int64_t header_bytes() const { return 8 + header_size_; }
  // __metadata__: texts by key, shortened.
  const Json& metadata() const { return metadata_; }

 private:
  void read_header(std::string_view text);

  std::string name_;
  std::int64_t file_bytes_;
  TensorList& tensors_;
  std::int64_t header_size_ = -1;  // -1: not known yet
  std::string header_;
  bool done_ = false;
  Json metadata_ = Json::object();
};

// model.safetensors.index.json: the files that hold the tensors, each once, in order of their names.
// Throws BadInput, naming `file`.
std::vector<std::string> shards_of_index(const std::string& file, std::string_view text);

}  // namespace vram::read
