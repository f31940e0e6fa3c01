#include <cmath>

#include "vram/diffusion.hpp"

namespace vram::diffusion {

std::string_view name_of(DType dtype) {
  constexpr std::string_view kNames[] = {"fp32", "fp16", "bf16", "fp64", "int64", "int32", "uint8", "fp8"};
  return kNames[static_cast<std::size_t>(dtype)];
}

const Setting* Settings::find(std::string_view key) const {
  for (const Setting& setting : settings_) {
    if (setting.key == key) return &setting;
  }
  return nullptr;
}

double Settings::number(std::string_view key, double fallback) const {
  const Setting* found = find(key);
  return found != nullptr && !found->numbers.empty() ? found->numbers.front() : fallback;
}

std::int64_t Settings::integer(std::string_view key, std::int64_t fallback) const {
  const Setting* found = find(key);
  return found != nullptr && !found->numbers.empty() ? std::llround(found->numbers.front()) : fallback;
}

bool Settings::truth(std::string_view key, bool fallback) const {
  const Setting* found = find(key);
  return found != nullptr && !found->numbers.empty() ? found->numbers.front() != 0 : fallback;
}

std::string_view Settings::text(std::string_view key, std::string_view fallback) const {
  const Setting* found = find(key);
  return found != nullptr && !found->texts.empty() ? std::string_view(found->texts.front()) : fallback;
}

std::vector<std::int64_t> Settings::integers(std::string_view key, std::initializer_list<std::int64_t> fallback) const {
  const Setting* found = find(key);
  if (found == nullptr || (found->numbers.empty() && !found->is_list)) return fallback;
  std::vector<std::int64_t> result;
  for (const double number : found->numbers) result.push_back(std::llround(number));
  return result;
}

std::vector<std::string_view> Settings::texts(std::string_view key,
                                              std::initializer_list<std::string_view> fallback) const {
  const Setting* found = find(key);
  if (found == nullptr || found->texts.empty()) return fallback;
  return {found->texts.begin(), found->texts.end()};
}

bool Settings::is_list(std::string_view key) const {
  const Setting* found = find(key);
  return found != nullptr && found->is_list;
}

}  // namespace vram::diffusion
