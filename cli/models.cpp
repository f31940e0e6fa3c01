// vram-estimator models: the built-in models.
#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>

#include "border.hpp"
#include "commands.hpp"
#include "listing.hpp"
#include "terminal.hpp"
#include "vram/api.hpp"

namespace vram::cli {
namespace {

std::string billions(const nlohmann::ordered_json& row) {
  const auto found = row.find("parameters");
  if (found == row.end() || !found->is_number()) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f B", found->get<double>() / 1e9);
  return text;
}

}  // namespace

void add_models(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("models", "The built-in models");
  const auto options = add_list_options(*command);
  command->footer(R"(Examples:
  vram-estimator models --filter "qwen3 moe"

Any other model: --config FILE with its config.json, or --params-billion and its layers and heads.)");
  command->callback([options, &exit_code] {
    const std::string request = R"({"op":"catalogue","list":"models"})";
    exit_code = 0;
    if (options->json) return print(vram::call(request) + "\n");
    const Column parameters{"parameters", Table::Align::right, billions};
    print(listing(
        rows_of("models"),
        {field_column("id", "id"), parameters, field_column("type", "model_type"), field_column("name", "name")},
        options->filter));
  });
}

}  // namespace vram::cli
