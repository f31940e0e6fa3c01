// Calling the border and showing its errors.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "problem.hpp"

namespace vram::cli {

// The parsed answer to a request made by us. Throws Problem when it is an error.
nlohmann::ordered_json answer(std::string_view request);

// The rows of one list of the catalogue, or of "profiles".
nlohmann::ordered_json rows_of(std::string_view list);

// A border's error with the flag in place of the JSON pointer.
Problem problem_of(const nlohmann::ordered_json& error);

// A text field, "" when absent or null; numbers as JSON writes them.
std::string text_of(const nlohmann::ordered_json& object, std::string_view key);

// Compact JSON; broken UTF-8 (arguments are bytes) becomes U+FFFD instead of an exception.
std::string compact(const nlohmann::ordered_json& json);

}  // namespace vram::cli
