// "sweep": the estimates of a whole grid of requests, as columns.
#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "api/ops.hpp"
#include "api/sweep_cells.hpp"
#include "vram/solve.hpp"
#include "vram/sweep.hpp"

namespace vram {
namespace {

constexpr Bytes kNone = std::numeric_limits<Bytes>::min();
constexpr std::size_t kMostSearches = 20'000;  // cells of a sweep that searches in each of them
constexpr std::size_t kMostErrors = 16;        // different refusals that are told apart
constexpr std::string_view kVerdicts[] = {"fits", "tight", "does_not_fit", "refused", "no_gpu"};
enum : std::uint8_t { refused_verdict = 3, no_gpu_verdict = 4 };

struct Column {
  std::string_view group;  // "terms", or nothing
  std::string_view name;
  std::vector<Bytes> values;
};

struct Refusal {
  std::size_t first_cell = 0;
  std::size_t cells = 0;
  Error error;
};

struct Columns {
  std::vector<Column> numbers;
  std::vector<std::uint8_t> verdict;
  std::vector<Refusal> refusals;
  std::size_t refused = 0;
};

std::vector<Kind> read_terms(const ObjectReader& request) {
  std::vector<Kind> terms;
  const Json* json = request.find("terms");
  if (json == nullptr) return terms;
  std::vector<std::string_view> kinds;
  for (int k = 0; !name_of(static_cast<Kind>(k)).empty(); ++k) kinds.push_back(name_of(static_cast<Kind>(k)));
  std::string expected = "a list of any of: ";
  for (const std::string_view kind : kinds) expected += (kind == kinds[0] ? "" : ", ") + std::string(kind);
  if (!json->is_array()) refuse("/terms", "terms must be a list", shown(*json), expected);
  for (std::size_t i = 0; i < json->size(); ++i) {
    const Json& name = (*json)[i];
    const auto at =
        name.is_string() ? std::find(kinds.begin(), kinds.end(), name.get_ref<const std::string&>()) : kinds.end();
    if (at == kinds.end()) refuse(path_at("/terms", i), "no such kind of memory", shown(name), expected);
    const auto kind = static_cast<Kind>(at - kinds.begin());
    if (std::find(terms.begin(), terms.end(), kind) == terms.end()) terms.push_back(kind);
  }
  return terms;
}

Also read_searches(const ObjectReader& request, std::size_t cells) {
  Also also;
  const Json* json = request.find("also");
  if (json == nullptr) return also;
  constexpr const char* kExpected = "a list of any of: max_context, max_batch";
  if (!json->is_array()) refuse("/also", "also must be a list", shown(*json), kExpected);
  for (std::size_t i = 0; i < json->size(); ++i) {
    const Json& name = (*json)[i];
    if (name != "max_context" && name != "max_batch") {
      refuse(path_at("/also", i), "a sweep has no such answer", shown(name), kExpected);
    }
    (name == "max_context" ? also.max_context : also.max_batch) = true;
  }
  if ((also.max_context || also.max_batch) && cells > kMostSearches) {
    refuse("/axes", "this grid has too many cells to search in each of them", std::to_string(cells),
           "at most 20000 cells with max_context or max_batch");
  }
  return also;
}

class Sweep {
 public:
  explicit Sweep(const Json& json) : grid_(grid_of(json)), requests_(grid_) {
    const ObjectReader reader(json, "");
    terms_ = read_terms(reader);
    also_ = read_searches(reader, grid_.cells());
    for (const std::string_view name : {"low", "expected", "high", "headroom_bytes", "host_bytes"}) add("", name);
    for (const Kind kind : terms_) add("terms", name_of(kind));
    if (also_.max_context) add("", "max_context");
    if (also_.max_batch) add("", "max_batch");
    columns_.verdict.assign(grid_.cells(), refused_verdict);
  }

