// What goes wrong between the command line and the border.
#pragma once

#include <string>

namespace vram::cli {

enum ExitCode : int { kFits = 0, kDoesNotFit = 1, kBadInput = 2 };

// Thrown anywhere in the CLI, printed once in main, exit code 2.
struct Problem {
  std::string where;     // flag, or file; empty when it is about the whole command
  std::string message;   // one sentence
  std::string given;     // the offending value; empty when there is none
  std::string expected;  // what would be valid; empty when the message says it
};

}  // namespace vram::cli
