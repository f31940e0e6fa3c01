// The whole door between JavaScript and the core: one JSON request in, one response out (docs/api.md, vram/api.hpp).
#include <emscripten/bind.h>

#include "vram/api.hpp"
// The answer is handed over as a view of its bytes, good until the next call: embind walks a string byte by byte.
template <std::string (*answer)(std::string_view) noexcept>
emscripten::val view_of(const std::string& request) {
  static std::string response;
  response = answer(request);
  return emscripten::val(emscripten::typed_memory_view(response.size(), response.data()));
}
EMSCRIPTEN_BINDINGS(vram) {
  emscripten::function("call", &view_of<vram::call>);
  emscripten::function("sweep", &view_of<vram::sweep>);
}
