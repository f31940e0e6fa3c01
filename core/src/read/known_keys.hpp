// Which config keys may stay unread without a word.
#pragma once

#include <string_view>

namespace vram::read {

// True when a key's name suggests that it changes shapes or caches and it is not known to be irrelevant.
bool looks_structural(std::string_view key);

}  // namespace vram::read
