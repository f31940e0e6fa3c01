// The commands, one file each. Every add_* registers a subcommand; running it leaves its exit code in `exit_code`.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace vram::cli {

void add_estimate(CLI::App& app, int& exit_code);
void add_max_context(CLI::App& app, int& exit_code);
void add_max_batch(CLI::App& app, int& exit_code);
void add_profiles(CLI::App& app, int& exit_code);
void add_models(CLI::App& app, int& exit_code);
void add_gpus(CLI::App& app, int& exit_code);
void add_formats(CLI::App& app, int& exit_code);
void add_diffusion(CLI::App& app, int& exit_code);
void add_training(CLI::App& app, int& exit_code);
void add_reference(CLI::App& app, int& exit_code);
void add_batch(CLI::App& app, int& exit_code);
void add_check_log(CLI::App& app, int& exit_code);
void add_inspect(CLI::App& app, int& exit_code);
void add_version(CLI::App& app, int& exit_code);

// What runs on a terminal without arguments: asks, then estimates.
int dialogue();

}  // namespace vram::cli
