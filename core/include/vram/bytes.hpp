// Byte counts and the arithmetic on them. Counts are 64-bit and saturate: they never wrap.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>

namespace vram {

using Bytes = std::int64_t;

inline constexpr Bytes kKiB = 1024;
inline constexpr Bytes kMiB = 1024 * kKiB;
inline constexpr Bytes kGiB = 1024 * kMiB;
inline constexpr Bytes kGB = 1'000'000'000;
// Where counts saturate: 2 EiB. The border refuses any request whose ledger reaches 1 EiB.
inline constexpr Bytes kMaxBytes = Bytes{1} << 61;
inline constexpr Bytes kRefusedBytes = Bytes{1} << 60;

// a + b, saturating. Both must lie in [-kMaxBytes, kMaxBytes].
constexpr Bytes add(Bytes a, Bytes b) {
  const Bytes sum = a + b;  // cannot overflow: |a|, |b| <= 2^61
  return sum > kMaxBytes ? kMaxBytes : sum < -kMaxBytes ? -kMaxBytes : sum;
}

// a * b, saturating at kMaxBytes. Both must be >= 0.
constexpr Bytes mul(Bytes a, Bytes b) {
  // Without a division in the usual case: a product of n and m bits has at most n + m.
  if (std::bit_width(static_cast<std::uint64_t>(a)) + std::bit_width(static_cast<std::uint64_t>(b)) <= 61) return a * b;
  return a > kMaxBytes / b ? kMaxBytes : a * b;
}

// The product of all factors, saturating. Every factor must be >= 0.
constexpr Bytes product(std::initializer_list<Bytes> factors) {
  Bytes result = 1;
  for (const Bytes factor : factors) result = mul(result, factor);
  return result;
}

// ceil(a / b); a >= 0, b > 0.
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a / b + (a % b != 0); }

// The smallest multiple of `step` that is >= value; value >= 0, step > 0.
constexpr std::int64_t round_up(std::int64_t value, std::int64_t step) { return mul(ceil_div(value, step), step); }

}  // namespace vram
