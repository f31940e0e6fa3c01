#include "read/file/json_scan.hpp"

#include <cstring>

namespace vram::read {
namespace {

constexpr int kDeepest = 64;

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// True when none of eight characters is a quote, a backslash or a control character; may be false although none is.
bool eight_plain(const char* at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  std::uint64_t v;
  std::memcpy(&v, at, sizeof v);
  const std::uint64_t quote = v ^ (kOnes * '"'), backslash = v ^ (kOnes * '\\');
  const std::uint64_t found =
      ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | ((v - kOnes * 0x20) & ~v);
  return (found & kHigh) == 0;
}

}  // namespace

void JsonScan::space() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
    ++at_;
  }
}

void JsonScan::expect(char c) {
  space();
  if (at_ >= text_.size() || text_[at_] != c) {
    fail(c == '{' ? "an object is expected" : c == '[' ? "a list is expected" : "the text is malformed");
  }
  ++at_;
}

char JsonScan::peek() {
  space();
  if (at_ >= text_.size()) fail("the text ends early");
  return text_[at_];
}

bool JsonScan::next_key(bool& first, std::string_view& key) {
  if (peek() == '}') {
    ++at_;
    return false;
  }
  if (!first) expect(',');
  first = false;
  key = text();
  expect(':');
  return true;
}

bool JsonScan::next_element(bool& first) {
  if (peek() == ']') {
    ++at_;
    return false;
  }
  if (!first) expect(',');
  first = false;
  return true;
}

std::string_view JsonScan::text() {
  if (peek() != '"') fail("a text is expected");
  const std::size_t begin = ++at_;
  while (text_.size() - at_ >= 8 && eight_plain(text_.data() + at_)) at_ += 8;
  while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\') {
    if (static_cast<unsigned char>(text_[at_]) < 0x20) fail("a control character stands in a text");
    ++at_;
  }
  if (at_ >= text_.size()) fail("a text does not end");
  if (text_[at_] == '"') return text_.substr(begin, at_++ - begin);

  unescaped_.assign(text_.substr(begin, at_ - begin));
  const auto hex = [&] {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ >= text_.size()) fail("a text does not end");
      const char c = text_[at_];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("an escape in a text is malformed");
      code = 16 * code + static_cast<std::uint32_t>(digit);
    }
    return code;
  };
  while (true) {
    if (at_ >= text_.size()) fail("a text does not end");
    const char c = text_[at_++];
    if (c == '"') return unescaped_;
    if (static_cast<unsigned char>(c) < 0x20) fail("a control character stands in a text");
    if (c != '\\') {
      unescaped_ += c;
      continue;
    }
    if (at_ >= text_.size()) fail("a text does not end");
    const char kind = text_[at_++];
    constexpr std::string_view kinds = "\"\\/bfnrt", stand_for = "\"\\/\b\f\n\r\t";
    if (const std::size_t known = kinds.find(kind); known != kinds.npos) {
      unescaped_ += stand_for[known];
    } else if (kind == 'u') {
      std::uint32_t code = hex();
      if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
        at_ += 2;
        const std::uint32_t low = hex();
        if (low < 0xDC00 || low > 0xDFFF) fail("an escape in a text is malformed");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else if (code >= 0xD800 && code < 0xE000) {
        fail("an escape in a text is malformed");
      }
      append_utf8(unescaped_, code);
    } else {
      fail("an escape in a text is malformed");
    }
  }
}

std::int64_t JsonScan::whole_number() {
  peek();
  const std::size_t begin = at_;
  std::int64_t value = 0;
  while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
    if (value >= (std::int64_t{1} << 62) / 10) fail("a number is out of range");
    value = 10 * value + (text_[at_++] - '0');
  }
  if (at_ == begin || (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E'))) {
    at_ = begin;
    fail("a whole number that is not negative is expected");
  }
  return value;
}

void JsonScan::skip() {
  int depth = 0;
  do {
    const char c = peek();
    if (c == '"') {
      text();
    } else if (c == '{' || c == '[') {
      if (++depth > kDeepest) fail("nested more than 64 levels deep");
      ++at_;
    } else if (c == '}' || c == ']') {
      if (--depth < 0) fail("the text is malformed");
      ++at_;
    } else if (c == ',' || c == ':') {
      if (depth == 0) fail("the text is malformed");
      ++at_;
    } else {
      const std::size_t begin = at_;
      while (at_ < text_.size() && std::string_view(",:]}\" \n\r\t[{").find(text_[at_]) == std::string_view::npos)
        ++at_;
      if (at_ == begin) fail("the text is malformed");
    }
  } while (depth > 0);
}

void JsonScan::end() {
  space();
  if (at_ != text_.size()) fail("something follows the end");
}

}  // namespace vram::read
