// The one border: a JSON request in, a JSON response out. Documented in docs/api.md.
#pragma once

#include <string>
#include <string_view>

namespace vram {

// Never throws and never fails: every problem comes back as {"ok": false, "error": {...}}.
std::string call(std::string_view request) noexcept;

}  // namespace vram
