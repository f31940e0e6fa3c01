#include "vram/catalogue.hpp"

#include <algorithm>

namespace vram {

const CatalogueRow* find_row(std::span<const CatalogueRow> sorted_rows, std::string_view id) {
  const auto at = std::lower_bound(sorted_rows.begin(), sorted_rows.end(), id,
                                   [](const CatalogueRow& row, std::string_view wanted) { return row.id < wanted; });
  return at != sorted_rows.end() && at->id == id ? &*at : nullptr;
}

}  // namespace vram
