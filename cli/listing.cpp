#include "listing.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>

#include "border.hpp"
#include "terminal.hpp"

namespace vram::cli {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool matches(const std::vector<std::string>& cells, const std::string& filter) {
  std::string all;
  for (const std::string& cell : cells) all += lower(cell) + "\n";
  std::istringstream words(lower(filter));
  for (std::string word; words >> word;) {
    if (all.find(word) == all.npos) return false;
  }
  return true;
}

}  // namespace

Column field_column(const std::string& title, const std::string& key) {
  return {title, Table::Align::left, [key](const nlohmann::ordered_json& row) { return printable(text_of(row, key)); }};
}

std::string listing(const nlohmann::ordered_json& rows, const std::vector<Column>& columns, const std::string& filter) {
  std::vector<Table::Align> alignment;
  std::vector<std::string> titles;
  for (const Column& column : columns) {
    alignment.push_back(column.align);
    titles.push_back(column.title);
  }
  Table table(alignment);
  table.row(titles);
  table.rule();
  std::int64_t shown = 0;
  for (const nlohmann::ordered_json& row : rows) {
    std::vector<std::string> cells;
    for (const Column& column : columns) cells.push_back(column.cell(row));
    if (!matches(cells, filter)) continue;
    table.row(cells);
    ++shown;
  }
  if (shown == 0)
    return "Nothing matches" + (filter.empty() ? std::string(".") : " \"" + printable(filter) + "\".") + "\n";
  return table.text();
}

std::shared_ptr<ListOptions> add_list_options(CLI::App& command) {
  const auto options = std::make_shared<ListOptions>();
  command.add_option("--filter", options->filter, "Only rows that hold all these words")->type_name("WORDS");
  command.add_flag("--json", options->json, "Print the response as JSON");
  return options;
}

}  // namespace vram::cli
