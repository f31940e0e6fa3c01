#include "border.hpp"

#include "request.hpp"
#include "vram/api.hpp"

namespace vram::cli {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : compact(*found);
}

std::string compact(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Problem problem_of(const Json& error) {
  return {flag_of(text_of(error, "path")), text_of(error, "message"), text_of(error, "value"),
          text_of(error, "expected")};
}

Json answer(std::string_view request) {
  Json response = Json::parse(vram::call(request));
  if (!response.value("ok", false)) throw problem_of(response.at("error"));
  return response;
}

Json rows_of(std::string_view list) {
  if (list == "profiles") return answer(R"({"op":"profiles"})").at("profiles");
  return answer(compact(Json{{"op", "catalogue"}, {"list", list}})).at(list);
}

}  // namespace vram::cli
