// The graphs of one set-up at different lengths of the cache. Their tensors grow in straight lines, so that one replay
// answers for every length at which the allocator decides alike.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "llm/engines/llama_cpp/ggml_steps.hpp"

namespace vram::llama_cpp {

// What a graph comes to.
struct GraphSize {
  ggml::BufferSizes sizes;
  bool described = true;
  bool flash_on_cpu = false;
};

class GraphFamily {
 public:
  // A scheduled graph.
  struct Built {
    ggml::Graph graph;
    ggml::Steps steps;
    ggml::LeftOut left_out;
    bool described = true;
    bool flash_on_cpu = false;
  };
  // The graph for so many cells of the cache, a multiple of 256. The same function at every call.
  using Build = std::function<Built(std::int64_t cells)>;

  // What the graph for so many cells comes to, to the byte. The first one asked for is replayed as it is; from the
  // second on the family is looked at.
  GraphSize at(std::int64_t cells, const ggml::Backends& backends, const Build& build);

 private:
  // Graphs of one structure: `lines` are the sizes at `from` and per step of cells, up to `to`.
  struct Shape {
    Built built;
    std::vector<Line> lines;
    std::int64_t from = 0, to = 0;
  };
  // Lengths with one answer, as a line.
  struct Segment {
    std::int64_t low = 0, high = 0, base = 0;
    std::vector<Line> bytes;
    GraphSize size;  // all but the bytes
    GraphSize at(std::int64_t cells) const;
  };

  GraphSize alone(std::int64_t cells, const ggml::Backends& backends, const Build& build);
  static Shape shape_from(std::int64_t cells, const ggml::Backends& backends, const Build& build);
  GraphSize keep(Segment segment, std::int64_t cells);

  bool asked_ = false;
  int short_shapes_ = 0;  // shapes that were straight for no length at all
  std::optional<Shape> shape_;
  std::vector<Segment> segments_;
};

}  // namespace vram::llama_cpp
