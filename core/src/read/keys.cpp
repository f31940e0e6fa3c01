#include "read/keys.hpp"

#include <algorithm>

#include "read/known_keys.hpp"

namespace vram::read {

Keys::Keys(const Json& object, std::string path, std::string_view class_defaults)
    : reader_(object, std::move(path)), defaults_(class_defaults.empty() ? Json() : parse_own(class_defaults)) {
  understood_.reserve(object.size());
}

bool Keys::states(std::string_view key) const { return reader_.find(key) != nullptr; }

const Json* Keys::find(std::string_view key) const {
  if (const Json* value = reader_.find(key)) {
    understood_.push_back(value);
    return value;
  }
  if (!defaults_.is_object()) return nullptr;
  const auto at = defaults_.find(key);
  return at == defaults_.end() ? nullptr : &*at;
}

std::string_view Keys::first(Aliases aliases) const {
  std::string_view found;
  for (const std::string_view key : aliases) {
    if (find(key) != nullptr && (found.empty() || (!states(found) && states(key)))) found = key;
  }
  return found;
}

std::int64_t Keys::integer(std::string_view key, std::int64_t low, std::int64_t high) const {
  const Json* value = find(key);
  if (value != nullptr && value->is_number_unsigned()) {
    const auto number = value->get<std::uint64_t>();
    if (number <= static_cast<std::uint64_t>(high) && static_cast<std::int64_t>(number) >= low) {
      return static_cast<std::int64_t>(number);
    }
  }
  return reader_.integer(key, low, high);  // whole floats, and every error
}

std::int64_t Keys::integer_or(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t fallback) const {
  return has(key) ? integer(key, low, high) : fallback;
}

std::int64_t Keys::integer(Aliases aliases, std::int64_t low, std::int64_t high) const {
  const std::string_view key = first(aliases);
  if (key.empty()) return reader_.integer(aliases.front(), low, high);
  const std::int64_t value = integer(key, low, high);
  for (const std::string_view other : aliases) {
    if (other == key || !states(other)) continue;
    if (integer(other, low, high) != value) {
      refuse_at(other, std::string(other) + " and " + std::string(key) + " disagree",
                std::to_string(value) + ", as " + std::string(key) + " says");
    }
  }
  return value;
}

std::int64_t Keys::integer_or(Aliases aliases, std::int64_t low, std::int64_t high, std::int64_t fallback) const {
  return first(aliases).empty() ? fallback : integer(aliases, low, high);
}

double Keys::number_or(std::string_view key, double low, double high, double fallback) const {
  return find(key) != nullptr && states(key) ? reader_.number(key, low, high) : fallback;
}

bool Keys::flag(std::string_view key, bool fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  return value->is_boolean() ? value->get<bool>() : reader_.boolean_or(key, fallback);
}

bool Keys::flag(Aliases aliases, bool fallback) const {
  const std::string_view key = first(aliases);
  return key.empty() ? fallback : flag(key, fallback);
}

std::string Keys::text_or(std::string_view key, std::string_view fallback) const {
  return find(key) != nullptr ? reader_.string_or(key, fallback) : std::string(fallback);
}

const Json* Keys::list(std::string_view key) const {
  const Json* value = find(key);
  if (value != nullptr && !value->is_array()) {
    refuse(path_of(key), std::string(key) + " must be a list", shown(*value), "a list [...]");
  }
  return value;
}

std::int64_t Keys::item(std::string_view key, std::size_t index, std::int64_t low, std::int64_t high) const {
  const Json& items = *list(key);
  const std::string where = path_of(key) + "/" + std::to_string(index);
  if (index >= items.size()) refuse(where, std::string(key) + " is too short");
  const Json& value = items[index];
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number <= static_cast<std::uint64_t>(high) && static_cast<std::int64_t>(number) >= low) {
      return static_cast<std::int64_t>(number);
    }
  }
  refuse(where, "this item of " + std::string(key) + " is not valid", shown(value),
         "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
}

void Keys::refuse_at(std::string_view key, std::string message, std::string expected) const {
  const auto at = reader_.json().find(key);
  refuse(path_of(key), std::move(message), at == reader_.json().end() ? "" : shown(*at), std::move(expected));
}

// Switched off: null, false, 0, "", [] and {} change nothing.
static bool is_off(const Json& value) {
  if (value.is_null() || value == false) return true;
  if (value.is_number()) return value == 0;
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.is_structured() && value.empty();
}

void Keys::report_unread(std::vector<Warning>& warnings) const {
  for (const auto& [key, value] : reader_.json().items()) {
    if (is_off(value) || std::find(understood_.begin(), understood_.end(), &value) != understood_.end()) continue;
    if (!looks_structural(key)) continue;
    if (warnings.size() >= 64) return;  // a hostile config must not blow up the answer
    const std::string_view shortened = std::string_view(key).substr(0, 64);
    warnings.push_back({path_of(shortened),
                        "\"" + std::string(shortened) + "\" is not understood for this model and may change memory"});
  }
}

}  // namespace vram::read
