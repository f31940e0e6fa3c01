#include "tape/ggml_allocator.hpp"

#include <algorithm>

namespace vram {

Bytes GgmlAllocator::allocate(Bytes bytes) {
  bytes = aligned(bytes);
  auto best = gaps_.end();
  for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
    if (gap->bytes >= bytes && (best == gaps_.end() || gap->bytes <= best->bytes)) best = gap;
  }
  if (best != gaps_.end()) {
    const Bytes offset = best->offset;
    best->offset += bytes;
    best->bytes -= bytes;
    if (best->bytes == 0) gaps_.erase(best);
    return offset;
  }
  const Bytes offset = end_;
  end_ = add(end_, bytes);
  peak_ = std::max(peak_, end_);
  return offset;
}

void GgmlAllocator::free(Bytes offset, Bytes bytes) {
  bytes = aligned(bytes);
  if (bytes == 0) return;
  auto next = std::lower_bound(gaps_.begin(), gaps_.end(), offset, [](const Gap& g, Bytes o) { return g.offset < o; });
  if (next != gaps_.begin() && std::prev(next)->offset + std::prev(next)->bytes == offset) {
    auto before = std::prev(next);
    before->bytes += bytes;
    if (next != gaps_.end() && before->offset + before->bytes == next->offset) {
      before->bytes += next->bytes;
      gaps_.erase(next);
    }
    if (gaps_.back().offset + gaps_.back().bytes == end_) {
      end_ = gaps_.back().offset;
      gaps_.pop_back();
    }
    return;
  }
  if (offset + bytes == end_) {
    end_ = offset;
    return;
  }
  if (next != gaps_.end() && offset + bytes == next->offset) {
    next->offset = offset;
    next->bytes += bytes;
    return;
  }
  gaps_.insert(next, {offset, bytes});
}

}  // namespace vram
