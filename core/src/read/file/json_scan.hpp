// A walk over JSON text that keeps nothing: safetensors headers and shard indices have a hundred thousand entries.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vram::read {

// Every member function throws JsonScan::Broken where the text is no JSON, or not of the kind asked for.
class JsonScan {
 public:
  struct Broken {
    std::size_t at = 0;
    std::string_view what;
  };

  explicit JsonScan(std::string_view text) : text_(text) {}

  // Walks an object: call with `first` true once, then until it returns false. After a true, the key's value follows.
  bool next_key(bool& first, std::string_view& key);
  // Walks an array likewise; after a true, an element follows.
  bool next_element(bool& first);
  void begin_object() { expect('{'); }
  void begin_array() { expect('['); }

  char peek();                  // the first character of the next value
  std::string_view text();      // a string; good until the next call
  std::int64_t whole_number();  // 0 .. 2^62
  void skip();                  // any value, at most 64 levels deep
  void end();                   // nothing but white space follows
  std::size_t position() const { return at_; }

 private:
  void space();
  void expect(char c);
  [[noreturn]] void fail(std::string_view what) const { throw Broken{at_, what}; }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string unescaped_;
};

}  // namespace vram::read
