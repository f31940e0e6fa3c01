// "rows": {"residuals": [...]}: the caller's own rows in the form of core/data/residuals.json, instead of ours. With []
// nothing is fitted: what is estimated stands as the engine's rules give it.
#include "api/request.hpp"

namespace vram {
namespace {

// A text that outlives the request, as a view.
std::string_view text(const ObjectReader& row, std::string_view key) {
  row.string(key);  // refuses what is no text
  return row.find(key)->get_ref<const std::string&>();
}

Kinds read_kinds(const ObjectReader& row) {
  const Json* list = row.find("kinds");
  if (list == nullptr) return {};
  if (!list->is_array()) refuse(row.path_of("kinds"), "kinds must be a list", shown(*list), "a list of kinds");
  Kinds kinds;
  for (std::size_t i = 0; i < list->size(); ++i) {
    bool known = false;
    for (int k = 0; k < kKindCount && (*list)[i].is_string(); ++k) {
      const auto kind = static_cast<Kind>(k);
      if ((*list)[i].get_ref<const std::string&>() != name_of(kind)) continue;
      kinds = kinds | Kinds(kind);
      known = true;
    }
    if (!known)
      refuse(path_at(row.path_of("kinds"), i), "no entry is of this kind", shown((*list)[i]), "a kind of the ledger");
  }
  return kinds;
}

}  // namespace

std::vector<Residual> read_residuals(const Json& list) {
  std::vector<Residual> residuals;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const ObjectReader row(list[i], path_at("/rows/residuals", i));
    row.only({"id", "engine", "kinds", "of", "low", "high", "records", "from", "to", "source"});
    Residual r;
    r.id = text(row, "id");
    r.engine = text(row, "engine");
    r.kinds = read_kinds(row);
    r.of = static_cast<Residual::Of>(row.choice_or("of", {"entries", "sum", "left"}, 0));
    const bool added = r.of == Residual::Of::left;
    r.low = row.number_or("low", added ? -1 : 0, added ? 0 : 1, added ? 0 : 1);
    r.high = row.number_or("high", added ? 0 : 1, added ? 1 : 1e6, added ? 0 : 1);
    r.records = static_cast<std::int32_t>(row.integer_or("records", 0, 1'000'000'000, 0));
    r.from = row.integer_or("from", 0, kMaxBytes, 0);
    r.to = row.integer_or("to", 0, kMaxBytes, 0);
    r.source = row.has("source") ? text(row, "source") : std::string_view("given by the caller");
    residuals.push_back(r);
  }
  return residuals;
}

}  // namespace vram
