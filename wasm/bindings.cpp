// The whole door between JavaScript and the core: one JSON request in, one response out, and files by their bytes
// (docs/api.md, vram/api.hpp, vram/read_file.hpp).
#include <emscripten/bind.h>
#include <emscripten/val.h>

#include "vram/api.hpp"
#include "vram/read_file.hpp"

// The answer is handed over as a view of its bytes, good until the next call: embind walks a string byte by byte.
template <std::string (*answer)(std::string_view) noexcept>
emscripten::val view_of(const std::string& request) {
  static std::string response;
  response = answer(request);
  return emscripten::val(emscripten::typed_memory_view(response.size(), response.data()));
}
emscripten::val room(vram::FileReader& r, unsigned n) {
  return emscripten::val(emscripten::typed_memory_view(n, r.room(n)));
}

EMSCRIPTEN_BINDINGS(vram) {
  emscripten::function("call", &view_of<vram::call>);
  emscripten::function("sweep", &view_of<vram::sweep>);
  auto file = emscripten::class_<vram::FileReader>("FileReader").constructor<std::string>().function("room", &room);
  file.function("next", &vram::FileReader::next).function("missing", &vram::FileReader::missing);
  file.function("push", &vram::FileReader::push_room);
}
