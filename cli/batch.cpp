// vram-estimator batch: one JSON request per line in, one response per line out.
#include <CLI/CLI.hpp>
#include <iostream>

#include "commands.hpp"
#include "files.hpp"
#include "terminal.hpp"
#include "vram/api.hpp"

namespace vram::cli {
namespace {

// Reads a line of any length but keeps no more than one byte over the border's limit: enough for the border to refuse
// it. False at the end of the input.
bool read_line(std::streambuf& input, std::string& line) {
  using Traits = std::streambuf::traits_type;
  line.clear();
  bool any = false;
  for (auto c = input.sbumpc(); c != Traits::eof(); c = input.sbumpc()) {
    any = true;
    if (c == '\n') return true;
    if (line.size() <= kFileLimitBytes) line.push_back(Traits::to_char_type(c));
  }
  return any;
}

}  // namespace

void add_batch(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("batch", "JSON requests on standard input, one a line; one response a line");
  command->footer(R"(Example:
  echo '{"op":"estimate","model":{"id":"llama-3.1-8b"},"gpu":{"id":"rtx-4090"}}' | vram-estimator batch

Responses come in the order of the requests, each written at once, so a program can hold a conversation. Blank lines
are skipped. A line that cannot be answered, or is longer than 8 MiB, gets {"ok": false, "error": ...} and the next one
is read. `estimate --request` prints a request. docs/api.md describes them. Exit code: 0.)");
  command->callback([&exit_code] {
    std::ios::sync_with_stdio(false);
    std::string line;
    while (read_line(*std::cin.rdbuf(), line)) {
      if (line.find_first_not_of(" \t\r\v\f") == line.npos) continue;
      print(vram::call(line) + "\n");
    }
    exit_code = 0;
  });
}

}  // namespace vram::cli
