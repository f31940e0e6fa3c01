#include "api/sweep_axes.hpp"

#include <algorithm>
#include <cmath>

namespace vram {
namespace {

constexpr const char* kAxis =
    R"({"path": "/context", "values": [4096, 8192]} or {"path": "/context", "from": 1024, "to": 131072, "steps": 8, "scale": "log"})";

// "/engine/n_ubatch" -> "engine", "n_ubatch" (RFC 6901).
std::vector<std::string> keys_of(const std::string& path, const std::string& where) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '/') {
      keys.emplace_back();
    } else if (keys.empty()) {
      break;
    } else if (path[i] == '~' && i + 1 < path.size() && (path[i + 1] == '0' || path[i + 1] == '1')) {
      keys.back() += path[++i] == '0' ? '~' : '/';
    } else {
      keys.back() += path[i];
    }
  }
  const bool own = !keys.empty() && (keys[0] == "op" || keys[0] == "axes" || keys[0] == "terms" || keys[0] == "also");
  if (keys.empty() || own || std::find(keys.begin(), keys.end(), "") != keys.end()) {
    refuse(where, "path must point to what an estimate takes", shown(Json(path)),
           "a JSON pointer such as \"/context\", \"/weights\", \"/gpu\" or \"/engine/n_ubatch\"");
  }
  return keys;
}

// Points from `from` to `to`. Between whole numbers they are rounded to whole numbers, else to millionths, so that
// every platform has the same ones.
std::vector<Json> spread(const ObjectReader& axis) {
  axis.only({"path", "from", "to", "steps", "scale"});
  enum : std::size_t { linear, logarithmic };
  const std::size_t scale = axis.choice_or("scale", {"linear", "log"}, linear);
  const double from = axis.number("from", scale == logarithmic ? 1e-6 : -1e15, 1e15);
  const double to = axis.number("to", scale == logarithmic ? 1e-6 : -1e15, 1e15);
  const auto steps = axis.integer("steps", 2, static_cast<std::int64_t>(kMostCells));
  const bool whole = from == std::floor(from) && to == std::floor(to);
  std::vector<Json> values;
  values.reserve(static_cast<std::size_t>(steps));
  for (std::int64_t i = 0; i < steps; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(steps - 1);
    double value = scale == logarithmic ? from * std::exp(share * std::log(to / from)) : from + share * (to - from);
    if (i == 0) value = from;
    if (i + 1 == steps) value = to;
    if (whole) {
      values.emplace_back(static_cast<std::int64_t>(std::llround(value)));
    } else {
      values.emplace_back(std::round(value * 1e6) / 1e6);
    }
  }
  return values;
}

Axis read_axis(const Json& json, const std::string& where) {
  const ObjectReader reader(json, where);
  Axis axis;
  axis.path = reader.string("path");
  axis.keys = keys_of(axis.path, reader.path_of("path"));
  if (!reader.has("values")) {
    if (!reader.has("from")) refuse(where, "an axis needs its values", shown(json), kAxis);
    axis.values = spread(reader);
    return axis;
  }
  reader.only({"path", "values"});
  const Json& values = *reader.find("values");
  if (!values.is_array() || values.empty()) {
    refuse(reader.path_of("values"), "values must be a list that is not empty", shown(values), "a list [...]");
  }
  axis.values.assign(values.begin(), values.end());
  return axis;
}

bool within(const std::vector<std::string>& outer, const std::vector<std::string>& inner) {
  return outer.size() <= inner.size() && std::equal(outer.begin(), outer.end(), inner.begin());
}

}  // namespace

std::vector<Axis> read_axes(const ObjectReader& request) {
  const Json* json = request.find("axes");
  const std::string one = std::string("one to three of ") + kAxis;
  if (json == nullptr) refuse("/axes", "axes is missing", "", one);
  if (!json->is_array() || json->empty() || json->size() > kMostAxes) {
    refuse("/axes", "axes must be a list of one to three", shown(*json), one);
  }
  std::vector<Axis> axes;
  std::size_t cells = 1;
  for (std::size_t i = 0; i < json->size(); ++i) {
    axes.push_back(read_axis((*json)[i], path_at("/axes", i)));
    for (std::size_t j = 0; j < i; ++j) {
      if (within(axes[i].keys, axes[j].keys) || within(axes[j].keys, axes[i].keys)) {
        refuse(path_at("/axes", i) + "/path", "two axes must not change the same thing", shown(Json(axes[i].path)),
               "a path apart from \"" + axes[j].path + "\"");
      }
    }
    const std::size_t length = axes[i].values.size();
    if (length > kMostCells || cells * length > kMostCells) {
      refuse("/axes", "this grid has too many cells", "", "at most 1000000 cells: the product of the axes' lengths");
    }
    cells *= length;
  }
  return axes;
}

Grid::Grid(Json request, std::vector<Axis> axes) : request_(std::move(request)), axes_(std::move(axes)) {
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    cells_ *= axes_[a].values.size();
    Json* place = &request_;
    for (const std::string& key : axes_[a].keys) {
      if (place->is_null()) *place = Json::object();
      if (!place->is_object()) {
        refuse(path_at("/axes", a) + "/path", "there is no such place in the request", shown(Json(axes_[a].path)),
               "a path whose parts before the last are objects");
      }
      place = &(*place)[key];
    }
    *place = axes_[a].values.front();
    places_.push_back(place);
  }
}

CellIndex Grid::index_of(std::size_t cell) const {
  CellIndex index{};
  for (std::size_t a = axes_.size(); a-- > 0;) {
    index[a] = cell % axes_[a].values.size();
    cell /= axes_[a].values.size();
  }
  return index;
}

const Json& Grid::at(const CellIndex& index) {
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    if (now_[a] != index[a]) *places_[a] = axes_[a].values[index[a]];
    now_[a] = index[a];
  }
  return request_;
}

}  // namespace vram
