#include "api/ops.hpp"
#include "api/request.hpp"

namespace vram {

std::string answer_version(const Json& request) {
  ObjectReader(request, "").only({"op"});
  JsonWriter out(512);
  out.begin_object().field("ok", true).field("op", "version");
  out.field("version", VRAM_VERSION).field("api", kApiVersion).key("engines").begin_array();
  for (const EngineOptions& engine : every_engine()) {
    out.begin_object().field("name", name_of(engine)).field("checked_against", checked_against(engine)).end_object();
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace vram
