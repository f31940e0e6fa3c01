// Listing rows of the catalogue as a table.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "text.hpp"

namespace vram::cli {

struct Column {
  std::string title;
  Table::Align align;
  std::function<std::string(const nlohmann::ordered_json& row)> cell;
};

// A column that shows a field as it is.
Column field_column(const std::string& title, const std::string& key);

// The rows in which every word of `filter` occurs in some cell, whatever the case.
std::string listing(const nlohmann::ordered_json& rows, const std::vector<Column>& columns, const std::string& filter);

// What every list takes: `--filter`, `--json`.
struct ListOptions {
  std::string filter;
  bool json = false;
};
std::shared_ptr<ListOptions> add_list_options(CLI::App& command);

}  // namespace vram::cli
