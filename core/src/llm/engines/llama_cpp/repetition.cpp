#include "llm/engines/llama_cpp/repetition.hpp"

#include <algorithm>
#include <numeric>

namespace vram::llama_cpp {
namespace {

constexpr std::int64_t kLongestPattern = 8;
constexpr std::int64_t kLongestPrefix = 4;  // dense layers before the experts
// The allocator's own cycle over equal layers has been 1, 2, 3 or 6 (residuals change places): multiples of 6 are left
// out, and at least 8 layers or three patterns kept for it to show.
constexpr std::int64_t kCycles = 6;
constexpr std::int64_t kKeptLayers = 8;
constexpr std::int64_t kKeptPatterns = 3;

bool repeats(const std::vector<Layer>& layers, std::int64_t prefix, std::int64_t pattern) {
  for (auto i = static_cast<std::size_t>(prefix); i + static_cast<std::size_t>(pattern) < layers.size(); ++i) {
    if (!(layers[i] == layers[i + static_cast<std::size_t>(pattern)])) return false;
  }
  return true;
}

}  // namespace

Repetition every_layer(const Model& model) {
  Repetition all;
  all.kept.resize(model.layers.size());
  std::iota(all.kept.begin(), all.kept.end(), std::size_t{0});
  return all;
}

Repetition shorten(const Model& model) {
  Repetition result = every_layer(model);
  const auto n = static_cast<std::int64_t>(model.layers.size());
  // Their first layers differ by their index only; sparse attention keeps tensors of every layer at once.
  const std::string& arch = model.gguf_arch;
  const bool sparse = arch == "deepseek32" || arch == "glm-dsa";
  if (arch == "gemma3n" || arch.starts_with("qwen3vl") || sparse) return result;
  for (std::int64_t pattern = 1; pattern <= kLongestPattern; ++pattern) {
    for (std::int64_t prefix = 0; prefix <= kLongestPrefix; ++prefix) {
      if (!repeats(model.layers, prefix, pattern)) continue;
      const std::int64_t keep = prefix + std::max(kKeptLayers, kKeptPatterns * pattern);
      const std::int64_t unit = kCycles * pattern;
      result.left_out = {std::max<std::int64_t>(0, (n - keep) / unit * unit), pattern, prefix};
      // Whole patterns go from behind the prefix; the last layer stays, it differs.
      const auto from = result.kept.begin() + static_cast<std::ptrdiff_t>(prefix);
      result.kept.erase(from, from + static_cast<std::ptrdiff_t>(result.left_out.layers));
      return result;
    }
  }
  return result;
}

}  // namespace vram::llama_cpp
