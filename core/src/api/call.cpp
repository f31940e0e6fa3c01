#include "vram/api.hpp"

#include "api/ops.hpp"
#include "api/scope.hpp"

namespace vram {
namespace {

// By the parser that every request takes: Json::accept would be a second one.
bool is_json(const std::string& text) {
  try {
    parse_own(text);
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

// A value is shown as what it is when it is a JSON scalar, else as text ("{...}").
void write_value(JsonWriter& out, const std::string& text) {
  const bool scalar = !text.empty() && text[0] != '{' && text[0] != '[' && is_json(text);
  out.key("value");
  if (text.empty()) {
    out.null();
  } else if (scalar) {
    out.raw(text);
  } else {
    out.raw(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
  }
}

std::string refusal(const Error& error) {
  JsonWriter out(512);
  out.begin_object().field("ok", false);
  write_error(out, error);
  out.end_object();
  return out.take();
}

std::string answer(std::string_view text) {
  const Json request = parse_json(text, "");
  const ObjectReader reader(request, "");
  if (!reader.has("op")) refuse("/op", "op is missing", "", "\"estimate\", for instance");
  const std::string name = reader.string("op");
  std::vector<std::string_view> names;
  std::string expected;
  for (const Operation& operation : scope().operations) {
    if (operation.name == name) return operation.answer(request);
    names.push_back(operation.name);
    expected += (expected.empty() ? "one of: " : ", ") + std::string(operation.name);
  }
  if (!scope().whole) throw Elsewhere();
  refuse("/op", "unknown op" + did_you_mean(name, names), shown(Json(name)), expected);
}

using Answer = std::string (*)(std::string_view);
std::string guarded(std::string_view request, Answer answer) {
  try {
    return answer(request);
  } catch (const BadInput& bad) {
    return refusal(bad.error);
  } catch (const Elsewhere&) {
    return {};
  } catch (const std::bad_alloc&) {
    return refusal({"", "this request needs more memory than there is", "", "a smaller request"});
  } catch (const std::exception& problem) {
    return refusal({"", std::string("internal error, please report it: ") + problem.what(), "", ""});
  }
}

}  // namespace

void write_error(JsonWriter& out, const Error& error) {
  const auto clean = [](const std::string& text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  out.key("error").begin_object();
  out.key("path").raw(clean(error.path));
  write_value(out, error.value);
  out.key("expected");
  if (error.expected.empty()) {
    out.null();
  } else {
    out.raw(clean(error.expected));
  }
  out.key("message").raw(clean(error.message));
  out.end_object();
}

std::string call(std::string_view request) noexcept {
  try {
    return guarded(request, &answer);
  } catch (...) {
    return "{\"ok\":false}";  // short enough to need no allocation
  }
}

std::string sweep(std::string_view request) noexcept {
  try {
    return guarded(request, [](std::string_view text) { return answer_sweep_arrays(parse_json(text, "")); });
  } catch (...) {
    return "{\"ok\":false}";
  }
}

}  // namespace vram
