// Checked reading of JSON objects: every access names its field, states its range, and refuses what does not belong.
// Internal to read/ and api/. Throws BadInput; the public functions turn it into an Error.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "vram/result.hpp"

namespace vram {

using Json = nlohmann::json;

struct BadInput {
  Error error;
};

// Text of a value for an error message: about 80 characters, nested values as "{...}" or "[...]", always valid UTF-8.
// Scalars are valid JSON: a long text is shortened inside its quotes.
std::string shown(const Json& value);

// The text, parsed. Refuses (as BadInput at `path`): more than 8 MiB, nesting deeper than 64 levels, malformed JSON,
// numbers outside the range of double. Python's Infinity and NaN are read as texts.
Json parse_json(std::string_view text, std::string_view path);

// Our own data (catalogue rows, class defaults), parsed; malformed text is a bug. One place, so that the parser's
// templates are compiled, and weigh in the wasm module, once.
Json parse_own(std::string_view text);

[[noreturn]] void refuse(std::string path, std::string message, std::string value = "", std::string expected = "");

// The candidate that `typed` was most likely meant to be; empty when none is near. Ignores case and '-', '_', ' '.
std::string_view nearest_of(std::string_view typed, const std::vector<std::string_view>& candidates);

// `; did you mean "candidate"?`, or nothing.
std::string did_you_mean(std::string_view typed, const std::vector<std::string_view>& candidates);

// JSON pointer of an element: path + "/" + index.
std::string path_at(std::string_view path, std::size_t index);

// A view of one JSON object at a path. Fields that are null count as absent.
class ObjectReader {
 public:
  // Refuses when `object` is no object. Both arguments must outlive the reader.
  ObjectReader(const Json& object, std::string path);

  const Json* find(std::string_view key) const;  // nullptr when absent or null
  bool has(std::string_view key) const { return find(key) != nullptr; }
  std::string path_of(std::string_view key) const;  // JSON pointer, escaped

  // Whole numbers: 8192 and 8192.0 are integers, 8192.7, "8192" and true are not. Range is inclusive.
  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const;
  std::int64_t integer_or(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t fallback) const;
  double number(std::string_view key, double low, double high) const;
  double number_or(std::string_view key, double low, double high, double fallback) const;
  bool boolean_or(std::string_view key, bool fallback) const;
  std::string string(std::string_view key) const;
  std::string string_or(std::string_view key, std::string_view fallback) const;

  // The index of the text in `names`; refuses any other, naming the nearest.
  std::size_t choice_or(std::string_view key, std::initializer_list<std::string_view> names,
                        std::size_t fallback) const;

  // The first of several aliases that is present, or an empty view.
  std::string_view first_of(std::initializer_list<std::string_view> keys) const;

  // Refuses any key that is not in `known`, naming the nearest known one.
  void only(std::initializer_list<std::string_view> known) const;

  const Json& json() const { return *object_; }
  const std::string& path() const { return path_; }

 private:
  const Json* object_;
  std::string path_;
};

}  // namespace vram
