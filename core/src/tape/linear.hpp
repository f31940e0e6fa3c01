// Sizes as numbers, and sizes as straight lines: the same allocator can be asked about one graph, or about all graphs
// that differ in the length of one dimension.
#pragma once

#include <algorithm>
#include <cstdint>

#include "vram/bytes.hpp"

namespace vram {

// Sizes are numbers. Comparing them tells nothing beyond the answer.
struct ExactSizes {
  using Size = Bytes;
  static Bytes constant(Bytes bytes) { return bytes; }
  bool less(Bytes a, Bytes b) const { return a < b; }
  bool equal(Bytes a, Bytes b) const { return a == b; }
  Bytes rounded_up(Bytes size, Bytes alignment) const { return (size + alignment - 1) & ~(alignment - 1); }
};

// `at` + `slope` * t.
struct Line {
  Bytes at = 0;
  Bytes slope = 0;
  friend Line operator+(Line a, Line b) { return {a.at + b.at, a.slope + b.slope}; }
  friend Line operator-(Line a, Line b) { return {a.at - b.at, a.slope - b.slope}; }
  Line& operator+=(Line b) { return *this = *this + b; }
  Line& operator-=(Line b) { return *this = *this - b; }
  friend bool operator==(const Line&, const Line&) = default;
};

// Sizes are lines in t, compared at t = 0. Every comparison narrows the range of t to where it has the same outcome: a
// replay that has made its comparisons once is the replay for every t in that range.
class LineSizes {
 public:
  using Size = Line;
  static Line constant(Bytes bytes) { return {bytes, 0}; }

  // The range of t, always with 0 in it.
  std::int64_t low() const { return low_; }
  std::int64_t high() const { return high_; }

  bool less(Line a, Line b) {
    const Line gap = b - a;
    const bool yes = gap.at > 0;
    if (gap.slope != 0) yes ? stays_positive(gap) : stays_positive({1 - gap.at, -gap.slope});
    return yes;
  }

  bool equal(Line a, Line b) {
    const Line gap = b - a;
    if (gap.at == 0) {
      if (gap.slope != 0) low_ = high_ = 0;
      return true;
    }
    if (gap.slope != 0) stays_positive(gap.at > 0 ? gap : Line{-gap.at, -gap.slope});
    return false;
  }

  Line rounded_up(Line size, Bytes alignment) {
    if (size.slope % alignment != 0) low_ = high_ = 0;
    return {(size.at + alignment - 1) & ~(alignment - 1), size.slope};
  }

 private:
  // at > 0; the range shrinks to where at + slope * t > 0.
  void stays_positive(Line gap) {
    const std::int64_t reach = gap.slope == 0 ? high_ : (gap.at - 1) / (gap.slope < 0 ? -gap.slope : gap.slope);
    if (gap.slope < 0) high_ = std::min(high_, reach);
    if (gap.slope > 0) low_ = std::max(low_, -reach);
  }

  std::int64_t low_ = -(std::int64_t{1} << 32);
  std::int64_t high_ = std::int64_t{1} << 32;
};

}  // namespace vram
