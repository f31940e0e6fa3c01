#include "api/sweep_cells.hpp"

#include <algorithm>

namespace vram {

CellRequests::CellRequests(Grid& grid)
    : grid_(grid),
      checked_(grid, {}, 1),
      model_(grid, {"model", "rows"}, 1),
      weights_(grid, {"weights", "model", "rows", "engine"}),
      engine_(grid, {"engine", "kv_cache", "model", "rows"}),
      place_(grid, {"gpu", "profile", "rows"}),
      length_(grid, {"context", "sequences", "model", "rows"}) {}

CellRequests::Cell CellRequests::at(const CellIndex& index) {
  // A part is read from the request with this cell's values in it.
  const auto reader = [&] { return ObjectReader(grid_.at(index), ""); };
  const auto refused = [](const Error& error) {
    Cell cell;
    cell.error = &error;
    return cell;
  };
  const Result<bool>& checked = checked_.of(index, [&] {
    check_keys(reader());
    return true;
  });
  if (!checked.ok()) return refused(checked.error());

  bool fresh = false;
  const Result<Model>& model = model_.of(index, [&] {
    fresh = true;
    return read_model(reader(), read_rows(reader()));
  });
  if (fresh) memo_ = std::make_unique<EstimateMemo>();
  if (!model.ok()) return refused(model.error());
  request_.model = &*model;

  const Result<WeightFormat>& weights = weights_.of(index, [&] { return read_weights(reader(), *model); });
  if (!weights.ok()) return refused(weights.error());
  const Result<Engine>& engine = engine_.of(index, [&] {
    engine_put_in_ = nullptr;
    LlmRequest read;
    read.model = &*model;
    read_engine(reader(), read_rows(reader()), read);
    return Engine{read.engine, read.type_k, read.type_v};
  });
  if (!engine.ok()) return refused(engine.error());
  const Result<Place>& place = place_.of(index, [&] {
    put_in_ = nullptr;
    Place read;
    const CallerRows rows = read_rows(reader());
    read.has_gpu = read_gpu(reader(), rows, read.machine);
    read.profile = read_profiles(reader(), rows)(read.machine);
    return read;
  });
  if (!place.ok()) return refused(place.error());
  const Result<Length>& length = length_.of(index, [&] {
    LlmRequest read;
    read_length(reader(), *model, read);
    return Length{read.context, read.sequences};
  });
  if (!length.ok()) return refused(length.error());

  request_.weights = *weights;
  if (engine_put_in_ != &*engine) {
    engine_put_in_ = &*engine;
    request_.engine = engine->options;
    request_.type_k = engine->type_k;
    request_.type_v = engine->type_v;
  }
  request_.context = length->context;
  request_.sequences = length->sequences;
  if (put_in_ != &*place) {
    put_in_ = &*place;
    request_.machine = place->machine;
    request_.profile = place->profile;
  }
  return {&request_, memo_.get(), place->has_gpu, nullptr};
}

}  // namespace vram
