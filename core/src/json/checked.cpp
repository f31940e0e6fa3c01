#include "json/checked.hpp"

#include <algorithm>
#include <cmath>

namespace vram {
namespace {

constexpr std::size_t kLongestRequest = 8u << 20;  // bytes
constexpr int kDeepest = 64;                       // levels
constexpr std::size_t kShownCharacters = 80;

// Levels of nesting, without parsing: cheap and safe on anything.
int nesting_depth(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

std::string dumped(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Cuts at a character boundary.
std::string shortened(std::string text) {
  if (text.size() <= kShownCharacters) return text;
  std::size_t end = kShownCharacters - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  text.resize(end);
  return text + "...";
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

std::string number_text(double number) {
  return number == std::floor(number) && std::fabs(number) < 9e15 ? std::to_string(static_cast<std::int64_t>(number))
                                                                  : dumped(Json(number));
}

template <class T>
std::string range_text(const char* what, T low, T high) {
  return std::string(what) + " from " + number_text(static_cast<double>(low)) + " to " +
         number_text(static_cast<double>(high));
}

}  // namespace

std::string shown(const Json& value) {
  if (value.is_object()) return value.empty() ? "{}" : "{...}";
  if (value.is_array()) return value.empty() ? "[]" : "[...]";
  if (value.is_string() && value.get_ref<const std::string&>().size() > 4 * kShownCharacters) {
    return shortened(dumped(Json(value.get_ref<const std::string&>().substr(0, 4 * kShownCharacters))));
  }
  return shortened(dumped(value));
}

void refuse(std::string path, std::string message, std::string value, std::string expected) {
  throw BadInput{{std::move(path), std::move(message), std::move(value), std::move(expected)}};
}

Json parse_json(std::string_view text, std::string_view path) {
  const std::string where(path);
  if (text.size() > kLongestRequest) {
    refuse(where, "this JSON is too long", "", "at most 8388608 bytes (8 MiB)");
  }
  if (nesting_depth(text) > kDeepest) refuse(where, "this JSON is nested too deeply", "", "at most 64 levels");
  try {
    return Json::parse(text);
  } catch (const Json::exception& problem) {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: ..." -> from "parse error" on
    std::string what = problem.what();
    const std::size_t start = what.find("] ");
    if (start != std::string::npos) what.erase(0, start + 2);
    // The text may quote the input's own bytes: dump and parse again to make it valid UTF-8.
    refuse(where, "not valid JSON: " + Json::parse(dumped(Json(what))).get<std::string>(), "", "a JSON object");
  }
}

ObjectReader::ObjectReader(const Json& object, std::string path) : object_(&object), path_(std::move(path)) {
  if (!object.is_object()) refuse(path_, "this must be an object", shown(object), "an object {...}");
}

const Json* ObjectReader::find(std::string_view key) const {
  const auto at = object_->find(key);
  return at == object_->end() || at->is_null() ? nullptr : &*at;
}

std::string ObjectReader::path_of(std::string_view key) const {
  std::string path = path_ + "/";
  for (const char c : key) {
    if (c == '~') {
      path += "~0";
    } else if (c == '/') {
      path += "~1";
    } else {
      path += c;
    }
  }
  return path;
}

std::int64_t ObjectReader::integer(std::string_view key, std::int64_t low, std::int64_t high) const {
  const Json* value = find(key);
  const std::string expected = range_text("a whole number", low, high);
  if (value == nullptr) refuse(path_of(key), std::string(key) + " is missing", "", expected);
  std::int64_t number = 0;
  bool valid = false;
  if (value->is_number_unsigned()) {
    const auto u = value->get<std::uint64_t>();
    valid = u <= static_cast<std::uint64_t>(INT64_MAX);
    number = valid ? static_cast<std::int64_t>(u) : 0;
  } else if (value->is_number_integer()) {
    number = value->get<std::int64_t>();
    valid = true;
  } else if (value->is_number_float()) {
    const double real = value->get<double>();
    valid = std::fabs(real) < 9.0e15 && real == std::floor(real);
    number = valid ? static_cast<std::int64_t>(real) : 0;
  }
  if (!valid) refuse(path_of(key), std::string(key) + " must be a whole number", shown(*value), expected);
  if (number < low || number > high) refuse(path_of(key), std::string(key) + " is out of range", shown(*value), expected);
  return number;
}

std::int64_t ObjectReader::integer_or(std::string_view key, std::int64_t low, std::int64_t high,
                                      std::int64_t fallback) const {
  return has(key) ? integer(key, low, high) : fallback;
}

double ObjectReader::number(std::string_view key, double low, double high) const {
  const Json* value = find(key);
  const std::string expected = range_text("a number", low, high);
  if (value == nullptr) refuse(path_of(key), std::string(key) + " is missing", "", expected);
  if (!value->is_number()) refuse(path_of(key), std::string(key) + " must be a number", shown(*value), expected);
  const double number = value->get<double>();
  if (!(number >= low && number <= high)) {
    refuse(path_of(key), std::string(key) + " is out of range", shown(*value), expected);
  }
  return number;
}

double ObjectReader::number_or(std::string_view key, double low, double high, double fallback) const {
  return has(key) ? number(key, low, high) : fallback;
}

bool ObjectReader::boolean_or(std::string_view key, bool fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) refuse(path_of(key), std::string(key) + " must be true or false", shown(*value), "true or false");
  return value->get<bool>();
}

std::string ObjectReader::string(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) refuse(path_of(key), std::string(key) + " is missing", "", "a text");
  if (!value->is_string()) refuse(path_of(key), std::string(key) + " must be a text", shown(*value), "a text");
  return value->get<std::string>();
}

std::string ObjectReader::string_or(std::string_view key, std::string_view fallback) const {
  return has(key) ? string(key) : std::string(fallback);
}

std::string_view ObjectReader::first_of(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    if (has(key)) return key;
  }
  return {};
}

void ObjectReader::only(std::initializer_list<std::string_view> known) const {
  for (const auto& [key, value] : object_->items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string expected;
    std::string_view nearest;
    std::size_t best = key.size() > 64 ? 0 : std::max<std::size_t>(3, key.size() / 2);
    for (const std::string_view candidate : known) {
      if (!expected.empty()) expected += ", ";
      expected += candidate;
      const std::size_t distance = key.size() > 64 ? 64 : edit_distance(key, candidate);
      if (distance < best) {
        best = distance;
        nearest = candidate;
      }
    }
    std::string message = "unknown key " + shown(Json(key));
    if (!nearest.empty()) message += "; did you mean \"" + std::string(nearest) + "\"?";
    refuse(path_of(key.size() > 64 ? std::string_view(key).substr(0, 64) : std::string_view(key)), std::move(message),
           shown(value), expected.empty() ? "no keys" : "one of: " + expected);
  }
}

}  // namespace vram
