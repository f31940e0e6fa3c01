#include "llm/engines/llama_cpp/ggml_steps.hpp"

#include <algorithm>

#include "tape/ggml_allocator.hpp"

namespace vram::ggml {
namespace {

struct Slot {
  Bytes offset = 0;
  std::int32_t readers = 0;  // reads still to come, through views too
  bool held = false;
};

class Replayer {
 public:
  Replayer(const Graph& graph, const Backends& backends) : g_(graph), cpu_(backends.gpus), slots_(graph.size()) {
    for (int i = 0; i < backends.gpus; ++i) allocators_.emplace_back(backends.gpu_alignment);
    allocators_.emplace_back(backends.host_alignment);
  }

  std::vector<Bytes> run(const Steps& steps) {
    for (const Id id : steps.leafs) allocate(id);
    for (const Step& step : steps.list) {
      if (step.kind == Step::Kind::read) {
        ++slot(g_.owner(step.id)).readers;
        continue;
      }
      const Node& n = g_.node(step.id);
      for (std::uint8_t i = 0; i < n.src_count; ++i) {
        const Id own = g_.owner(n.src[i]);
        ++slot(own).readers;
        if (g_.node(n.src[i]).input) allocate(own);
      }
    }
    for (const Step& step : steps.list) {
      if (step.kind == Step::Kind::read) {
        finish_reading(g_.owner(step.id));
        continue;
      }
      const Node& n = g_.node(step.id);
      if (n.op == Op::view) continue;
      for (std::uint8_t i = 0; i < n.src_count; ++i) allocate(g_.owner(n.src[i]));
      if (n.view_src < 0 && !n.external && !slot(step.id).held && !take_over(step.id)) allocate(step.id);
      for (std::uint8_t i = 0; i < n.src_count; ++i) finish_reading(g_.owner(n.src[i]));
    }
    std::vector<Bytes> peaks;
    for (const GgmlAllocator& allocator : allocators_) peaks.push_back(allocator.peak());
    return peaks;
  }

 private:
  Slot& slot(Id id) { return slots_[static_cast<std::size_t>(id)]; }
  GgmlAllocator& allocator(Id id) { return allocators_[static_cast<std::size_t>(g_.node(id).place)]; }
  Bytes size(Id id) const {
    const Node& n = g_.node(id);
    return n.place < cpu_ ? add(n.bytes, n.gpu_extra) : n.bytes;
  }

  void allocate(Id id) {
    Slot& s = slot(id);
    if (s.held || released(id) || g_.node(id).external) return;
    s.offset = allocator(id).allocate(size(id));
    s.held = true;
  }

  // Whether the tensor had memory before and gave it up: it is not allocated twice.
  bool released(Id id) const { return slots_[static_cast<std::size_t>(id)].readers < 0; }

  // The memory of a source of the same layout that nobody else will read.
  bool take_over(Id id) {
    const Node& n = g_.node(id);
    for (std::uint8_t i = 0; i < n.src_count; ++i) {
      // Only a tensor that owns its memory can hand it over: a view never does.
      if (!(n.same_layout >> i & 1u) || g_.node(n.src[i]).view_src >= 0) continue;
      const Id own = n.src[i];
      Slot& from = slot(own);
      if (!from.held || from.readers != 1 || g_.node(own).output) continue;
      Slot& to = slot(id);
      to.offset = from.offset;
      to.held = true;
      from.held = false;
      GgmlAllocator& memory = allocator(own);
      const Bytes kept = memory.aligned(size(id)), had = memory.aligned(size(own));
      if (had > kept) memory.free(from.offset + kept, had - kept);
      return true;
    }
    return false;
  }

  void finish_reading(Id own) {
    Slot& s = slot(own);
    if (--s.readers > 0 || !s.held || g_.node(own).output) return;
    allocator(own).free(s.offset, size(own));
    s.held = false;
    s.readers = -1;
  }

  const Graph& g_;
  int cpu_;
  std::vector<Slot> slots_;
  std::vector<GgmlAllocator> allocators_;
};

}  // namespace

std::vector<Bytes> allocate(const Graph& graph, const Steps& steps, const Backends& backends) {
  return Replayer(graph, backends).run(steps);
}

}  // namespace vram::ggml
