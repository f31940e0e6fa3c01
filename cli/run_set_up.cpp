#include "run_set_up.hpp"

#include <algorithm>
#include <cstdio>

#include "border.hpp"
#include "problem.hpp"
#include "report.hpp"
#include "request.hpp"
#include "terminal.hpp"
#include "vram/api.hpp"

namespace vram::cli {
namespace {

using Json = nlohmann::ordered_json;

int exit_code_of(const Json& response) {
  const Json fits = response.value("fits", Json());
  return fits.is_boolean() && !fits.get<bool>() ? kDoesNotFit : kFits;
}

// The response as it crossed the border. Its error goes to stderr in words as well.
int print_json(const Request& request) {
  const std::string response = vram::call(request.text);
  print(response + "\n");
  const Json parsed = Json::parse(response);
  if (!parsed.value("ok", false)) throw problem_of(parsed.at("error"));
  return exit_code_of(parsed);
}

}  // namespace

int run_set_up(std::string_view op, const SetUp& set_up, const std::vector<std::string>& text_also) {
  if (set_up.json || set_up.show_request) {
    const Request request = request_of(op, set_up, set_up.also);
    if (!set_up.show_request) return print_json(request);
    print(request.text + "\n");
    return kFits;
  }
  std::vector<std::string> also = set_up.also;
  for (const std::string& more : text_also) {
    if (std::find(also.begin(), also.end(), more) == also.end()) also.push_back(more);
  }
  const Request request = request_of(op, set_up, also);
  if (!request.note.empty()) std::fprintf(stderr, "%s\n", request.note.c_str());
  const Json response = answer(request.text);
  print(report(response, {set_up.unit(), set_up.explain, set_up.bars}));
  return exit_code_of(response);
}

}  // namespace vram::cli
