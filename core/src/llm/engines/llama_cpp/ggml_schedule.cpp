#include "llm/engines/llama_cpp/ggml_schedule.hpp"

#include <algorithm>
#include <utility>

#include "llm/engines/llama_cpp/ggml_steps.hpp"

namespace vram::ggml {
namespace {

constexpr std::int64_t kOffloadBatch = 32;  // op_offload_min_batch_size

class Scheduler {
 public:
  Scheduler(Graph& graph, const Backends& backends) : g_(graph), b_(backends), cpu_(backends.gpus) {}

  Steps run() {
    assign();
    expand(true, true);
    expand(false, true);
    expand(true, false);
    expand(false, false);
    place_the_rest();
    split();
    return emit();
  }

 private:
  struct Split {
    int place = 0;
    std::size_t begin = 0;
    std::size_t end = 0;
    std::vector<std::pair<Id, Id>> inputs;  // source, its copy on this backend
  };

  bool supported(const Node& n, int place) const { return place == cpu_ || n.gpu_supported; }
  int place_of(Id id) const { return g_.node(g_.owner(id)).place; }

  // Pass 1: nodes whose place follows from a buffer that exists already.
  void assign() {
    for (const Id id : g_.leafs()) {
      Node& n = g_.node(id);
      if (n.input) n.place = static_cast<std::int8_t>(cpu_);
    }
    for (const Id id : g_.order()) {
      Node& n = g_.node(id);
      if (b_.dry_run && n.soft_place) n.place = -1;
      if (n.op == Op::view || n.place >= 0) continue;
      if (n.view_src >= 0 && g_.node(n.view_src).external) {
        n.place = g_.node(n.view_src).place;
        continue;
      }
      if (n.op == Op::rope || n.op == Op::flash_attn) continue;
      for (std::uint8_t i = 0; i < n.src_count; ++i) {
        const Node& src = g_.node(n.src[i]);
        if (!src.weight) continue;
        n.place = src.place;
        if (b_.op_offload && src.place == cpu_ && b_.gpus > 0 && n.gpu_supported && n.batch >= kOffloadBatch)
          n.place = 0;
        break;
      }
    }
  }

  // Pass 2: neighbours follow, GPUs first.
  void expand(bool down, bool gpus_only) {
    int current = -1;
    const std::vector<Id>& order = g_.order();
    for (std::size_t i = 0; i < order.size(); ++i) {
      Node& n = g_.node(order[down ? i : order.size() - 1 - i]);
      if (n.op == Op::view) continue;
      if (n.place >= 0) {
        current = gpus_only && n.place == cpu_ ? -1 : n.place;
      } else if (current >= 0 && supported(n, current)) {
        n.place = static_cast<std::int8_t>(current);
      }
    }
  }

  // Passes 3 and 4: what no neighbour could take goes where most of its inputs are.
  void place_the_rest() {
    for (const Id id : g_.order()) {
      Node& n = g_.node(id);
      if (n.op == Op::view || n.place >= 0) continue;
      int best = -1, best_count = -1;
      for (int place = 0; place <= cpu_; ++place) {
        if (!supported(n, place)) continue;
        int count = 0;
        for (std::uint8_t i = 0; i < n.src_count; ++i) count += place_of(n.src[i]) == place;
        if (count > best_count) {
          best = place;
          best_count = count;
        }
      }
      n.place = static_cast<std::int8_t>(best);
    }
    for (const Id id : g_.order()) {
      Node& n = g_.node(id);
      if (n.op == Op::view) continue;
      for (std::uint8_t i = 0; i < n.src_count; ++i) {
        Node& src = g_.node(g_.owner(n.src[i]));
        if (src.place < 0) src.place = n.place;
      }
    }
  }

  Id& copy_of(Id id, int place) {
    return copies_[static_cast<std::size_t>(id) * static_cast<std::size_t>(cpu_ + 1) + static_cast<std::size_t>(place)];
  }

