// PyTorch's zip (.bin, .pt, .pth, .ckpt): the sizes of its storages, from the index at the end. Nothing is unpickled or
// unpacked. Source: PKWARE APPNOTE.TXT 4.3.12 to 4.3.16, 4.5.3; pytorch caffe2/serialize/inline_container.cc (stored,
// not compressed, one entry "<name>/data/<key>" a storage).
#pragma once

#include <string>

#include "read/file/parser.hpp"
#include "read/file/tensor_list.hpp"

namespace vram::read {

class PytorchZipParser : public FileParser {
 public:
  PytorchZipParser(std::string name, std::int64_t file_bytes, TensorList& tensors);

  Wish wish() const override;
  void feed(ByteSpan bytes, bool last) override;
  std::int64_t header_bytes() const { return index_bytes_; }

 private:
  void find_index(ByteSpan tail);
  void read_index(ByteSpan index);

  std::string name_;
  std::int64_t file_bytes_;
  TensorList& tensors_;
  enum class Stage : std::uint8_t { end, index, done };
  Stage stage_ = Stage::end;
  std::string buffer_;
  std::int64_t index_at_ = 0;
  std::int64_t index_bytes_ = 0;
  std::uint64_t entries_ = 0;
};

}  // namespace vram::read
