// How far estimates were from what was measured, and what interval follows. One row per engine and term, fitted by
// tests/accuracy/fit_intervals.mjs on the records of tests/accuracy/data; core/data/residuals.json holds them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "vram/ledger.hpp"

namespace vram {

struct Residual {
  std::string_view id;      // "vllm/graphs": engine / term; entries of one row err together
  std::string_view engine;  // name_of(engine); "*": every engine whose overheads come from a built-in profile
  Kinds kinds;              // of the entries it is about
  enum class Of : std::uint8_t {
    entries,  // each entry: bounds are shares of what is expected
    sum,      // the sum of all of them on one device, whatever each of them says
    left      // what a server finds left for its cache: bounds are shares of the GPU's memory, added
  };
  Of of = Of::entries;
  double low = 1;            // measured / expected at the lower end, at most 1 (left: at most 0)
  double high = 1;           // at least 1 (left: at least 0)
  std::int32_t records = 0;  // figures it was fitted on
  Bytes from = 0;            // expected bytes of the smallest and largest of them: the interval widens outside
  Bytes to = 0;
  std::string_view source;  // the set of records
};

std::span<const Residual> built_in_residuals();

// low <= expected <= high. Inside from..to the row's own shares; outside, they widen with the distance up to fourfold.
// Both bounds never fall while `expected` grows.
Interval spread(const Residual& residual, Bytes expected);

// Gives every entry that a row is about its interval and its number of records, and the ledger the rows about sums.
// An entry marked `assumed` keeps its interval where that is wider.
void apply(std::span<const Residual> residuals, std::string_view engine, bool built_in_profile, Ledger& ledger);

}  // namespace vram
