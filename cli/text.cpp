#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace vram::cli {
namespace {

std::string formatted(const char* format, double number, const char* unit) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, number);
  return std::string(buffer) + unit;
}

struct CodePoint {
  char32_t value = 0xFFFD;
  std::size_t length = 1;
  bool valid = false;
};

CodePoint decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {first, 1, true};
  const std::size_t length = first >= 0xF0 && first < 0xF5 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (length == 0 || first >= 0xF5 || at + length > text.size()) return {};
  char32_t value = first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return {};
    value = (value << 6) | (byte(at + i) & 0x3Fu);
  }
  const bool too_long = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (too_long || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return {};
  return {value, length, true};
}

// Unicode 15: East Asian Wide and Fullwidth blocks, and the emoji planes; combining diacritics and joiners.
std::size_t columns_of(char32_t c) {
  if ((c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || (c >= 0x20D0 && c <= 0x20FF) ||
      (c >= 0xFE00 && c <= 0xFE0F)) {
    return 0;
  }
  const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
                    (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                    (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string size_text(std::int64_t bytes, Unit unit) {
  const double step = unit == Unit::binary ? 1024 : 1000;
  const char* const binary[] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  const char* const decimal[] = {" B", " kB", " MB", " GB", " TB", " PB", " EB"};
  double size = static_cast<double>(bytes);
  if (bytes == 0) return "0";
  int power = 0;
  while (std::fabs(size) >= step && power < 6) {
    size /= step;
    ++power;
  }
  const char* name = unit == Unit::binary ? binary[power] : decimal[power];
  return formatted(power == 0 ? "%.0f" : power < 3 ? "%.1f" : "%.2f", size, name);
}

std::string gib_text(std::int64_t bytes, Unit unit) {
  const double size = static_cast<double>(bytes) / (unit == Unit::binary ? 1073741824.0 : 1e9);
  return formatted("%.2f", size, unit == Unit::binary ? " GiB" : " GB");
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  const int start = number < 0 ? 1 : 0;
  for (int at = static_cast<int>(digits.size()) - 3; at > start; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string number_text(double number) {
  if (std::floor(number) == number && std::fabs(number) < 9e15) return grouped(static_cast<std::int64_t>(number));
  return formatted("%.6g", number, "");
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text, at);
    width += columns_of(point.value);
    at += point.length;
  }
  return width;
}

std::string printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text, at);
    const bool control = point.value < 0x20 || (point.value >= 0x7F && point.value < 0xA0) ||
                         (point.value >= 0x202A && point.value <= 0x202E);
    if (!point.valid || control) {
      clean += "?";
    } else {
      clean.append(text.substr(at, point.length));
    }
    at += point.length;
  }
  return clean;
}

std::string Table::text(std::string_view indent) const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::size_t total = 0;
  for (const std::size_t width : widths) total += width == 0 ? 0 : width + 2;
  std::string all;
  for (const auto& row : rows_) {
    std::string line(indent);
    if (row.empty()) {
      for (std::size_t i = 2; i < total; ++i) line += "─";
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths[i] == 0) continue;
      const std::string pad(widths[i] - display_width(row[i]), ' ');
      line += columns_[i] == Align::right ? pad + row[i] : row[i] + pad;
      line += "  ";
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    all += line + "\n";
  }
  return all;
}

std::string bar(double share, int width) {
  const char* const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int cells = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width * 8));
  std::string text;
  for (int i = 0; i < cells / 8; ++i) text += "█";
  return text + eighths[cells % 8];
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  // What was typed is the beginning of it: "rtx-3060" means "rtx-3060-12gb", not "rtx-3070".
  for (const std::string& candidate : candidates) {
    if (word.size() >= 3 && candidate.compare(0, word.size(), word) == 0) return candidate;
  }
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word.substr(0, 100), candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string wrapped(std::string_view text, std::size_t width, std::string_view indent) {
  std::string all;
  std::size_t column = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const std::size_t needs = display_width(word);
    if (column != 0 && column + 1 + needs > width) {
      all += "\n" + std::string(indent);
      column = display_width(indent);
    } else if (column != 0) {
      all += " ";
      ++column;
    }
    all += word;
    column += needs;
    at = end + 1;
  }
  return all;
}

}  // namespace vram::cli
