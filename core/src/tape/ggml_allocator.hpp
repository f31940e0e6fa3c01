// The dynamic allocator behind ggml's graph planner: offsets in one buffer that grows as far as it must.
// Source: llama.cpp v0.5.0, ggml/src/ggml-alloc.c (ggml_dyn_tallocr). Written for one chunk: CUDA and RAM buffers have
// no size limit of their own there.
#pragma once

#include <vector>

#include "vram/bytes.hpp"

namespace vram {

class GgmlAllocator {
 public:
  // `alignment` is a power of two.
  explicit GgmlAllocator(Bytes alignment) : alignment_(alignment), blocks_{{0, kMaxBytes}} {}

  Bytes aligned(Bytes bytes) const { return (bytes + alignment_ - 1) & ~(alignment_ - 1); }
  // The smallest free block that holds `bytes` (the last of several equal ones), else the endless one at the end.
  Bytes allocate(Bytes bytes);
  // Merges with the first block that touches. Tensors without elements leave empty blocks behind, as in the engine.
  void free(Bytes offset, Bytes bytes);

  Bytes peak() const { return peak_; }
  // Whether both would answer every further call alike.
  bool same_blocks(const GgmlAllocator& other) const { return blocks_ == other.blocks_; }

 private:
  struct Block {
    Bytes offset = 0;
    Bytes bytes = 0;
    friend bool operator==(const Block&, const Block&) = default;
  };

  Bytes alignment_;
  std::vector<Block> blocks_;  // free blocks by offset; the last one has no end
  Bytes peak_ = 0;
};

}  // namespace vram
