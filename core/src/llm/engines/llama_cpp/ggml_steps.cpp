#include "llm/engines/llama_cpp/ggml_steps.hpp"

#include <algorithm>

#include "tape/ggml_allocator.hpp"

namespace vram::ggml {
namespace {

// `Sizes`: numbers, or lines (tape/linear.hpp). `SizeOf` gives the size of a tensor.
template <class Sizes, class SizeOf>
class Replayer {
 public:
  using Size = typename Sizes::Size;

  Replayer(const Graph& graph, const Backends& backends, Sizes& sizes, SizeOf size_of)
      : g_(graph), sizes_(sizes), size_of_(size_of), slots_(graph.size()) {
    for (int i = 0; i < backends.gpus; ++i) allocators_.emplace_back(backends.gpu_alignment, sizes);
    allocators_.emplace_back(backends.host_alignment, sizes);
  }

  std::vector<Size> peaks() const {
    std::vector<Size> result;
    for (const Allocator& allocator : allocators_) result.push_back(allocator.peak());
    return result;
  }

  // Whether layers that were left out are shown to change nothing.
  bool run(const Steps& steps, const LeftOut& left_out) {
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
    bool repeats = false;
    std::size_t layer = 0;
    for (std::size_t at = 0; at < steps.list.size(); ++at) {
      while (left_out.layers > 0 && layer < steps.marks.size() && steps.marks[layer] == at) {
        repeats = repeats || seen_before(layer, left_out);
        ++layer;
      }
      const Step& step = steps.list[at];
      if (step.kind == Step::Kind::read) {
        finish_reading(g_.owner(step.id));
        continue;
      }
      const Node& n = g_.node(step.id);
      for (std::uint8_t i = 0; i < n.src_count; ++i) allocate(g_.owner(n.src[i]));
      if (n.view_src < 0 && !n.external && !slot(step.id).held && !take_over(step.id)) allocate(step.id);
      for (std::uint8_t i = 0; i < n.src_count; ++i) finish_reading(g_.owner(n.src[i]));
    }
    return repeats;
  }

 private:
  using Allocator = GgmlAllocatorOf<Sizes>;

  struct Slot {
    Size offset{};
    std::int32_t readers = 0;  // reads still to come, through views too
    bool held = false;
  };

  Slot& slot(Id id) { return slots_[static_cast<std::size_t>(id)]; }
  Allocator& allocator(Id id) { return allocators_[static_cast<std::size_t>(g_.node(id).place)]; }
  Size size(Id id) const { return size_of_(id); }

  void allocate(Id id) {
    Slot& s = slot(id);
    if (s.held || released(id) || g_.node(id).external) return;
    s.offset = allocator(id).allocate(size(id));
    hold(id);
  }

  void hold(Id id) {
    slot(id).held = true;
    live_.push_back(id);
  }
  void drop(Id id) {
    slot(id).held = false;
    const auto at = std::find(live_.rbegin(), live_.rend(), id);
    *at = live_.back();
    live_.pop_back();
  }

  // Where everything lies as a layer begins. Tensors of the layers count from the layer's first one, so that two layers
  // of one kind compare equal; inputs, their copies and what came before the layers count as themselves.
  struct State {
    std::vector<Allocator> allocators;
    std::vector<std::pair<Id, Size>> live;
  };

  bool seen_before(std::size_t layer, const LeftOut& left_out) {
    State state{allocators_, {}};
    const Id first = g_.marks()[layer].first, layers_from = g_.marks().front().first;
    for (const Id id : live_) {
      const bool of_layer = id >= layers_from && !g_.node(id).input && !g_.node(id).copy;
      state.live.push_back({of_layer ? id - first + kFarAway : id, slot(id).offset});
    }
    std::sort(state.live.begin(), state.live.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    states_.push_back(std::move(state));
    for (auto before = static_cast<std::size_t>(left_out.prefix); before < layer; ++before) {
      const auto cycle = static_cast<std::int64_t>(layer - before);
      if (left_out.layers % cycle == 0 && cycle % left_out.pattern == 0 &&
          states_[before].live == states_[layer].live &&
          same_blocks(states_[before].allocators, states_[layer].allocators)) {
        return true;
      }
    }
    return false;
  }

  static bool same_blocks(const std::vector<Allocator>& a, const std::vector<Allocator>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!a[i].same_blocks(b[i])) return false;
    }
    return true;
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
      slot(id).offset = from.offset;
      hold(id);
      drop(own);
      Allocator& memory = allocator(own);
      const Size kept = memory.aligned(size(id)), had = memory.aligned(size(own));
      if (sizes_.less(kept, had)) memory.free(from.offset + kept, had - kept);
      return true;
    }
    return false;
  }

  void finish_reading(Id own) {
    Slot& s = slot(own);
    if (--s.readers > 0 || !s.held || g_.node(own).output) return;
    allocator(own).free(s.offset, size(own));
    drop(own);
    s.readers = -1;
  }

  const Graph& g_;
  Sizes& sizes_;
  SizeOf size_of_;
  static constexpr Id kFarAway = 1 << 30;

  std::vector<Slot> slots_;
  std::vector<Id> live_;
  std::vector<State> states_;
  std::vector<Allocator> allocators_;
};

}  // namespace

Allocation allocate(const Graph& graph, const Steps& steps, const Backends& backends, const LeftOut& left_out) {
  const ExactSizes sizes;
  Replayer replayer(graph, backends, sizes, [&](Id id) { return size_on_place(graph.node(id), backends); });
  const bool repeats = replayer.run(steps, left_out);
  return {replayer.peaks(), repeats};
}

LineAllocation allocate(const Graph& graph, const Steps& steps, const Backends& backends, const LeftOut& left_out,
                        const std::vector<Line>& lines) {
  LineSizes sizes;
  Replayer replayer(graph, backends, sizes, [&](Id id) { return lines[static_cast<std::size_t>(id)]; });
  const bool repeats = replayer.run(steps, left_out);
  return {replayer.peaks(), repeats, sizes.low(), sizes.high()};
}

}  // namespace vram::ggml
