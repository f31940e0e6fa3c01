// The dynamic allocator behind ggml's graph planner: offsets in one buffer that grows as far as it must.
// Source: llama.cpp v0.5.0, ggml/src/ggml-alloc.c (ggml_dyn_tallocr). Written for one chunk: CUDA, Metal and RAM
// buffers have no size limit of their own there.
#pragma once

#include <vector>

#include "vram/bytes.hpp"

namespace vram {

class GgmlAllocator {
 public:
  // `alignment` is a power of two.
  explicit GgmlAllocator(Bytes alignment) : alignment_(alignment) {}

  Bytes aligned(Bytes bytes) const { return (bytes + alignment_ - 1) & ~(alignment_ - 1); }
  // The smallest free gap that holds `bytes` (the last of several equal ones), else the end of the buffer.
  Bytes allocate(Bytes bytes);
  void free(Bytes offset, Bytes bytes);

  Bytes peak() const { return peak_; }
  // Distinct states compare unequal; `peak` is not part of the state.
  const auto& gaps() const { return gaps_; }
  Bytes end() const { return end_; }

  struct Gap {
    Bytes offset = 0;
    Bytes bytes = 0;
    friend bool operator==(const Gap&, const Gap&) = default;
  };

 private:
  Bytes alignment_;
  std::vector<Gap> gaps_;  // free blocks below `end_`, by offset
  Bytes end_ = 0;          // where the endless last block starts
  Bytes peak_ = 0;
};

}  // namespace vram
