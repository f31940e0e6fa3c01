// Which model a log speaks of.
#pragma once

#include <optional>
#include <string>

#include "json/checked.hpp"
#include "read/log/engine_log.hpp"

namespace vram::read {

struct LogModel {
  Json model;            // in the border's form: {"id": ...} or {"config": ...}
  std::string found_by;  // "shape", "name" or "metadata"
};
// Empty when the log does not say enough.
std::optional<LogModel> model_of(const EngineLog& log);

// "Q4_K - Medium" -> "q4_k_m"; empty when unknown.
std::string weights_of_file_type(std::string_view printed);

// Names without organisation, file ending, type of quantization and the like: "Qwen_Qwen3-8B-Q4_K_M.gguf" ->
// "qwen3-8b".
std::string plain_name(std::string_view name);

}  // namespace vram::read
