// Source: pytorch v2.8 c10/cuda/CUDACachingAllocator.cpp and .h: kMinBlockSize 512, kSmallSize 1 MiB,
// kSmallBuffer 2 MiB, kMinLargeAlloc 10 MiB, kLargeBuffer 20 MiB, kRoundLarge 2 MiB. Segments are never given back
// during a replay: a forward pass does not empty the cache.
#include <algorithm>

#include "tape/lifetimes.hpp"

namespace vram {
namespace {

struct Block {
  Bytes offset = 0;
  Bytes bytes = 0;
  bool free = true;
};

struct Segment {
  bool small = false;
  std::vector<Block> blocks;
};

struct Place {
  std::size_t segment = 0;
  Bytes offset = 0;
};

class CachingAllocator {
 public:
  Bytes reserved() const { return reserved_; }

  Place allocate(Bytes bytes) {
    const Bytes size = std::max<Bytes>(512, round_up(bytes, 512));
    const bool small = size <= kMiB;
    // Best fit over all free blocks of the pool.
    std::size_t best_segment = segments_.size(), best_block = 0;
    Bytes best = kMaxBytes;
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      if (segments_[s].small != small) continue;
      for (std::size_t b = 0; b < segments_[s].blocks.size(); ++b) {
        const Block& block = segments_[s].blocks[b];
        if (block.free && block.bytes >= size && block.bytes < best) {
          best = block.bytes;
          best_segment = s;
          best_block = b;
        }
      }
    }
    if (best_segment == segments_.size()) {
      const Bytes segment = small ? 2 * kMiB : size < 10 * kMiB ? 20 * kMiB : round_up(size, 2 * kMiB);
      segments_.push_back({small, {{0, segment, true}}});
      reserved_ = add(reserved_, segment);
      best_block = 0;
    }
    std::vector<Block>& blocks = segments_[best_segment].blocks;
    const Bytes rest = blocks[best_block].bytes - size;
    const Place place{best_segment, blocks[best_block].offset};
    blocks[best_block].free = false;
    // Small blocks split down to 512 B, large ones only when more than 1 MiB remains.
    if (small ? rest >= 512 : rest > kMiB) {
      blocks[best_block].bytes = size;
      blocks.insert(blocks.begin() + static_cast<std::ptrdiff_t>(best_block) + 1, {place.offset + size, rest, true});
    }
    return place;
  }

  void free(Place place) {
    std::vector<Block>& blocks = segments_[place.segment].blocks;
    auto block = std::find_if(blocks.begin(), blocks.end(), [&](const Block& b) { return b.offset == place.offset; });
    block->free = true;
    if (std::next(block) != blocks.end() && std::next(block)->free) {
      block->bytes += std::next(block)->bytes;
      blocks.erase(std::next(block));
    }
    if (block != blocks.begin() && std::prev(block)->free) {
      std::prev(block)->bytes += block->bytes;
      blocks.erase(block);
    }
  }

 private:
  std::vector<Segment> segments_;
  Bytes reserved_ = 0;
};

}  // namespace

Replay replay_torch_caching(const Tape& tape) {
  const std::vector<TapeOp>& ops = tape.ops();
  const std::vector<TapeId> last = last_reads(tape);
  CachingAllocator allocator;
  std::vector<Place> place(ops.size());
  std::vector<bool> held(ops.size(), false);
  Replay result;
  const auto take = [&](std::size_t i) {
    if (ops[i].bytes > 0) {
      place[i] = allocator.allocate(ops[i].bytes);
      held[i] = true;
    }
    if (allocator.reserved() > result.peak_bytes) result = {allocator.reserved(), static_cast<TapeId>(i)};
  };
  const auto drop = [&](std::size_t i) {
    if (held[i]) allocator.free(place[i]);
    held[i] = false;
  };
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].is_input) take(i);
  }
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto id = static_cast<TapeId>(i);
    if (ops[i].view_of >= 0) continue;
    if (!ops[i].is_input) {
      const TapeId from = taken_over(tape, id, last);
      if (from >= 0 && held[static_cast<std::size_t>(from)]) {
        place[i] = place[static_cast<std::size_t>(from)];
        held[static_cast<std::size_t>(from)] = false;
        held[i] = true;
      } else {
        take(i);
      }
    }
    for (const TapeId input : ops[i].inputs()) {
      const auto own = static_cast<std::size_t>(owner(tape, input));
      if (last[own] == id) drop(own);
    }
    if (last[i] == id) drop(i);  // nobody reads it
  }
  return result;
}

}  // namespace vram
