#include "detect.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <set>
#include <sstream>

#include "border.hpp"
#include "run_program.hpp"
#include "text.hpp"

namespace vram::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kPatienceSeconds = 5;  // nvidia-smi takes one to two seconds where persistence mode is off

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\"");
  if (first == text.npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n\"") - first + 1));
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// A whole count at the start of the text; 0 for "[N/A]" and other words.
std::int64_t count_in(const std::string& text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0) return 0;
  return std::strtoll(text.c_str(), nullptr, 10);
}

// "0x268410DE" (device and vendor, as nvidia-smi prints them) or "0x744c" -> "2684", "744c".
std::string device_id_in(const std::string& text) {
  const std::string id = lower(trimmed(text));
  if (!id.starts_with("0x") || (id.size() != 6 && id.size() != 10)) return "";
  return id.substr(2, 4);
}

std::vector<Detected> ask_nvidia_smi() {
  const auto output = output_of(
      {"nvidia-smi", "--query-gpu=name,memory.total,memory.used,pci.device_id", "--format=csv,noheader,nounits"},
      kPatienceSeconds);
  std::vector<Detected> found;
  std::istringstream lines(output.value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells;
    std::istringstream parts(line);
    for (std::string cell; std::getline(parts, cell, ',');) cells.push_back(trimmed(cell));
    if (cells.size() < 2 || cells[0].empty()) continue;
    cells.resize(4);
    found.push_back({cells[0], "nvidia", device_id_in(cells[3]), count_in(cells[1]), count_in(cells[2])});
  }
  return found;
}

// The field whose name is `name` whatever its case: ROCm writes "Card series" and "Card Series".
std::string field(const Json& card, std::string_view name) {
  for (const auto& [key, value] : card.items()) {
    if (lower(key) == name && value.is_string()) return trimmed(value.get<std::string>());
  }
  return "";
}

std::vector<Detected> ask_rocm_smi() {
  const auto output = output_of({"rocm-smi", "--showproductname", "--showmeminfo", "vram", "--json"}, kPatienceSeconds);
  if (!output) return {};
  // Warnings about cards in a low-power state come before the object.
  const std::size_t start = output->find('{');
  if (start == output->npos) return {};
  const Json cards = Json::parse(output->substr(start), nullptr, false);
  if (!cards.is_object()) return {};
  std::vector<Detected> found;
  for (const auto& [key, card] : cards.items()) {
    if (!key.starts_with("card") || !card.is_object()) continue;
    std::string name = field(card, "card series");
    if (name.empty() || name == "N/A") name = field(card, "device name");
    const std::int64_t mib = 1 << 20;
    found.push_back({name.empty() ? "AMD GPU" : name, "amd", device_id_in(field(card, "card model")),
                     count_in(field(card, "vram total memory (b)")) / mib,
                     count_in(field(card, "vram total used memory (b)")) / mib});
  }
  return found;
}

std::vector<Detected> ask_sysctl() {
  const auto output = output_of({"sysctl", "-n", "machdep.cpu.brand_string", "hw.memsize"}, kPatienceSeconds);
  std::istringstream lines(output.value_or(""));
  std::string name, memory;
  std::getline(lines, name);
  std::getline(lines, memory);
  if (!name.starts_with("Apple")) return {};
  return {{trimmed(name), "apple", "", count_in(memory) >> 20, 0}};
}

