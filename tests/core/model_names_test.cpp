// Every role and part has a name of its own.
#include <set>
#include <string_view>

#include "catch.hpp"
#include "vram/model.hpp"

TEST_CASE("roles have distinct names") {
  std::set<std::string_view> names;
  for (int role = 0; role <= static_cast<int>(vram::Role::opaque); ++role) {
    const std::string_view name = vram::name_of(static_cast<vram::Role>(role));
    CHECK(name != "unknown");
    CHECK(names.insert(name).second);
  }
  CHECK(vram::name_of(vram::Part::projector) == "projector");
  CHECK(vram::name_of(vram::Span::chunked) == "chunked");
  CHECK(vram::name_of(vram::StateMixer::Kind::kda) == "kda");
}
