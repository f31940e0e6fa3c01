#include "json/checked.hpp"

namespace vram {

Json parse_own(std::string_view text) {
  // As Json::parse does without a callback; that also compiles the parser with one.
  Json result;
  auto input = nlohmann::detail::input_adapter(text);
  nlohmann::detail::json_sax_dom_parser<Json> handler(result);
  nlohmann::detail::parser<Json, decltype(input)>(std::move(input)).sax_parse(&handler);
  return result;
}

}  // namespace vram
