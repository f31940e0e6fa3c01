// The scheduled graph in the order in which ggml's graph allocator walks it.
#pragma once

#include <vector>

#include "llm/engines/llama_cpp/ggml_graph.hpp"
#include "llm/engines/llama_cpp/ggml_schedule.hpp"

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
  int splits = 0;
};

// Bytes per backend, the CPU last.
std::vector<Bytes> allocate(const Graph& graph, const Steps& steps, const Backends& backends);

}  // namespace vram::ggml
