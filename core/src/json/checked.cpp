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

// Python's json module writes Infinity, -Infinity and NaN, which JSON has not (time_step_limit of Mamba configs).
// They become texts, so that a field that wants a number refuses them by name; everything else stays as it is.
std::string without_python_numbers(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string_view word;
    if (!in_string) {
      for (const std::string_view candidate : {"-Infinity", "Infinity", "NaN"}) {
        if (word.empty() && text.substr(i).starts_with(candidate)) word = candidate;
      }
    }
    if (!word.empty()) {
      result.append("\"").append(word).append("\"");
      i += word.size() - 1;
      continue;
    }
    result += text[i];
    if (in_string && text[i] == '\\' && i + 1 < text.size()) {
      result += text[++i];
    } else if (text[i] == '"') {
      in_string = !in_string;
    }
  }
  return result;
}

// Cuts at a character boundary.
std::string shortened(std::string_view text) {
  if (text.size() <= kShownCharacters) return std::string(text);
  std::size_t end = kShownCharacters - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  return std::string(text.substr(0, end)) + "...";
}

// Lower case, without separators: how ids are compared when somebody mistyped one.
std::string folded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '-' || c == '_' || c == ' ' || c == '.') continue;
    result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return result;
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
  if (value.is_string()) return dumped(Json(shortened(value.get_ref<const std::string&>())));
  return dumped(value);
}

std::string_view nearest_of(std::string_view typed, const std::vector<std::string_view>& candidates) {
  if (typed.empty() || typed.size() > 64) return {};
  const std::string wanted = folded(typed);
  std::string_view nearest;
  // "rtx-3060" means "rtx-3060-12gb", though "rtx-3070" is fewer letters away.
  for (const std::string_view candidate : candidates) {
    if (wanted.size() >= 3 && folded(candidate).compare(0, wanted.size(), wanted) == 0) return candidate;
  }
  std::size_t best = std::max<std::size_t>(2, wanted.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(wanted, folded(candidate));
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string_view>& candidates) {
  const std::string_view nearest = nearest_of(typed, candidates);
  return nearest.empty() ? "" : "; did you mean \"" + std::string(nearest) + "\"?";
}

std::string path_at(std::string_view path, std::size_t index) {
  return std::string(path) + "/" + std::to_string(index);
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
    return parse_own(text);
  } catch (const Json::exception& problem) {
    if (text.find("Infinity") != text.npos || text.find("NaN") != text.npos) {
      try {
        return parse_own(without_python_numbers(text));
      } catch (const Json::exception&) {  // the first error is the one to report
      }
    }
    // "[json.exception.parse_error.101] parse error at line 1, column 5: ..." -> from "parse error" on
    std::string what = problem.what();
    const std::size_t start = what.find("] ");
    if (start != std::string::npos) what.erase(0, start + 2);
    // The text may quote the input's own bytes: dump and parse again to make it valid UTF-8.
    refuse(where, "not valid JSON: " + parse_own(dumped(Json(what))).get<std::string>(), "", "a JSON object");
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
  const auto expected = [&] { return range_text("a whole number", low, high); };
  if (value == nullptr) refuse(path_of(key), std::string(key) + " is missing", "", expected());
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
  if (!valid) refuse(path_of(key), std::string(key) + " must be a whole number", shown(*value), expected());
  if (number < low || number > high) {
    refuse(path_of(key), std::string(key) + " is out of range", shown(*value), expected());
  }
  return number;
}

std::int64_t ObjectReader::integer_or(std::string_view key, std::int64_t low, std::int64_t high,
                                      std::int64_t fallback) const {
  return has(key) ? integer(key, low, high) : fallback;
}

double ObjectReader::number(std::string_view key, double low, double high) const {
  const Json* value = find(key);
  const auto expected = [&] { return range_text("a number", low, high); };
  if (value == nullptr) refuse(path_of(key), std::string(key) + " is missing", "", expected());
  if (!value->is_number()) refuse(path_of(key), std::string(key) + " must be a number", shown(*value), expected());
  const double number = value->get<double>();
  if (!(number >= low && number <= high)) {
    refuse(path_of(key), std::string(key) + " is out of range", shown(*value), expected());
  }
  return number;
}

double ObjectReader::number_or(std::string_view key, double low, double high, double fallback) const {
  return has(key) ? number(key, low, high) : fallback;
}

bool ObjectReader::boolean_or(std::string_view key, bool fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean())
    refuse(path_of(key), std::string(key) + " must be true or false", shown(*value), "true or false");
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

std::size_t ObjectReader::choice_or(std::string_view key, std::initializer_list<std::string_view> names,
                                    std::size_t fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  std::string expected;
  for (const std::string_view name : names) expected += (expected.empty() ? "one of: " : ", ") + std::string(name);
  if (!value->is_string()) refuse(path_of(key), std::string(key) + " must be a text", shown(*value), expected);
  const auto& typed = value->get_ref<const std::string&>();
  const auto at = std::find(names.begin(), names.end(), typed);
  if (at == names.end()) {
    refuse(path_of(key), "unknown " + std::string(key) + did_you_mean(typed, names), shown(*value), expected);
  }
  return static_cast<std::size_t>(at - names.begin());
}

void ObjectReader::only(std::initializer_list<std::string_view> known) const {
  for (const auto& [key, value] : object_->items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string expected;
    for (const std::string_view candidate : known)
      expected += (expected.empty() ? "one of: " : ", ") + std::string(candidate);
    refuse(path_of(shortened(key)), "unknown key " + shown(Json(key)) + did_you_mean(key, known), shown(value),
           expected.empty() ? "no keys" : expected);
  }
}

}  // namespace vram
