// ONNX: names, types and shapes of the initializers; raw data is leapt over. Source: onnx/onnx.proto (ModelProto.graph
// = 7, GraphProto.initializer = 5, TensorProto: dims 1, data_type 2, name 8, raw_data 9, data_location 14).
#pragma once

#include <string>
#include <vector>

#include "read/file/parser.hpp"
#include "read/file/tensor_list.hpp"

namespace vram::read {

class OnnxParser : public FileParser {
 public:
  OnnxParser(std::string name, std::int64_t file_bytes, TensorList& tensors)
      : name_(std::move(name)), file_bytes_(file_bytes), tensors_(tensors) {}

  Wish wish() const override;
  void feed(ByteSpan bytes, bool last) override;
  std::int64_t header_bytes() const { return walked_; }
  // True when a file beside this one holds the data.
  bool external() const { return external_; }

 private:
  struct Cursor;
  enum class Level : std::uint8_t { model, graph, tensor };
  struct Message {
    Level level;
    std::int64_t end;  // offset in the file; kMaxFileBytes for one that ends with the file
  };

  bool step(Cursor& in);
  void finish_tensor();
  [[noreturn]] void refuse_here(std::string message, std::string value = "") const;

  std::string name_;
  std::int64_t file_bytes_;
  TensorList& tensors_;
  std::vector<Message> open_ = {{Level::model, kMaxFileBytes}};
  std::int64_t position_ = 0;
  std::int64_t needed_ = 1;
  std::int64_t walked_ = 0;
  ChunkSize chunk_;
  bool done_ = false;
  bool external_ = false;
  bool any_ = false;
  // the initializer being read
  std::string tensor_name_;
  std::vector<std::int64_t> dims_;
  std::int64_t data_type_ = 0;
};

}  // namespace vram::read
