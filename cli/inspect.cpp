// vram-estimator inspect: what a file or folder of weights holds.
#include <CLI/CLI.hpp>
#include <memory>

#include "commands.hpp"
#include "terminal.hpp"
#include "weight_files.hpp"

namespace vram::cli {

void add_inspect(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("inspect", "What a file or folder of weights holds, read from its headers");
  struct Options {
    std::string path;
    bool json = false;
    bool decimal = false;
  };
  const auto options = std::make_shared<Options>();
  command->add_option("file", options->path, "A .gguf, .safetensors, .bin, .pt or .onnx file, or a folder")
      ->required()
      ->type_name("FILE|FOLDER");
  command->add_flag("--json", options->json,
                    "Print the `file` value as JSON: a request takes it as {\"model\": {\"file\": ...}}");
  command->callback([options, &exit_code] {
    exit_code = 0;
    const std::string file = read_weights(options->path, "inspect");
    print(file + "\n");
  });
}

}  // namespace vram::cli
