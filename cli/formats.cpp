// vram-estimator formats: weights formats, cache types and engines.
#include <CLI/CLI.hpp>
#include <memory>

#include "border.hpp"
#include "commands.hpp"
#include "listing.hpp"
#include "terminal.hpp"
#include "vram/api.hpp"

namespace vram::cli {
namespace {

std::string bits_text(const nlohmann::ordered_json& row) {
  for (const char* key : {"bits_per_weight", "bits_per_element"}) {
    const auto found = row.find(key);
    if (found != row.end() && found->is_number()) return number_text(found->get<double>());
  }
  return "";
}

}  // namespace

void add_formats(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("formats", "Weights formats, KV cache types and engines");
  const auto options = add_list_options(*command);
  command->footer(R"(What --weights, --kv-dtype and --engine take.)");
  command->callback([options, &exit_code] {
    exit_code = 0;
    if (options->json) return print(vram::call(R"({"op":"catalogue"})") + "\n");
    const Column id = field_column("id", "id"), name = field_column("name", "name"),
                 source = field_column("source", "source");
    const Column bits{"bits", Table::Align::right, bits_text};
    print(Colour::bold("Weights (--weights)") + "\n" +
          listing(rows_of("weights"), {id, bits, name, source}, options->filter) + "\n" +
          Colour::bold("KV cache (--kv-dtype)") + "\n" +
          listing(rows_of("kv_cache_types"), {id, bits, name}, options->filter) + "\n" +
          Colour::bold("Engines (--engine)") + "\n" +
          listing(rows_of("engines"), {name, field_column("checked against", "checked_against")}, options->filter));
  });
}

}  // namespace vram::cli
