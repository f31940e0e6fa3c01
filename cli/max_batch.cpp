// vram-estimator max-batch: how many sequences fit at the same time.
#include <CLI/CLI.hpp>
#include <memory>

#include "commands.hpp"
#include "run_set_up.hpp"
#include "set_up.hpp"

namespace vram::cli {

void add_max_batch(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("max-batch", "How many sequences fit at the same time");
  const auto set_up = std::make_shared<SetUp>();
  declare_set_up(*command, *set_up, true, false);
  command->footer(R"(Example:
  vram-estimator max-batch --model llama-3.1-8b --engine transformers --context 4k --gpu rtx-4090

Exit code: 0 found, 1 not even one sequence fits, 2 the request is wrong.)");
  command->callback([set_up, &exit_code] { exit_code = run_set_up("max_batch", *set_up, {}); });
}

}  // namespace vram::cli
