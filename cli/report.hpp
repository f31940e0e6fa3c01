// The response of estimate, max_context and max_batch as text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "text.hpp"

namespace vram::cli {

struct ReportStyle {
  Unit unit = Unit::binary;
  bool explain = false;
  bool bars = false;
};

// Heading, one table per device, verdict, further answers, warnings.
std::string report(const nlohmann::ordered_json& response, const ReportStyle& style);

// Pieces of it, for the dialogue.
std::string tables_text(const nlohmann::ordered_json& response, const ReportStyle& style);
std::string verdict_line(const nlohmann::ordered_json& response, Unit unit);
std::string warnings_text(const nlohmann::ordered_json& response);
std::string references_text(const nlohmann::ordered_json& response, Unit unit);

}  // namespace vram::cli
