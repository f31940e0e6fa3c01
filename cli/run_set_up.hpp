// What estimate, max-context and max-batch share: build the request, call, print, exit code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "set_up.hpp"

namespace vram::cli {

// `text_also`: further answers that the text output asks for when there is a GPU.
int run_set_up(std::string_view op, const SetUp& set_up, const std::vector<std::string>& text_also);

}  // namespace vram::cli
