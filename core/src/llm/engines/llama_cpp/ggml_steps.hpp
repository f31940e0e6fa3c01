// The scheduled graph in the order in which ggml's graph allocator walks it.
#pragma once

#include <vector>

#include "llm/engines/llama_cpp/ggml_graph.hpp"
#include "llm/engines/llama_cpp/ggml_schedule.hpp"
#include "tape/linear.hpp"

namespace vram::ggml {

struct Step {
  enum class Kind : std::uint8_t {
    node,  // computes (or, for a copy, receives) a tensor
    read,  // only keeps a tensor alive until here
  };
  Kind kind = Kind::node;
  Id id = -1;
};

struct Steps {
  std::vector<Id> leafs;  // allocated before everything else, in this order
  std::vector<Step> list;
  std::vector<std::size_t> marks;  // where each layer of the graph begins in `list`
  int splits = 0;
};

// Bytes per backend, the CPU last. When layers were left out: whether the allocator came back to a state that it had
// been in whole patterns, and a divisor of the layers left out, before; then those layers would change nothing.
struct Allocation {
  std::vector<Bytes> bytes;
  bool repeats = false;
};
Allocation allocate(const Graph& graph, const Steps& steps, const Backends& backends, const LeftOut& left_out);

// The same for all graphs of one structure whose tensors grow in straight lines: `sizes` has one line per tensor, and
// the answer holds for every t from `low` to `high`.
struct LineAllocation {
  std::vector<Line> bytes;
  bool repeats = false;
  std::int64_t low = 0, high = 0;
};
LineAllocation allocate(const Graph& graph, const Steps& steps, const Backends& backends, const LeftOut& left_out,
                        const std::vector<Line>& sizes);

// What a tensor takes in the buffer of its backend.
inline Bytes size_on_place(const Node& node, const Backends& backends) {
  return node.place < backends.gpus ? add(node.bytes, node.gpu_extra) : node.bytes;
}

// Places every node of the graph, which it uses up: copies are added and sources redirected.
Steps schedule(Graph& graph, const Backends& backends);

}  // namespace vram::ggml
