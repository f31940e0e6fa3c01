// vram-estimator max-context: the longest context that fits.
#include <CLI/CLI.hpp>
#include <memory>

#include "commands.hpp"
#include "run_set_up.hpp"
#include "set_up.hpp"

namespace vram::cli {

void add_max_context(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("max-context", "The longest context that fits");
  const auto set_up = std::make_shared<SetUp>();
  declare_set_up(*command, *set_up, false, true);
  command->footer(R"(Examples:
  vram-estimator max-context --model llama-3.1-8b --weights q4_k_m --kv-dtype q8_0 --gpu rtx-3060-12gb
  vram-estimator max-context --total-vram-gib 12 --params-billion 8 --quant fp8 --layers 36 --kv-heads 8 \
      --head-dim 128 --kv-dtype fp8 --batch 1 --profile ada_16gb

Exit code: 0 found, 1 not even one token fits, 2 the request is wrong.)");
  command->callback([set_up, &exit_code] { exit_code = run_set_up("max_context", *set_up, {}); });
}

}  // namespace vram::cli
