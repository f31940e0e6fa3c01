// What cmake/embed_storage.cmake generates beside tensor_types() and weight_formats().
#pragma once

#include <span>
#include <string_view>

#include "vram/storage.hpp"

namespace vram {

struct StorageAlias {
  std::string_view alias;  // lower case
  int index;               // into the table
};
std::span<const StorageAlias> tensor_type_aliases();
std::span<const StorageAlias> weight_format_aliases();

}  // namespace vram
