#include "tape/ggml_allocator.hpp"

#include <algorithm>

namespace vram {

Bytes GgmlAllocator::allocate(Bytes bytes) {
  bytes = aligned(bytes);
  auto best = blocks_.end() - 1;
  for (auto block = blocks_.begin(); block != blocks_.end() - 1; ++block) {
    if (block->bytes >= bytes && (best == blocks_.end() - 1 || block->bytes <= best->bytes)) best = block;
  }
  const Bytes offset = best->offset;
  best->offset += bytes;
  best->bytes -= bytes;
  peak_ = std::max(peak_, offset + bytes);
  if (best->bytes == 0) blocks_.erase(best);
  return offset;
}

void GgmlAllocator::free(Bytes offset, Bytes bytes) {
  bytes = aligned(bytes);
  for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
    if (block->offset + block->bytes == offset) {
      block->bytes += bytes;
      const auto next = block + 1;
      if (next != blocks_.end() && block->offset + block->bytes == next->offset) {
        block->bytes += next->bytes;
        blocks_.erase(next);
      }
      return;
    }
    if (offset + bytes == block->offset) {
      block->offset = offset;
      block->bytes += bytes;
      if (block != blocks_.begin()) {
        const auto before = block - 1;
        if (before->offset + before->bytes == block->offset) {
          before->bytes += block->bytes;
          blocks_.erase(block);
        }
      }
      return;
    }
  }
  const auto at = std::find_if(blocks_.begin(), blocks_.end(), [&](const Block& b) { return b.offset >= offset; });
  blocks_.insert(at, {offset, bytes});
}

}  // namespace vram