  // Models change slowest, lengths fastest: what is dear to read or to compute is then done once.
  void run() {
    std::array<std::size_t, kMostAxes> order{0, 1, 2};
    const std::size_t count = grid_.axes().size();
    std::stable_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                     [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
    CellIndex index{};
    for (std::size_t i = 0; i < grid_.cells(); ++i) {
      std::size_t cell = 0;
      for (std::size_t a = 0; a < count; ++a) cell = cell * grid_.axes()[a].values.size() + index[a];
      fill(cell, index);
      for (std::size_t a = count; a-- > 0;) {
        if (++index[order[a]] < grid_.axes()[order[a]].values.size()) break;
        index[order[a]] = 0;
      }
    }
    if (columns_.refused == grid_.cells()) throw BadInput{columns_.refusals.front().error};
  }

  const Grid& grid() const { return grid_; }
  const Columns& columns() const { return columns_; }

 private:
  static Grid grid_of(const Json& json) {
    const ObjectReader reader(json, "");
    std::vector<Axis> axes = read_axes(reader);
    Json request = json;
    for (const char* own : {"axes", "terms", "also"}) request.erase(own);
    return Grid(std::move(request), std::move(axes));
  }

  void add(std::string_view group, std::string_view name) {
    columns_.numbers.push_back({group, name, std::vector<Bytes>(grid_.cells(), kNone)});
  }

  std::size_t rank(std::size_t axis) const {
    constexpr std::string_view kOrder[] = {"rows", "model", "gpu", "profile", "weights", "engine", "kv_cache"};
    return static_cast<std::size_t>(std::find(std::begin(kOrder), std::end(kOrder), grid_.axes()[axis].keys.front()) -
                                    std::begin(kOrder));
  }

  void fill(std::size_t cell, const CellIndex& index) {
    const CellRequests::Cell asked = requests_.at(index);
    if (asked.error != nullptr) return refuse_cell(cell, *asked.error);
    const Result<LlmEstimate> result = estimate(*asked.request, *asked.memo);
    if (!result.ok()) return refuse_cell(cell, result.error());
    const Summary summary = summarize(result->ledger, asked.request->machine);
    auto column = columns_.numbers.begin();
    const auto put = [&](Bytes value) { (column++)->values[cell] = value; };
    put(summary.peak.low);
    put(summary.peak.expected);
    put(summary.peak.high);
    put(asked.has_gpu ? summary.headroom_bytes : kNone);
    put(summary.host_bytes);
    for (const Kind kind : terms_) put(summary.by_kind[static_cast<std::size_t>(kind)]);
    const auto largest = [&](Result<Largest> found) { put(found.ok() ? found->value : kNone); };
    if (also_.max_context && asked.has_gpu) largest(max_context(*asked.request, *asked.memo));
    if (also_.max_batch && asked.has_gpu) largest(max_sequences(*asked.request, *asked.memo));
    columns_.verdict[cell] = asked.has_gpu ? static_cast<std::uint8_t>(summary.verdict) : std::uint8_t{no_gpu_verdict};
  }

  void refuse_cell(std::size_t cell, const Error& error) {
    ++columns_.refused;
    for (Refusal& known : columns_.refusals) {
      if (known.error.path != error.path || known.error.message != error.message || known.error.value != error.value) {
        continue;
      }
      known.first_cell = std::min(known.first_cell, cell);
      ++known.cells;
      return;
    }
    if (columns_.refusals.size() < kMostErrors) columns_.refusals.push_back({cell, 1, error});
  }

  Grid grid_;
  CellRequests requests_;
  std::vector<Kind> terms_;
  Also also_;
  Columns columns_;
};

void write_json(JsonWriter& out, const Json& json) {
  out.raw(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void write_head(JsonWriter& out, const Grid& grid, const Columns& columns) {
  out.begin_object().field("ok", true).field("op", "sweep").key("axes").begin_array();
  for (const Axis& axis : grid.axes()) {
    out.begin_object().key("path");
    write_json(out, axis.path);
    out.key("values").begin_array();
    for (const Json& value : axis.values) write_json(out, value);
    out.end_array().end_object();
  }
  out.end_array().key("shape").begin_array();
  for (const Axis& axis : grid.axes()) out.value(static_cast<std::int64_t>(axis.values.size()));
  out.end_array().field("cells", static_cast<std::int64_t>(grid.cells()));
  out.field("refused", static_cast<std::int64_t>(columns.refused)).key("errors").begin_array();
  for (const Refusal& refusal : columns.refusals) {
    out.begin_object().field("cell", static_cast<std::int64_t>(refusal.first_cell));
    out.field("cells", static_cast<std::int64_t>(refusal.cells));
    write_error(out, refusal.error);
    out.end_object();
  }
  out.end_array().key("verdicts").begin_array();
  for (const std::string_view name : kVerdicts) out.value(name);
  out.end_array();
}

void write_column(JsonWriter& out, const Column& column) {
  out.key(column.name).begin_array();
  for (const Bytes value : column.values) {
    if (value == kNone) {
      out.null();
    } else {
      out.value(value);
    }
  }
  out.end_array();
}

void append_bytes(std::string& out, const void* from, std::size_t size) {
  out.append(static_cast<const char*>(from), size);
}

}  // namespace

std::string answer_sweep(const Json& request) {
  Sweep sweep(request);
  sweep.run();
  const Columns& columns = sweep.columns();
  JsonWriter out(4096 + sweep.grid().cells() * (2 + 14 * columns.numbers.size()));
  write_head(out, sweep.grid(), columns);
  out.key("verdict").begin_array();
  for (const std::uint8_t verdict : columns.verdict) out.value(int{verdict});
  out.end_array();
  bool terms = false;
  for (const Column& column : columns.numbers) {
    if (column.group.empty() == terms) {
      terms = !terms;
      if (terms) {
        out.key("terms").begin_object();
      } else {
        out.end_object();
      }
    }
    write_column(out, column);
  }
  if (terms) out.end_object();
  out.end_object();
  return out.take();
}

std::string answer_sweep_arrays(const Json& request) {
  Sweep sweep(request);
  sweep.run();
  const Columns& columns = sweep.columns();
  JsonWriter head(4096);
  write_head(head, sweep.grid(), columns);
  head.key("columns").begin_array();
  for (const Column& column : columns.numbers) {
    head.begin_object().field("name", column.name);
    if (!column.group.empty()) head.field("group", column.group);
    head.end_object();
  }
  head.end_array().end_object();
  const std::string text = head.take();
  std::string out;
  out.reserve(1 + text.size() + columns.verdict.size() * (1 + 8 * columns.numbers.size()));
  out += text;
  out += '\0';
  std::vector<double> numbers(columns.verdict.size());
  for (const Column& column : columns.numbers) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const Bytes value = column.values[i];
      numbers[i] = value == kNone ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(value);
    }
    append_bytes(out, numbers.data(), numbers.size() * sizeof(double));
  }
  append_bytes(out, columns.verdict.data(), columns.verdict.size());
  return out;
}

}  // namespace vram
