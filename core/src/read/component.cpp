#include "read/component.hpp"

namespace vram {
namespace {

// Deep enough for every config there is, and no number that could overflow a product of a few of them unnoticed.
constexpr double kLargestNumber = 1e9;
constexpr std::size_t kLongestList = 512;

void take(const Json& value, diffusion::Setting& setting, const std::string& path) {
  if (value.is_boolean()) {
    setting.numbers.push_back(value.get<bool>() ? 1 : 0);
  } else if (value.is_number()) {
    const double number = value.get<double>();
    if (!(number >= -kLargestNumber && number <= kLargestNumber))
      refuse(path, "a number in a component's config is out of range", shown(value), "-1e9 to 1e9");
    setting.numbers.push_back(number);
  } else if (value.is_string()) {
    setting.texts.push_back(value.get<std::string>());
  } else if (value.is_array()) {
    // One value per layer inside a list per block: the blocks of such models are not modelled, the lengths are.
    setting.numbers.push_back(value.empty() || !value[0].is_number() ? 0 : value[0].get<double>());
  }
}

}  // namespace

diffusion::Settings read_settings(const Json& config, std::string_view path) {
  const ObjectReader reader(config, std::string(path));
  diffusion::Settings settings;
  for (const auto& [key, value] : config.items()) {
    if (value.is_null() || value.is_object()) continue;
    diffusion::Setting setting;
    setting.key = key;
    setting.is_list = value.is_array();
    if (value.is_array()) {
      if (value.size() > kLongestList)
        refuse(reader.path_of(key), "a list in a component's config is too long", shown(value), "at most 512 values");
      for (const Json& item : value) take(item, setting, reader.path_of(key));
    } else {
      take(value, setting, reader.path_of(key));
    }
    settings.add(std::move(setting));
  }
  return settings;
}

}  // namespace vram
