#include "llm/engines/llama_cpp/graph_family.hpp"

#include <algorithm>
#include <utility>

namespace vram::llama_cpp {
namespace {

using ggml::Id;
using ggml::Node;

constexpr std::int64_t kStep = 256;             // cells come in so many
constexpr std::size_t kMostSegments = 256;      // kept of one family
constexpr int kMostShortShapes = 6;             // then every length is replayed by itself
constexpr std::int64_t kMostCells = 1ll << 32;  // a cache has no more

bool same_node(const Node& a, const Node& b) {
  return a.op == b.op && a.src_count == b.src_count && a.same_layout == b.same_layout && a.input == b.input &&
         a.output == b.output && a.external == b.external && a.weight == b.weight && a.copy == b.copy &&
         a.place == b.place && a.view_src == b.view_src &&
         std::equal(a.src.begin(), a.src.begin() + a.src_count, b.src.begin());
}

bool same_structure(const GraphFamily::Built& a, const GraphFamily::Built& b) {
  const auto same_step = [](const ggml::Step& x, const ggml::Step& y) { return x.kind == y.kind && x.id == y.id; };
  if (a.graph.size() != b.graph.size() || a.steps.leafs != b.steps.leafs || a.steps.marks != b.steps.marks ||
      a.described != b.described || a.flash_on_cpu != b.flash_on_cpu ||
      !std::equal(a.steps.list.begin(), a.steps.list.end(), b.steps.list.begin(), b.steps.list.end(), same_step)) {
    return false;
  }
  for (Id id = 0; id < static_cast<Id>(a.graph.size()); ++id) {
    if (!same_node(a.graph.node(id), b.graph.node(id))) return false;
  }
  return true;
}

// Whether `far`, so many steps from the first graph, has the sizes that the lines say. Every size is a sum and product
// of things that do not change, of the cells, and of the smaller of the cells and a window: a curve that bends one way
// only. Such a curve that meets its chord at a third point is straight.
bool on_lines(const std::vector<Line>& lines, const GraphFamily::Built& far, std::int64_t steps,
              const ggml::Backends& backends) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Node& node = far.graph.node(static_cast<Id>(i));
    if (node.external || node.op == ggml::Op::view) continue;
    if (lines[i].at + lines[i].slope * steps != ggml::size_on_place(node, backends)) return false;
  }
  return true;
}

}  // namespace

GraphFamily::Shape GraphFamily::shape_from(std::int64_t cells, const ggml::Backends& backends, const Build& build) {
  Shape shape{build(cells), {}, cells, cells};
  const Built next = build(cells + kStep);
  if (!same_structure(shape.built, next)) return shape;
  for (Id id = 0; id < static_cast<Id>(next.graph.size()); ++id) {
    const Bytes here = ggml::size_on_place(shape.built.graph.node(id), backends);
    shape.lines.push_back({here, ggml::size_on_place(next.graph.node(id), backends) - here});
  }
  shape.to = cells + kStep;
  for (const std::int64_t factor : {64, 8, 2}) {
    const std::int64_t far = std::min(cells * factor, kMostCells);
    if (far <= shape.to) break;
    const Built last = build(far);
    if (!same_structure(shape.built, last) || !on_lines(shape.lines, last, (far - cells) / kStep, backends)) continue;
    shape.to = far;
    break;
  }
  return shape;
}

GraphSize GraphFamily::Segment::at(std::int64_t cells) const {
  GraphSize result = size;
  for (const Line& line : bytes) result.sizes.bytes.push_back(line.at + line.slope * ((cells - base) / kStep));
  return result;
}

GraphSize GraphFamily::keep(Segment segment, std::int64_t cells) {
  if (segments_.size() >= kMostSegments) segments_.clear();
  segments_.push_back(std::move(segment));
  return segments_.back().at(cells);
}

GraphSize GraphFamily::alone(std::int64_t cells, const ggml::Backends& backends, const Build& build) {
  const Built built = build(cells);
  const ggml::Allocation allocation = ggml::allocate(built.graph, built.steps, backends, built.left_out);
  Segment segment{cells, cells, cells, {}, {}};
  for (const Bytes bytes : allocation.bytes) segment.bytes.push_back({bytes, 0});
  segment.size = {
      {{}, built.steps.splits, built.left_out.layers == 0 || allocation.repeats}, built.described, built.flash_on_cpu};
  return keep(std::move(segment), cells);
}

GraphSize GraphFamily::at(std::int64_t cells, const ggml::Backends& backends, const Build& build) {
  for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment) {
    if (segment->low <= cells && cells <= segment->high) return segment->at(cells);
  }
  if (!std::exchange(asked_, true) || short_shapes_ > kMostShortShapes) return alone(cells, backends, build);
  if (!shape_ || cells < shape_->from || cells > shape_->to) {
    shape_ = shape_from(cells, backends, build);
    if (shape_->to <= cells + kStep) ++short_shapes_;
  }
  if (shape_->from == shape_->to) return alone(cells, backends, build);

  std::vector<Line> lines = shape_->lines;
  for (Line& line : lines) line.at += line.slope * ((cells - shape_->from) / kStep);
  const Built& built = shape_->built;
  ggml::LineAllocation found = ggml::allocate(built.graph, built.steps, backends, built.left_out, lines);
  Segment segment{std::max(shape_->from, cells + kStep * found.low),
                  std::min(shape_->to, cells + kStep * found.high),
                  cells,
                  std::move(found.bytes),
                  {}};
  segment.size = {
      {{}, built.steps.splits, built.left_out.layers == 0 || found.repeats}, built.described, built.flash_on_cpu};
  return keep(std::move(segment), cells);
}

}  // namespace vram::llama_cpp
