// The requests of a sweep, cell by cell: what does not change from cell to cell is read once. Internal to api/.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "api/request.hpp"
#include "api/sweep_axes.hpp"

namespace vram {

// A part of the request and the axes that it depends on: read again only for values it has not been read for.
template <class T>
class Section {
 public:
  // `keys`: the first steps of the paths that this part is read from. `most`: how many readings are kept.
  Section(const Grid& grid, std::initializer_list<std::string_view> keys, std::size_t most = 4096) {
    for (std::size_t a = 0; a < grid.axes().size(); ++a) {
      const Axis& axis = grid.axes()[a];
      if (std::find(keys.begin(), keys.end(), axis.keys.front()) == keys.end()) continue;
      strides_[a] = readings_;
      readings_ *= axis.values.size();
    }
    kept_.resize(readings_ <= most ? readings_ : 1);
  }

  // The reading for a cell, or why there is none. Good until the next call.
  template <class Read>
  const Result<T>& of(const CellIndex& index, Read&& read) {
    std::size_t reading = 0;
    for (std::size_t a = 0; a < kMostAxes; ++a) reading += index[a] * strides_[a];
    std::optional<Result<T>>& slot = kept_[kept_.size() == readings_ ? reading : 0];
    if (slot && (kept_.size() == readings_ || reading == current_)) return *slot;
    slot.reset();
    current_ = reading;
    try {
      slot.emplace(read());
    } catch (const BadInput& bad) {
      slot.emplace(bad.error);
    }
    return *slot;
  }

 private:
  CellIndex strides_{};
  std::size_t readings_ = 1;
  std::size_t current_ = 0;
  std::vector<std::optional<Result<T>>> kept_;
};

class CellRequests {
 public:
  explicit CellRequests(Grid& grid);

  // The request of a cell, or why it is none. Good until the next call.
  struct Cell {
    const LlmRequest* request = nullptr;
    EstimateMemo* memo = nullptr;
    bool has_gpu = false;
    const Error* error = nullptr;
  };
  Cell at(const CellIndex& index);

 private:
  struct Engine {
    EngineOptions options;
    const TensorType* type_k;
    const TensorType* type_v;
  };
  struct Place {
    Machine machine;
    OverheadProfile profile;
    bool has_gpu;
  };
  struct Length {
    std::int64_t context, sequences;
  };

  Grid& grid_;
  Section<bool> checked_;
  Section<Model> model_;
  Section<WeightFormat> weights_;
  Section<Engine> engine_;
  Section<Place> place_;
  Section<Length> length_;
  LlmRequest request_;
  const Engine* engine_put_in_ = nullptr;  // whose options stand in `request_`
  const Place* put_in_ = nullptr;          // whose machine and profile
  std::unique_ptr<EstimateMemo> memo_;
};

}  // namespace vram
