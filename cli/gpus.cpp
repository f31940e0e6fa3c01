// vram-estimator gpus: the built-in accelerators, and those in this machine.
#include <CLI/CLI.hpp>
#include <memory>

#include "border.hpp"
#include "commands.hpp"
#include "detect.hpp"
#include "listing.hpp"
#include "terminal.hpp"
#include "vram/api.hpp"

namespace vram::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string memory(const Json& row) {
  const auto found = row.find("memory_mib");
  if (found == row.end() || !found->is_number()) return "";
  return gib_text(static_cast<std::int64_t>(found->get<double>() * 1048576), Unit::binary);
}

std::string list_detected() {
  const std::vector<Detected> found = detect();
  if (found.empty()) return "No GPU found: neither nvidia-smi nor rocm-smi answers, and this is no Apple machine.\n";
  const Json rows = rows_of("gpus");
  Table table({Table::Align::left, Table::Align::right, Table::Align::right, Table::Align::left});
  table.row({"found", "memory", "in use now", "catalogue"});
  table.rule();
  for (const Detected& gpu : found) {
    const Json* row = catalogue_row(gpu, rows);
    const auto mib = [](std::int64_t count) { return count == 0 ? std::string() : grouped(count) + " MiB"; };
    table.row(
        {printable(gpu.name), mib(gpu.total_mib), mib(gpu.used_mib), row == nullptr ? "unknown" : text_of(*row, "id")});
  }
  return table.text();
}

}  // namespace

void add_gpus(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("gpus", "The built-in GPUs, or those in this machine");
  const auto options = add_list_options(*command);
  const auto detect = std::make_shared<bool>(false);
  command->add_flag("--detect", *detect, "List what is in this machine instead");
  command->footer(R"(Examples:
  vram-estimator gpus --filter "ada laptop"
  vram-estimator gpus --detect

Any other GPU: --total-vram-gib N.)");
  command->callback([options, detect, &exit_code] {
    exit_code = 0;
    if (*detect) return print(list_detected());
    const std::string request = R"({"op":"catalogue","list":"gpus"})";
    if (options->json) return print(vram::call(request) + "\n");
    const Column size{"memory", Table::Align::right, memory};
    print(listing(rows_of("gpus"),
                  {field_column("id", "id"), size, field_column("architecture", "architecture"),
                   field_column("form", "form_factor"), field_column("name", "name")},
                  options->filter));
  });
}

}  // namespace vram::cli
