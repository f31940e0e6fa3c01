// The one border: a JSON request in, a JSON response out. Documented in docs/api.md.
#pragma once

#include <string>
#include <string_view>

namespace vram {

// Never throws and never fails: every problem comes back as {"ok": false, "error": {...}}.
std::string call(std::string_view request) noexcept;

// The operation "sweep" with its columns as arrays instead of JSON, for callers that hand them on as such. The
// response: a JSON object whose "columns" names what follows, a zero byte, then every column as one 64-bit
// floating-point number a cell (NaN where JSON has null), then "verdict" as one byte a cell; all little-endian. An
// error is its JSON object alone.
std::string sweep(std::string_view request) noexcept;

}  // namespace vram
