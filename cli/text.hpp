// Text for people: sizes, counts, tables, bars. UTF-8 in, UTF-8 out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vram::cli {

enum class Unit : std::uint8_t { binary, decimal };  // GiB and MiB, or GB and MB

// Bytes with three or four digits that matter: "4.58 GiB", "258.5 MiB", "0". Negative sizes keep their sign.
std::string size_text(std::int64_t bytes, Unit unit);
// Always in GiB or GB, two decimals: columns of these can be compared by eye.
std::string gib_text(std::int64_t bytes, Unit unit);
// 131072 -> "131,072"
std::string grouped(std::int64_t number);
// A number of a formula: whole ones grouped, others with up to six significant digits.
std::string number_text(double number);

// Columns the text takes on a terminal: combining marks 0, CJK and emoji 2, everything else 1.
std::size_t display_width(std::string_view text);
// The text with control characters and broken UTF-8 replaced, so that a name from a file cannot steer the terminal.
std::string printable(std::string_view text);

// Rows of cells, columns as wide as their widest cell, two spaces between them, nothing after the last one.
class Table {
 public:
  enum class Align : std::uint8_t { left, right };
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void rule() { rows_.emplace_back(); }  // a line as wide as the table
  std::string text(std::string_view indent = "") const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// `filled` of `width` cells in eighths: "████▌". Both shares are cut to 0..1.
std::string bar(double share, int width);

// The candidate nearest to `word` by edit distance, empty when none is near (more than a third of it differs).
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// Text wrapped at `width` columns, every line after the first indented.
std::string wrapped(std::string_view text, std::size_t width, std::string_view indent);

}  // namespace vram::cli
