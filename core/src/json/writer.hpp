// Writes JSON text straight into one string, in the order of the calls. Internal to api/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vram {

// Preconditions: calls form one valid JSON value (keys only in objects, every begin has its end),
// texts are valid UTF-8, numbers are finite.
class JsonWriter {
 public:
  explicit JsonWriter(std::size_t reserve_bytes) { out_.reserve(reserve_bytes); }

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth) { return raw(truth ? "true" : "false"); }
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(int number) { return value(std::int64_t{number}); }
  // Whole numbers below 2^53 are written as integers, others as the shortest text that reads back the same.
  JsonWriter& value(double number);
  JsonWriter& null() { return raw("null"); }
  // A piece of JSON text, as it stands.
  JsonWriter& raw(std::string_view json);

  template <class T>
  JsonWriter& field(std::string_view name, T content) {
    return key(name).value(content);
  }

  std::string take() { return std::move(out_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string out_;
  bool first_ = true;  // nothing stands before the next value on its level, or its key has just been written
};

}  // namespace vram
