// "profile": "auto", an id, or a row in the form of core/data/profiles.json.
#include <cmath>

#include "api/request.hpp"
#include "vram/catalogue.hpp"

namespace vram {
namespace {

constexpr double kLargestMib = 1e9;

Bytes mib(const ObjectReader& reader, std::string_view key, Bytes fallback) {
  if (!reader.has(key)) return fallback;
  return static_cast<Bytes>(std::llround(reader.number(key, 0, kLargestMib) * static_cast<double>(kMiB)));
}

void check_order(const ObjectReader& reader, std::string_view key, Bytes low, Bytes expected, Bytes high) {
  if (low <= expected && expected <= high) return;
  refuse(reader.path_of(key), "the bounds of " + std::string(key) + " must be in order", "", "low <= expected <= high");
}

std::vector<std::string> texts(const ObjectReader& reader, std::string_view key) {
  std::vector<std::string> result;
  const Json* list = reader.find(key);
  if (list == nullptr) return result;
  if (!list->is_array())
    refuse(reader.path_of(key), std::string(key) + " must be a list", shown(*list), "a list of texts");
  for (const Json& item : *list) {
    if (!item.is_string())
      refuse(reader.path_of(key), std::string(key) + " must hold texts", shown(item), "a list of texts");
    result.push_back(item.get<std::string>());
  }
  return result;
}

ProfileRule read_rule(const ObjectReader& row) {
  ProfileRule rule;
  const Json* json = row.find("applies_to");
  if (json == nullptr) return rule;
  const ObjectReader reader(*json, row.path_of("applies_to"));
  reader.only({"automatic", "vendor", "architecture", "form_factor", "memory_gib_min", "memory_gib_max", "count_min",
               "count_max"});
  rule.automatic = reader.boolean_or("automatic", true);
  rule.vendor = texts(reader, "vendor");
  rule.architecture = texts(reader, "architecture");
  rule.form_factor = texts(reader, "form_factor");
  rule.memory_gib_min = reader.number_or("memory_gib_min", 0, 1e6, 0);
  rule.memory_gib_max = reader.number_or("memory_gib_max", 0, 1e6, 0);
  rule.count_min = static_cast<int>(reader.integer_or("count_min", 0, 64, 0));
  rule.count_max = static_cast<int>(reader.integer_or("count_max", 0, 64, 0));
  return rule;
}

ProfileRow read_profile_row(const Json& row, const std::string& path) {
  const ObjectReader reader(row, path);
  reader.only({"id", "name", "description", "runtime_context_low_mib", "runtime_context_mib",
               "runtime_context_high_mib", "framework_low_mib", "framework_mib", "framework_high_mib",
               "display_reserve_low_mib", "display_reserve_mib", "display_reserve_high_mib", "fragmentation_factor",
               "applies_to", "source"});
  ProfileRow result;
  OverheadProfile& p = result.profile;
  p.id = reader.string_or("id", "custom");
  p.name = reader.string_or("name", p.id);
  p.description = reader.string_or("description", "");
  p.runtime_context = mib(reader, "runtime_context_mib", 0);
  p.runtime_context_low = mib(reader, "runtime_context_low_mib", p.runtime_context);
  p.runtime_context_high = mib(reader, "runtime_context_high_mib", p.runtime_context);
  p.framework = mib(reader, "framework_mib", 0);
  p.framework_low = mib(reader, "framework_low_mib", p.framework);
  p.framework_high = mib(reader, "framework_high_mib", p.framework);
  p.display_reserve = mib(reader, "display_reserve_mib", 0);
  p.display_reserve_low = mib(reader, "display_reserve_low_mib", p.display_reserve);
  p.display_reserve_high = mib(reader, "display_reserve_high_mib", p.display_reserve);
  p.fragmentation_factor = reader.number_or("fragmentation_factor", 1, 4, 1);
  p.source = reader.string_or("source", "given by the caller");
  check_order(reader, "runtime_context_mib", p.runtime_context_low, p.runtime_context, p.runtime_context_high);
  check_order(reader, "framework_mib", p.framework_low, p.framework, p.framework_high);
  check_order(reader, "display_reserve_mib", p.display_reserve_low, p.display_reserve, p.display_reserve_high);
  result.rule = read_rule(reader);
  return result;
}

// The built-in rows, read once: they never change.
const std::vector<ProfileRow>& built_in_profiles() {
  static const std::vector<ProfileRow> rows = [] {
    std::vector<ProfileRow> result;
    for (const CatalogueRow& row : profile_rows()) {
      result.push_back(read_profile_row(parse_own(row.json), "/profiles/" + std::string(row.id)));
      result.back().profile.built_in = true;
    }
    return result;
  }();
  return rows;
}

}  // namespace

const OverheadProfile& Profiles::operator()(const Machine& machine) const {
  if (fixed) return fixed->profile;
  for (const ProfileRow& row : own) {
    if (applies(row.rule, machine)) return row.profile;
  }
  for (const ProfileRow& row : built_in_profiles()) {
    if (applies(row.rule, machine)) return row.profile;
  }
  static const OverheadProfile none;
  return none;
}

Profiles read_profiles(const ObjectReader& request, const CallerRows& rows) {
  Profiles profiles;
  if (rows.profiles != nullptr) {
    for (std::size_t i = 0; i < rows.profiles->size(); ++i) {
      const Json& row = (*rows.profiles)[i];
      profiles.own.push_back(read_profile_row(row, path_at("/rows/profiles", i)));
      // A caller's row without a rule is there to be named, not to be chosen for every machine.
      if (!row.contains("applies_to")) profiles.own.back().rule.automatic = false;
    }
  }
  const Json* json = request.find("profile");
  if (json == nullptr || *json == "auto") return profiles;
  if (json->is_object()) {
    profiles.fixed = read_profile_row(*json, "/profile");
    return profiles;
  }
  if (!json->is_string())
    refuse("/profile", "profile must be a text or an object", shown(*json), "\"auto\", an id, or a profile {...}");
  const auto& id = json->get_ref<const std::string&>();
  std::vector<std::string_view> known{"auto"};
  const std::vector<ProfileRow>* const lists[] = {&profiles.own, &built_in_profiles()};
  for (const auto* list : lists) {
    for (const ProfileRow& row : *list) {
      if (row.profile.id == id) {
        profiles.fixed = row;
        return profiles;
      }
      known.push_back(row.profile.id);
    }
  }
  refuse("/profile", "no profile has this id" + did_you_mean(id, known), shown(*json),
         "\"auto\", an id (op \"profiles\"), or a profile {...}");
}

}  // namespace vram
