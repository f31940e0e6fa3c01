// Times the border natively: one request a line on standard input, the median time of one call in microseconds a line
// on standard output.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "vram/api.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// Calls for `milliseconds` and returns the time of each call.
std::vector<double> times(const std::string& request, double milliseconds) {
  std::vector<double> result;
  std::size_t answered = 0;
  const auto start = Clock::now();
  while (microseconds_since(start) < milliseconds * 1e3) {
    const auto call_start = Clock::now();
    answered += vram::call(request).size();
    result.push_back(microseconds_since(call_start));
  }
  if (answered == 0) std::abort();
  return result;
}

}  // namespace

int main() {
  for (std::string request; std::getline(std::cin, request);) {
    times(request, 100);  // warm up
    auto samples = times(request, 1000);
    const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
    std::nth_element(samples.begin(), middle, samples.end());
    std::printf("%.3f\n", *middle);
  }
}
