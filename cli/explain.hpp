// --explain: why every entry of a ledger is as large as it is.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "text.hpp"

namespace vram::cli {

// Per entry: label and device, bytes, formula, the numbers put in, source.
std::string explanation(const nlohmann::ordered_json& response, Unit unit);

}  // namespace vram::cli
