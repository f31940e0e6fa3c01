#include "explain.hpp"

#include "border.hpp"
#include "terminal.hpp"

namespace vram::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string bytes_text(const Json& bytes, Unit unit) {
  const auto part = [&](const char* bound) { return bytes.at(bound).get<std::int64_t>(); };
  std::string text = grouped(part("expected")) + " bytes = " + size_text(part("expected"), unit);
  if (part("low") != part("high"))
    text += "  (" + size_text(part("low"), unit) + " – " + size_text(part("high"), unit) + ")";
  return text;
}

std::string values_text(const Json& values) {
  std::string text;
  for (const auto& [symbol, number] : values.items()) {
    text += (text.empty() ? "" : ", ") + symbol + " = " +
            (number.is_number() ? number_text(number.get<double>()) : compact(number));
  }
  return text;
}

}  // namespace

std::string explanation(const Json& response, Unit unit) {
  const std::size_t columns = terminal_columns();
  std::string text;
  for (const Json& entry : response.at("ledger").at("entries")) {
    const auto line = [&](const std::string& name, const std::string& value) {
      if (!value.empty()) text += wrapped("  " + name + printable(value), columns, "            ") + "\n";
    };
    text += "\n" + Colour::bold(printable(text_of(entry, "label"))) + " (" + text_of(entry, "device") + ")\n";
    line("bytes   ", bytes_text(entry.at("bytes"), unit));
    line("formula ", text_of(entry, "formula"));
    line("with    ", values_text(entry.value("values", Json::object())));
    line("source  ", text_of(entry, "source"));
  }
  return text;
}

}  // namespace vram::cli
