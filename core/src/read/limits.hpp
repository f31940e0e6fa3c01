// The largest model that is read.
#pragma once

#include <cstdint>
#include <string>

#include "json/checked.hpp"
#include "vram/bytes.hpp"

namespace vram::read {

inline constexpr std::int64_t kMaxParameters = 1'000'000'000'000'000;  // 1e15: 200 times the largest model known

// total + more, refused above kMaxParameters.
inline std::int64_t checked_total(std::int64_t total, std::int64_t more, const std::string& path) {
  total = add(total, more);
  if (total > kMaxParameters) {
    refuse(path, "this model has more than 1e15 parameters", "", "sizes of a model that exists");
  }
  return total;
}

}  // namespace vram::read
