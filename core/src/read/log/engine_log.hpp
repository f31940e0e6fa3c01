// What an engine states while it starts: its options, the model's metadata, and the buffers it allocates.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vram::read {

// One figure of a log, with the range that its print rounds to.
struct Printed {
  std::string text;      // as it stands: "4403.49 MiB"
  double value = 0;      // bytes, or tokens, or requests
  double half_step = 0;  // half of the last printed digit, in the same unit
};

struct LogTerm {
  std::string term;            // "weights", "kv_cache", "recurrent_state", "compute_buffer", "output_buffer", ...
  std::string device;          // the log's own name: "CUDA0", "CUDA_Host", "Metal"; empty where the log names none
  std::string unit;            // "bytes", "tokens", "requests"
  std::vector<Printed> parts;  // summed up
};

struct EngineLog {
  std::string engine;   // "llama.cpp", "vllm", or empty when nothing was recognised
  std::string version;  // as printed; may be empty
  std::string model_name;
  std::map<std::string, std::string, std::less<>> facts;  // names as printed -> values as printed
  std::vector<LogTerm> terms;
  std::vector<std::string> gpu_names;  // in the order of their numbers
  double gpu_bytes = 0;                // memory of one GPU, when printed
  int lines = 0;                       // recognised

  const std::string* fact(std::string_view name) const;
  // The first of several spellings that is there.
  const std::string* fact(std::initializer_list<std::string_view> names) const;
  void add(std::string_view term, std::string_view device, std::string_view unit, Printed figure);
  void drop(std::string_view term, std::string_view device);
};

// Recognises the lines of llama.cpp (and of programs that run it) and of vLLM. Other lines are skipped.
EngineLog read_log(std::string_view text);

// Parts, one engine each: whether the line was understood.
bool read_llama_cpp_line(std::string_view line, EngineLog& log);
bool read_vllm_line(std::string_view line, EngineLog& log);

// Helpers for both: the text without blanks at its ends; a number with its unit behind `at` ("4403.49 MiB").
std::string_view trimmed(std::string_view text);
bool printed_figure(std::string_view text, Printed& figure);

}  // namespace vram::read
