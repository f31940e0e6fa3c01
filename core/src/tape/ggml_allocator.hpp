// The dynamic allocator behind ggml's graph planner: offsets in one buffer that grows as far as it must.
// Source: llama.cpp v0.5.0, ggml/src/ggml-alloc.c (ggml_dyn_tallocr). Written for one chunk: CUDA and RAM buffers have
// no size limit of their own there.
#pragma once

#include <algorithm>
#include <vector>

#include "tape/linear.hpp"

namespace vram {

// `Sizes` is ExactSizes, or LineSizes for many graphs at once.
template <class Sizes>
class GgmlAllocatorOf {
 public:
  using Size = typename Sizes::Size;

  // `alignment` is a power of two. `sizes` must outlive the allocator.
  GgmlAllocatorOf(Bytes alignment, Sizes& sizes)
      : alignment_(alignment), sizes_(&sizes), blocks_{{Size{}, Sizes::constant(kMaxBytes)}} {}

  Size aligned(Size bytes) const { return sizes_->rounded_up(bytes, alignment_); }

  // The smallest free block that holds `bytes` (the last of several equal ones), else the endless one at the end.
  Size allocate(Size bytes) {
    bytes = aligned(bytes);
    const auto endless = blocks_.end() - 1;
    auto best = endless;
    for (auto block = blocks_.begin(); block != endless; ++block) {
      if (sizes_->less(block->bytes, bytes)) continue;
      if (best == endless || !sizes_->less(best->bytes, block->bytes)) best = block;
    }
    const Size offset = best->offset;
    best->offset += bytes;
    best->bytes -= bytes;
    if (sizes_->less(peak_, offset + bytes)) peak_ = offset + bytes;
    if (sizes_->equal(best->bytes, Size{})) blocks_.erase(best);
    return offset;
  }

  // Merges with the first block that touches. Tensors without elements leave empty blocks behind, as in the engine.
  void free(Size offset, Size bytes) {
    bytes = aligned(bytes);
    for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
      if (sizes_->equal(block->offset + block->bytes, offset)) {
        block->bytes += bytes;
        const auto next = block + 1;
        if (next != blocks_.end() && sizes_->equal(block->offset + block->bytes, next->offset)) {
          block->bytes += next->bytes;
          blocks_.erase(next);
        }
        return;
      }
      if (sizes_->equal(offset + bytes, block->offset)) {
        block->offset = offset;
        block->bytes += bytes;
        if (block != blocks_.begin()) {
          const auto before = block - 1;
          if (sizes_->equal(before->offset + before->bytes, block->offset)) {
            before->bytes += block->bytes;
            blocks_.erase(block);
          }
        }
        return;
      }
    }
    const auto at =
        std::find_if(blocks_.begin(), blocks_.end(), [&](const Block& b) { return !sizes_->less(b.offset, offset); });
    blocks_.insert(at, {offset, bytes});
  }

  Size peak() const { return peak_; }
  // Whether both would answer every further call alike.
  bool same_blocks(const GgmlAllocatorOf& other) const { return blocks_ == other.blocks_; }

 private:
  struct Block {
    Size offset{};
    Size bytes{};
    friend bool operator==(const Block&, const Block&) = default;
  };

  Bytes alignment_;
  Sizes* sizes_;
  std::vector<Block> blocks_;  // free blocks by offset; the last one has no end
  Size peak_{};
};

// For one graph.
class GgmlAllocator : public GgmlAllocatorOf<const ExactSizes> {
 public:
  explicit GgmlAllocator(Bytes alignment) : GgmlAllocatorOf(alignment, kExact) {}

 private:
  static constexpr ExactSizes kExact{};
};

}  // namespace vram
