// The whole door between JavaScript and the core: one JSON request in, one JSON response out (docs/api.md).
#include <emscripten/bind.h>

#include "vram/api.hpp"

EMSCRIPTEN_BINDINGS(vram) {
  emscripten::function("call", +[](const std::string& request) { return vram::call(request); });
}
