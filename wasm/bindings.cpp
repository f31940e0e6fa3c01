// The whole door between JavaScript and the core: one JSON request in, one JSON response out (docs/api.md).
#include <emscripten/bind.h>
#include <emscripten/val.h>

#include "vram/api.hpp"

EMSCRIPTEN_BINDINGS(vram) {
  // The answer is handed over as a view of its bytes, good until the next call: embind walks a string byte by byte.
  emscripten::function("call", +[](const std::string& request) {
    static std::string response;
    response = vram::call(request);
    return emscripten::val(emscripten::typed_memory_view(response.size(), response.data()));
  });
}
