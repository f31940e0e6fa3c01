#include "numbers.hpp"

#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "problem.hpp"

namespace vram::cli {
namespace {

// Nothing but what a decimal number is made of: keeps strtod from reading "nan", "inf" and "0x10".
bool looks_decimal(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789+-.eE") == text.npos &&
         text.find_first_of("0123456789") != text.npos;
}

Json parsed(const std::string& text) {
  if (!looks_decimal(text)) return nullptr;
  char* end = nullptr;
  errno = 0;
  const long long whole = std::strtoll(text.c_str(), &end, 10);
  if (*end == '\0' && errno == 0) return whole;
  const double number = std::strtod(text.c_str(), &end);
  if (*end != '\0' || !std::isfinite(number)) return nullptr;
  return number;
}

Json times_1024(const Json& number) { return number.get<double>() * 1024; }

}  // namespace

Json number_of(const std::string& text, const std::string& flag) {
  Json number = parsed(text);
  if (number.is_null()) throw Problem{flag, "not a number", text, "a decimal number such as 8 or 0.5"};
  return number;
}

Json kilo_tokens_of(const std::string& text, const std::string& flag) {
  const Json tokens = times_1024(number_of(text, flag));
  if (std::floor(tokens.get<double>()) != tokens.get<double>()) {
    throw Problem{flag, "not a whole number of tokens", text, "a number whose 1024-fold is whole, such as 8 or 0.5"};
  }
  return std::fabs(tokens.get<double>()) < 9e15 ? Json(tokens.get<std::int64_t>()) : tokens;
}

Json tokens_of(const std::string& text, const std::string& flag) {
  const bool kilo = text.ends_with('k') || text.ends_with('K');
  if (kilo) return kilo_tokens_of(text.substr(0, text.size() - 1), flag);
  Json number = parsed(text);
  if (number.is_null())
    throw Problem{flag, "not a number of tokens", text, "a number such as 8192, or 8k for 8 x 1024"};
  return number;
}

Json value_of(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  Json number = parsed(text);
  return number.is_null() ? Json(text) : number;
}

std::pair<std::string, std::string> name_and_value(const std::string& text, const std::string& flag) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos || equals == 0)
    throw Problem{flag, "not of the form name=value", text, "for instance n_ubatch=1024"};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace vram::cli
