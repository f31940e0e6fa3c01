#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "border.hpp"
#include "explain.hpp"
#include "terminal.hpp"

namespace vram::cli {
namespace {

using Json = nlohmann::ordered_json;
using Align = Table::Align;
constexpr int kBarColumns = 24;

std::int64_t expected(const Json& bytes) { return bytes.at("expected").get<std::int64_t>(); }

bool exact(const Json& bytes) { return bytes.at("low") == bytes.at("high"); }

std::string range_text(const Json& bytes, Unit unit) {
  if (exact(bytes)) return "";
  return gib_text(bytes.at("low").get<std::int64_t>(), unit) + " – " +
         gib_text(bytes.at("high").get<std::int64_t>(), unit);
}

std::string title_text(const std::string& device) {
  if (device.starts_with("gpu:")) return "GPU " + device.substr(4);
  return device == "host" ? "Main memory" : device == "disk" ? "Disk" : device;
}

std::string count_of(std::int64_t count, const char* one, const char* many) {
  return grouped(count) + " " + (count == 1 ? one : many);
}

std::string heading(const Json& response, Unit unit) {
  const Json& model = response.at("model");
  std::string name = text_of(model, "name");
  if (name.empty()) name = text_of(model, "id");
  const Json& cache = response.at("kv_cache");
  const std::string k = text_of(cache, "k"), v = text_of(cache, "v");
  std::string text = Colour::bold(name.empty() ? "A model without a name" : printable(name));
  if (model.value("parameters", Json()).is_number()) {
    text += ", " + number_text(std::round(model.at("parameters").get<double>() / 1e7) / 100) + "B parameters";
  }
  text += "\n" + text_of(response.at("weights"), "name") + " weights, " + (k == v ? k : k + ":" + v) + " cache, " +
          count_of(response.at("context").get<std::int64_t>(), "token", "tokens") + " of context, " +
          count_of(response.at("sequences").get<std::int64_t>(), "sequence", "sequences") + ", " +
          text_of(response.at("engine"), "name") + "\n";
  const Json gpu = response.value("gpu", Json());
  if (gpu.is_object()) {
    const std::string size = gib_text(gpu.at("memory_bytes").get<std::int64_t>(), unit);
    const bool known = !text_of(gpu, "id").empty();
    text += gpu.at("count").dump() + "x " + (known ? printable(text_of(gpu, "name")) + ", " + size : "GPU of " + size) +
            "\n";
  };
  return text;
}

// Which entries are alive in the device's fullest stage: the others do not add up with them.
bool at_peak(const Json& entry, const std::string& stage) {
  const Json& stages = entry.at("stages");
  return std::find(stages.begin(), stages.end(), stage) != stages.end();
}

std::string device_table(const Json& response, const Json& peak, const std::string& title, const ReportStyle& style) {
  const std::string device = text_of(peak, "device"), stage = text_of(peak, "stage");
  const Json gpu = response.value("gpu", Json());
  const bool on_gpu = device.starts_with("gpu:");
  const std::int64_t capacity = on_gpu && gpu.is_object() ? gpu.at("memory_bytes").get<std::int64_t>() : 0;
  const std::int64_t whole = std::max(capacity, expected(peak.at("bytes")));
  Table table({Align::left, Align::right, Align::left, Align::left});
  bool elsewhere = false;
  const auto line = [&](const std::string& label, const Json& bytes, const std::string& note) {
    const double share = whole > 0 ? static_cast<double>(expected(bytes)) / static_cast<double>(whole) : 0;
    table.row({label, gib_text(expected(bytes), style.unit), range_text(bytes, style.unit) + note,
               style.bars ? bar(share, kBarColumns) : ""});
  };
  for (const Json& entry : response.at("ledger").at("entries")) {
    if (text_of(entry, "device") != device) continue;
    const bool counts = at_peak(entry, stage);
    elsewhere = elsewhere || !counts;
    line(printable(text_of(entry, "label")), entry.at("bytes"), counts ? "" : " *");
  }
  table.rule();
  line("Peak (" + stage + ")", peak.at("bytes"), "");
  if (capacity > 0) {
    table.row({"Memory of the GPU", gib_text(capacity, style.unit), "", ""});
    const std::int64_t left = capacity - expected(peak.at("bytes"));
    table.row({left < 0 ? "Missing" : "Left", gib_text(std::abs(left), style.unit), "", ""});
  }
  std::string text = "\n" + Colour::bold(title) + "\n" + table.text("  ");
  if (elsewhere) text += "  * not alive at the peak, so not part of it\n";
  return text;
}

// Entries and peak of a device without its name: devices with the same ones share a table.
std::string contents(const Json& response, const Json& peak) {
  std::string text = compact(peak.at("bytes"));
  for (const Json& entry : response.at("ledger").at("entries")) {
    if (entry.at("device") == peak.at("device")) text += "\n" + text_of(entry, "label") + compact(entry.at("bytes"));
  }
  return text;
}

}  // namespace

std::string tables_text(const Json& response, const ReportStyle& style) {
  const Json& peaks = response.at("ledger").at("peaks");
  std::string text;
  for (std::size_t first = 0; first < peaks.size();) {
    const std::string same = contents(response, peaks[first]);
    std::size_t last = first;
    while (last + 1 < peaks.size() && contents(response, peaks[last + 1]) == same) ++last;
    std::string title = title_text(text_of(peaks[first], "device"));
    if (last > first) title += " to " + title_text(text_of(peaks[last], "device")) + ", each";
    text += device_table(response, peaks[first], title, style);
    first = last + 1;
  }
  return text;
}

namespace {

std::string largest_text(const Json& response) {
  std::string text;
  for (const auto& [key, what] : {std::pair{"max_context", "context"}, std::pair{"max_batch", "number of sequences"}}) {
    const Json largest = response.value(key, Json());
    if (!largest.is_object()) continue;
    const std::int64_t value = largest.at("value").get<std::int64_t>();
    const bool context = std::string_view(key) == "max_context";
    const std::string unit = context ? " tokens" : "";
    if (value == 0) {
      text += "Largest " + std::string(what) + ": not even 1 fits\n";
      continue;
    }
    text += "Largest " + std::string(what) + " that fits: " + Colour::bold(grouped(value) + unit);
    if (context && value >= 1024) text += " (" + std::to_string(value / 1024) + " k)";
    if (text_of(largest, "bounded_by") == "limit") text += ", where the search stops";
    const Json within = largest.value("within_model", Json());
    if (within.is_number() && within != largest.at("value"))
      text += "; the model itself ends at " + grouped(within.get<std::int64_t>());
    text += "\n";
  }
  return text;
}

std::string figures_text(const Json& response) {
  const Json figures = response.at("engine").value("figures", Json::array());
  if (figures.empty()) return "";
  Table table({Align::left, Align::right, Align::left});
  for (const Json& figure : figures) {
    table.row({text_of(figure, "name"), number_text(figure.at("number").get<double>()), text_of(figure, "unit")});
  }
  return "\n" + Colour::bold("In the words of " + text_of(response.at("engine"), "name")) + "\n" + table.text("  ");
}

std::string advice_text(const Json& response) {
  const Json advice = response.value("advice", Json());
  if (!advice.is_array() || advice.empty()) return "";
  std::string text = "\nWhere it fits:\n";
  for (const Json& item : advice) text += "  " + printable(text_of(item, "text")) + "\n";
  return text;
}

}  // namespace

std::string verdict_line(const Json& response, Unit unit) {
  const std::string verdict = text_of(response, "verdict");
  if (verdict.empty()) return "No GPU named or found, so no verdict: add --gpu ID or --total-vram-gib N.\n";
  const std::int64_t headroom = response.at("headroom_bytes").get<std::int64_t>();
  if (verdict == "fits") return Colour::green("Fits") + ", " + size_text(headroom, unit) + " to spare.\n";
  if (verdict == "tight") {
    return Colour::yellow("Tight") + ": fits as expected with " + size_text(headroom, unit) +
           " to spare, but not at the upper bound.\n";
  }
  std::string text = Colour::red("Does not fit") + ": " + size_text(-headroom, unit) + " too much";
  const Json first = response.value("first_that_does_not_fit", Json());
  if (first.is_object())
    text +=
        "; the first that finds no room is " + text_of(first, "label") + " on " + title_text(text_of(first, "device"));
  return text + ".\n";
}

std::string warnings_text(const Json& response) {
  std::string text;
  for (const Json& warning : response.value("warnings", Json::array())) {
    text +=
        wrapped(Colour::yellow("note:") + " " + printable(text_of(warning, "message")), terminal_columns(), "      ") +
        "\n";
  }
  return text;
}

std::string references_text(const Json& response, Unit unit) {
  const Json references = response.value("references", Json());
  if (!references.is_array() || references.empty()) return "";
  std::string text = "\nWhat other formulas say:\n";
  for (const Json& reference : references) {
    text += "  " + text_of(reference, "name") + ": " + gib_text(reference.at("total_bytes").get<std::int64_t>(), unit);
    std::string parts;
    for (const auto& [part, bytes] : reference.at("parts").items()) {
      if (bytes != 0) parts += (parts.empty() ? "" : ", ") + part + " " + gib_text(bytes.get<std::int64_t>(), unit);
    }
    text += (parts.empty() ? "" : " (" + parts + ")") + "\n";
    const std::string note = text_of(reference, "note");
    if (!note.empty()) text += "    " + wrapped(printable(note), terminal_columns() - 4, "    ") + "\n";
  }
  return text;
}

std::string report(const Json& response, const ReportStyle& style) {
  std::string text = heading(response, style.unit) + tables_text(response, style) + "\n" +
                     verdict_line(response, style.unit) + largest_text(response) + figures_text(response) +
                     advice_text(response) + references_text(response, style.unit);
  if (const std::string notes = warnings_text(response); !notes.empty()) text += "\n" + notes;
  if (style.explain) text += explanation(response, style.unit);
  return text;
}

}  // namespace vram::cli
