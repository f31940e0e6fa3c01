// vram-estimator version: of the program, of the border, and of the engines the rules were checked against.
#include <CLI/CLI.hpp>
#include <memory>

#include "border.hpp"
#include "commands.hpp"
#include "terminal.hpp"
#include "text.hpp"
#include "vram/api.hpp"

namespace vram::cli {

void add_version(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("version", "Versions of the program and of the engines it was checked against");
  const auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print the response as JSON");
  command->callback([json, &exit_code] {
    const std::string request = R"({"op":"version"})";
    exit_code = 0;
    if (*json) return print(vram::call(request) + "\n");
    Table table({Table::Align::left, Table::Align::left});
    const nlohmann::ordered_json response = answer(request);
    for (const auto& [key, value] : response.items()) {
      if (key == "ok" || key == "op") continue;
      if (!value.is_structured()) {
        table.row({key, value.is_string() ? value.get<std::string>() : compact(value)});
        continue;
      }
      for (const auto& [inner, text] : value.items()) {
        const bool row = text.is_object();
        table.row({row ? text_of(text, "name") : inner, row                ? text_of(text, "checked_against")
                                                        : text.is_string() ? text.get<std::string>()
                                                                           : compact(text)});
      }
    }
    print(table.text());
  });
}

}  // namespace vram::cli
