// The flags that describe a set-up: the same for estimate, max-context and max-batch.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "text.hpp"

namespace CLI {
class App;
}

namespace vram::cli {

// A flag that stands for one field of the request and is passed on as it was typed.
struct Field {
  enum class Type : std::uint8_t { number, tokens, text, boolean };
  const char* flags;  // as CLI11 writes them: "--flash-attn,!--no-flash-attn"
  const char* key;    // field of the request
  Type type;
  const char* engine;  // the engine the option belongs to; "" when it belongs to the model
  const char* help;
};

// Everything as typed; empty means not given. Ranges are the border's business, not ours.
struct SetUp {
  std::string model, config;
  std::map<std::string, std::string> manual;  // key of `model.manual` -> text
  std::string weights, kv_cache;
  std::string context, context_k, sequences;
  std::string engine;
  std::map<std::string, std::string> engine_options;  // named options: key -> text
  std::vector<std::string> set;                       // --set name=value
  std::string gpu, gpu_count, memory_gib;
  std::string profile, profiles_file;
  std::vector<std::string> also;
  bool json = false, explain = false, decimal = false, bars = false, show_request = false;

  Unit unit() const { return decimal ? Unit::decimal : Unit::binary; }
};

// Adds the flags to a command. `set_up` must outlive the parse.
void declare_set_up(CLI::App& command, SetUp& set_up, bool asks_context, bool asks_sequences);

// Flags that stand for fields of model.manual and of engine.
const std::vector<Field>& manual_fields();
const std::vector<Field>& engine_fields();
// The first flag of a field: "--flash-attn".
std::string first_flag(const Field& field);

// llama.cpp's and vLLM's short spellings (-ngl, -ub, -tp, ...) as the long ones: CLI11 knows one letter after one dash
// only.
std::string long_spelling(std::string_view argument);

}  // namespace vram::cli