// The words of a name that tell one card from another; memory sizes and packaging do not.
std::set<std::string> words_of(std::string_view name) {
  static const std::set<std::string> noise = {
      "nvidia", "amd",  "intel",       "apple",   "geforce",     "tesla",  "gpu",  "generation", "graphics",
      "series", "oam",  "accelerator", "edition", "workstation", "server", "pcie", "sxm",        "sxm2",
      "sxm3",   "sxm4", "sxm5",        "hbm2",    "hbm2e",       "hbm3",   "hbm3e"};
  std::set<std::string> words;
  std::string word;
  int depth = 0;
  const auto finish = [&] {
    const bool size = word.size() > 2 && word.ends_with("gb") && std::isdigit(static_cast<unsigned char>(word[0])) != 0;
    if (!word.empty() && !size && !noise.contains(word)) words.insert(word);
    word.clear();
  };
  for (const char c : name) {
    if (c == '(') ++depth;
    if (c == ')' && depth > 0) --depth;
    if (depth > 0 || std::isalnum(static_cast<unsigned char>(c)) == 0) {
      finish();
    } else {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  finish();
  return words;
}

// What a driver would report for the row; on Apple the machine's memory, as hw.memsize gives it.
double row_mib(const Json& row) {
  const Json ram = row.value("ram_gb", Json());
  if (ram.is_number()) return ram.get<double>() * 1024;
  const Json memory = row.value("memory_mib", Json());
  if (memory.is_number()) return memory.get<double>();
  const Json nominal = row.value("memory_gb", Json());
  return nominal.is_number() ? nominal.get<double>() * 1024 : 0;
}

bool has_device(const Json& row, const std::string& device_id) {
  const Json ids = row.value("pci_ids", Json());
  return !device_id.empty() && ids.is_array() && std::find(ids.begin(), ids.end(), device_id) != ids.end();
}

// "sxm", "pcie", "nvl" or "": cards of one name differ in it.
std::string packaging_of(const std::string& name) {
  const std::string text = lower(name);
  for (const char* packaging : {"sxm", "pcie", "nvl"}) {
    if (text.find(packaging) != text.npos) return packaging;
  }
  return "";
}

// The row whose memory is nearest; among equally near ones, that of the same packaging.
const Json* nearest_memory(const std::vector<const Json*>& rows, const Detected& gpu) {
  const Json* best = nullptr;
  for (const Json* row : rows) {
    const auto distance = [&](const Json& r) {
      const double apart = std::fabs(row_mib(r) - static_cast<double>(gpu.total_mib));
      // Rows of one size differ by what drivers hold back, up to a few percent.
      const bool same_size = apart < 0.05 * static_cast<double>(gpu.total_mib);
      const bool same_packaging = packaging_of(text_of(r, "name")) == packaging_of(gpu.name);
      return std::pair(same_size ? 0.0 : apart, same_packaging ? 0 : 1);
    };
    if (best == nullptr || distance(*row) < distance(*best)) best = row;
  }
  return best;
}

std::string counted(std::size_t count, const Detected& gpu) {
  return std::to_string(count) + "x " + printable(gpu.name);
}

}  // namespace

std::vector<Detected> detect() {
  std::vector<Detected> found = ask_nvidia_smi();
  if (found.empty()) found = ask_rocm_smi();
  if (found.empty()) found = ask_sysctl();
  return found;
}

const Json* catalogue_row(const Detected& gpu, const Json& rows) {
  std::vector<const Json*> same_name, same_device, same_both;
  const std::set<std::string> words = words_of(gpu.name);
  for (const Json& row : rows) {
    if (text_of(row, "vendor") != gpu.vendor) continue;
    const bool name = !words.empty() && words_of(text_of(row, "name")) == words;
    const bool device = has_device(row, gpu.device_id);
    if (name) same_name.push_back(&row);
    if (device) same_device.push_back(&row);
    if (name && device) same_both.push_back(&row);
  }
  return nearest_memory(!same_both.empty() ? same_both : !same_name.empty() ? same_name : same_device, gpu);
}

DetectedMachine detected_machine() {
  const std::vector<Detected> found = detect();
  if (found.empty()) return {};
  struct Group {
    Detected first;
    std::size_t count = 0;
  };
  std::vector<Group> groups;
  for (const Detected& gpu : found) {
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
      return group.first.name == gpu.name && group.first.total_mib == gpu.total_mib;
    });
    if (same == groups.end()) {
      groups.push_back({gpu, 1});
    } else {
      ++same->count;
    }
  }
  const auto total = [](const Group& group) { return group.first.total_mib * static_cast<std::int64_t>(group.count); };
  const Group& best = *std::max_element(groups.begin(), groups.end(),
                                        [&](const Group& a, const Group& b) { return total(a) < total(b); });

  const Json rows = rows_of("gpus");
  const Json* row = catalogue_row(best.first, rows);
  if (row == nullptr && best.first.total_mib == 0) {
    return {nullptr, "found " + counted(best.count, best.first) +
                         ", which the catalogue does not know and which does not tell its memory"};
  }
  DetectedMachine machine;
  Json own = row != nullptr ? *row : Json{{"id", "detected"}, {"name", best.first.name}, {"vendor", best.first.vendor}};
  // The driver's own total beats the catalogue's. On Apple it is the machine's memory, of which a GPU gets a share.
  if (best.first.total_mib > 0 && best.first.vendor != "apple") {
    own["memory_mib"] = best.first.total_mib;
    own["memory_reported"] = true;
  }
  machine.gpu = Json{{"row", std::move(own)}, {"count", best.count}};
  machine.note = "found " + counted(best.count, best.first);
  if (best.first.used_mib > 0) {
    machine.note += " (" + grouped(best.first.used_mib) + " of " + grouped(best.first.total_mib) + " MiB in use now)";
  }
  for (const Group& group : groups) {
    if (&group != &best) machine.note += ", left out " + counted(group.count, group.first);
  }
  return machine;
}

}  // namespace vram::cli
