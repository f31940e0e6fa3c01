// vram-estimator profiles: the overhead profiles.
#include <CLI/CLI.hpp>
#include <memory>

#include "border.hpp"
#include "commands.hpp"
#include "listing.hpp"
#include "terminal.hpp"
#include "vram/api.hpp"

namespace vram::cli {

void add_profiles(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("profiles", "The overhead profiles: what is gone before the first tensor");
  const auto options = add_list_options(*command);
  command->footer(
      R"(Without --profile the GPU chooses one. To change one: save `profiles --json`, edit the array of rows, and give
that array with --profiles FILE; rows with a known id replace the built-in ones.)");
  command->callback([options, &exit_code] {
    const std::string request = R"({"op":"profiles"})";
    exit_code = 0;
    if (options->json) return print(vram::call(request) + "\n");
    print(listing(rows_of("profiles"),
                  {field_column("id", "id"), field_column("name", "name"), field_column("what for", "description")},
                  options->filter));
  });
}

}  // namespace vram::cli
