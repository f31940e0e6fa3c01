#include "files.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string config = "";
  vram::fuzz::read("pytorch_model.bin", data, size, config);
  return 0;
}
