// What the terminal is and can.
#pragma once

#include <string>
#include <string_view>

namespace vram::cli {

bool stdin_is_terminal();
bool stdout_is_terminal();
bool stderr_is_terminal();
// Columns of the terminal behind stdout, 100 when there is none or it does not say; at least 60.
std::size_t terminal_columns();

// Writes to stdout at once and checks it: a full disk is a Problem, a closed pipe ends the program as usual.
void print(std::string_view text);

// Colour only where asked, or on a terminal that NO_COLOR and TERM=dumb leave alone.
class Colour {
 public:
  // `when` is auto, always or never.
  static void choose(std::string_view when);
  static std::string bold(std::string_view text) { return styled("1", text); }
  static std::string dim(std::string_view text) { return styled("2", text); }
  static std::string green(std::string_view text) { return styled("32;1", text); }
  static std::string yellow(std::string_view text) { return styled("33;1", text); }
  static std::string red(std::string_view text) { return styled("31;1", text); }

 private:
  static std::string styled(std::string_view code, std::string_view text);
  static bool on_;
};

}  // namespace vram::cli
