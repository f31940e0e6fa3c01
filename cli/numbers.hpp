// Numbers as people type them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace vram::cli {

using Json = nlohmann::ordered_json;

// A finite decimal number; whole ones that fit become integers. Throws Problem naming the flag.
Json number_of(const std::string& text, const std::string& flag);

// A number of tokens: 8192, or 8k for 8 x 1024.
Json tokens_of(const std::string& text, const std::string& flag);

// `number` x 1024, e.g. of --context-k 8 or 0.5.
Json kilo_tokens_of(const std::string& text, const std::string& flag);

// For options by name: true, false and numbers as such, everything else as text.
Json value_of(const std::string& text);

// "name=value" split at the first '='. Throws Problem naming the flag when there is none.
std::pair<std::string, std::string> name_and_value(const std::string& text, const std::string& flag);

}  // namespace vram::cli
