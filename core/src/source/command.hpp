// Commands as people paste them from model cards. Internal to source/.
#pragma once

#include <string>
#include <string_view>

namespace vram {

struct Pasted {
  std::string thing;    // what stands where the command takes a model
  std::string file;     // a file of it, where the command names one
  bool ollama = false;  // the command looks into Ollama's own library
};

// Text without a known command is the thing itself.
Pasted without_command(std::string_view text);

}  // namespace vram
