// vram-estimator reference: formulas published by others, as they stated them.
#include <CLI/CLI.hpp>
#include <memory>

#include "border.hpp"
#include "commands.hpp"
#include "numbers.hpp"
#include "problem.hpp"
#include "terminal.hpp"
#include "text.hpp"
#include "vram/api.hpp"

namespace vram::cli {

void add_reference(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("reference", "Formulas published by others, reproduced as stated");
  struct Options {
    std::string name;
    std::vector<std::string> fields;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  command->add_option("name", options->name, "sd15-analytic, llm-activation-34/10 or imageworks")
      ->required()
      ->type_name("NAME");
  command->add_option("fields", options->fields, "The fields of its formula, as name=value")->type_name("FIELD=VALUE");
  command->add_flag("--json", options->json, "Print the response as JSON");
  command->footer(R"(Examples:
  vram-estimator reference sd15-analytic height=512 width=512 prompt_length=77 optimization=true
  vram-estimator reference llm-activation-34/10 parameters=70.55e9 sequence_length=2048 hidden_size=8192 num_layers=80 \
      num_key_value_heads=8 head_dim=128 flash_attention=true

They are shown beside our estimate (--also references), never used inside it.)");
  command->callback([options, &exit_code] {
    Json request = {{"op", "reference"}, {"name", options->name}};
    for (const std::string& field : options->fields) {
      const auto [key, value] = name_and_value(field, "reference");
      if (request.contains(key)) throw Problem{"reference", "given twice", key, ""};
      request[key] = value_of(value);
    }
    exit_code = 0;
    if (options->json) {
      const std::string response = vram::call(compact(request));
      print(response + "\n");
      const Json parsed = Json::parse(response);
      if (!parsed.value("ok", false)) throw problem_of(parsed.at("error"));
      return;
    }
    const Json response = answer(compact(request));
    Table table({Table::Align::left, Table::Align::right});
    for (const auto& [key, value] : response.at("result").items()) {
      table.row({key, value.is_string() ? value.get<std::string>() : compact(value)});
    }
    const std::string note = text_of(response, "note");
    print(table.text() + (note.empty() ? "" : "\n" + wrapped(note, terminal_columns(), "") + "\n"));
  });
}

}  // namespace vram::cli