  // Pass 5: runs of nodes on one backend, and what must be copied there first.
  void split() {
    copies_.assign(g_.size() * static_cast<std::size_t>(cpu_ + 1), -1);
    const std::vector<Id>& order = g_.order();
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Id id = order[i];
      if (g_.node(id).op == Op::view) continue;
      const int place = g_.node(id).place;
      bool fresh = splits_.empty() || place != splits_.back().place;
      if (!fresh && !splits_.back().inputs.empty()) {
        // A new split lets the memory of weights copied before be used again.
        const Node& n = g_.node(id);
        for (std::uint8_t s = 0; s < n.src_count && !fresh; ++s) {
          const Node& src = g_.node(n.src[s]);
          fresh = src.weight && src.place != place;
        }
      }
      if (fresh) {
        if (!splits_.empty()) splits_.back().end = i;
        splits_.push_back({place, splits_.empty() ? 0 : i, order.size(), {}});
      }
      for (std::uint8_t s = 0; s < g_.node(id).src_count; ++s) {
        const Id src = g_.node(id).src[s];
        const int from = place_of(src);
        if (b_.copies > 1 && g_.node(src).input && copy_of(src, from) < 0) {
          copy_of(src, from) = src;
          graph_inputs_.push_back(src);
        }
        if (from == place) continue;
        if (copy_of(src, place) < 0) {
          const Id copy = g_.add_copy(src);
          copies_.resize(g_.size() * static_cast<std::size_t>(cpu_ + 1), -1);
          g_.node(copy).place = static_cast<std::int8_t>(place);
          if (b_.copies > 1) g_.node(copy).input = g_.node(copy).output = true;
          copy_of(src, place) = copy;
          splits_.back().inputs.push_back({src, copy});
        }
        g_.node(id).src[s] = copy_of(src, place);
      }
    }
  }

  Steps emit() {
    Steps steps;
    steps.splits = static_cast<int>(splits_.size());
    steps.list.reserve(g_.order().size() + 64);
    if (b_.copies > 1) {
      const auto keep_all = [&](Id id) {
        g_.node(id).output = true;
        steps.leafs.push_back(id);
        for (int c = 1; c < b_.copies; ++c) {
          const Id copy = g_.add_copy(id);
          g_.node(copy).place = g_.node(id).place;
          steps.leafs.push_back(copy);
        }
      };
      for (const Id id : graph_inputs_) keep_all(id);
      for (const Split& split : splits_) {
        for (const auto& [source, copy] : split.inputs) keep_all(copy);
      }
    }
    steps.leafs.insert(steps.leafs.end(), g_.leafs().begin(), g_.leafs().end());
    std::vector<std::vector<Id>> kept = kept_by_fusion();
    for (const Split& split : splits_) {
      for (const auto& [source, copy] : split.inputs) {
        steps.list.push_back({Step::Kind::read, source});
        steps.list.push_back({Step::Kind::node, copy});
      }
      for (std::size_t i = split.begin; i < split.end; ++i) {
        const Id id = g_.order()[i];
        while (steps.marks.size() < g_.marks().size() &&
               static_cast<std::size_t>(g_.marks()[steps.marks.size()].position) <= i) {
          steps.marks.push_back(steps.list.size());
        }
        if (g_.node(id).op != Op::view) steps.list.push_back({Step::Kind::node, id});
        if (!kept.empty()) {
          for (const Id keep : kept[i]) steps.list.push_back({Step::Kind::read, keep});
        }
      }
    }
    return steps;
  }

  // For every position of the order, what is read (kept alive) right after it.
  std::vector<std::vector<Id>> kept_by_fusion() {
    std::vector<std::vector<Id>> kept;
    if (!b_.cuda_fusion || g_.fusions().empty()) return kept;
    const std::vector<Id>& order = g_.order();
    kept.resize(order.size());
    for (const Fusion& fusion : g_.fusions()) {
      const auto first = static_cast<std::size_t>(fusion.first);
      const auto end = first + static_cast<std::size_t>(fusion.count);
      const auto in = [&](const Split& s) { return s.begin <= first && end <= s.end && s.place < cpu_; };
      if (std::none_of(splits_.begin(), splits_.end(), in)) continue;
      const bool topk = fusion.kind == Fusion::Kind::topk_moe;
      const std::size_t until = topk ? end : end - 1;
      if (until >= order.size()) continue;
      std::vector<Id>& list = kept[until];
      const auto keep = [&](Id id) {
        if (std::find(list.begin(), list.end(), id) == list.end()) list.push_back(id);
      };
      if (!topk) {  // the experts' results and their weights
        const Node& product = g_.node(order[first]);
        keep(product.src[0]);
        keep(product.src[1]);
        continue;
      }
      for (std::size_t i = first; i < end; ++i) {
        keep(order[i]);
        const Node& n = g_.node(order[i]);
        for (std::uint8_t s = 0; s < n.src_count; ++s) keep(n.src[s]);
      }
    }
    return kept;
  }

  Graph& g_;
  const Backends& b_;
  int cpu_;
  std::vector<Split> splits_;
  std::vector<Id> copies_;
  std::vector<Id> graph_inputs_;
};

}  // namespace

Steps schedule(Graph& graph, const Backends& backends) { return Scheduler(graph, backends).run(); }

}  // namespace vram::ggml
