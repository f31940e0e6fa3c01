// Files by their bytes (vram/read_file.hpp).
#include <emscripten/bind.h>

#include "vram/read_file.hpp"

emscripten::val room(vram::FileReader& r, unsigned n) {
  return emscripten::val(emscripten::typed_memory_view(n, r.room(n)));
}
EMSCRIPTEN_BINDINGS(vram_files) {
  auto file = emscripten::class_<vram::FileReader>("FileReader").constructor<std::string>().function("room", &room);
  file.function("next", &vram::FileReader::next).function("missing", &vram::FileReader::missing);
  file.function("push", &vram::FileReader::push_room);
}
