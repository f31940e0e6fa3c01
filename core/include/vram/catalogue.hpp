// The built-in rows: models, GPUs, overhead profiles, diffusion pipelines (core/data/*.json, one row a line, compiled
// in).
#pragma once

#include <span>
#include <string_view>

namespace vram {

// One row as it stands in its file. `json` is a complete JSON object that holds the id too.
struct CatalogueRow {
  std::string_view id;
  std::string_view json;
};

std::span<const CatalogueRow> model_rows();     // sorted by id
std::span<const CatalogueRow> gpu_rows();       // sorted by id
std::span<const CatalogueRow> profile_rows();   // in file order
std::span<const CatalogueRow> pipeline_rows();  // diffusion pipelines, sorted by id

// Binary search in a sorted table; nullptr when absent.
const CatalogueRow* find_row(std::span<const CatalogueRow> sorted_rows, std::string_view id);

}  // namespace vram
