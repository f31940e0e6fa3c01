// A value or the reason there is none. Stands in for std::expected (absent from clang 14).
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace vram {

// Why a request was refused. Every text is meant for the person who typed the value.
struct Error {
  std::string path;      // JSON pointer into the request, e.g. "/model/config/num_attention_heads"
  std::string message;   // one sentence
  std::string value;     // the offending value as JSON text, shortened; empty when there is none
  std::string expected;  // what would be valid; empty when the message says it
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // Precondition of value(), * and ->: ok(). Precondition of error(): !ok().
  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace vram
