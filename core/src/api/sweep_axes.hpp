// The axes of a sweep: which keys of the request take which values, and how cells are numbered. Internal to api/.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "json/checked.hpp"

namespace vram {

inline constexpr std::size_t kMostAxes = 3;
inline constexpr std::size_t kMostCells = 1'000'000;

struct Axis {
  std::string path;               // JSON pointer into the request: "/engine/n_ubatch"
  std::vector<std::string> keys;  // its steps: "engine", "n_ubatch"
  std::vector<Json> values;
};

// Reads "axes" of a sweep. Refuses: none or more than three, paths that are not into the request or lie within each
// other, empty lists, more than a million cells.
std::vector<Axis> read_axes(const ObjectReader& request);

// Which value of every axis a cell has; the last axis changes fastest.
using CellIndex = std::array<std::size_t, kMostAxes>;

// The request with the values of one cell put in.
class Grid {
 public:
  // `request` without "op", "axes" and what else is the sweep's own.
  Grid(Json request, std::vector<Axis> axes);
  Grid(const Grid&) = delete;  // places_ point into request_
  Grid& operator=(const Grid&) = delete;

  const std::vector<Axis>& axes() const { return axes_; }
  std::size_t cells() const { return cells_; }
  CellIndex index_of(std::size_t cell) const;
  // The request of a cell; good until the next call.
  const Json& at(const CellIndex& index);

 private:
  Json request_;
  std::vector<Axis> axes_;
  std::vector<Json*> places_;  // where the values of each axis go in `request_`
  CellIndex now_{};            // which values stand there
  std::size_t cells_ = 1;
};

}  // namespace vram
