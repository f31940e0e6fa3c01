// vram-estimator check-log: what an engine printed at its start beside what we estimate.
#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>

#include "border.hpp"
#include "commands.hpp"
#include "files.hpp"
#include "numbers.hpp"
#include "problem.hpp"
#include "report.hpp"
#include "terminal.hpp"
#include "text.hpp"
#include "vram/api.hpp"

namespace vram::cli {
namespace {

std::string figure(const nlohmann::ordered_json& number, const std::string& unit) {
  const double value = number.get<double>();
  return unit == "bytes" ? size_text(static_cast<std::int64_t>(std::llround(value)), Unit::binary)
                         : number_text(std::round(value * 100) / 100);
}

std::string percent(const nlohmann::ordered_json& relative) {
  if (relative.is_null()) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%+.2f %%", 100 * relative.get<double>());
  return text;
}

std::string words(std::string name) {
  for (char& c : name) {
    if (c == '_') c = ' ';
  }
  return name;
}

void show(const Json& response) {
  const Json& recognised = response.at("recognised");
  const Json& model = response.at("estimate").at("model");
  std::string text = recognised.at("engine").get<std::string>();
  if (recognised.at("version").is_string()) text += " " + printable(recognised.at("version").get<std::string>());
  text += ", " + printable(model.at("name").get<std::string>()) + " (found by " +
          recognised.at("model_by").get<std::string>() + "), " +
          response.at("estimate").at("weights").at("name").get<std::string>() + "\n\n";
  Table table({Table::Align::left, Table::Align::left, Table::Align::right, Table::Align::right, Table::Align::right,
               Table::Align::left});
  table.row({"", "", "printed", "estimate", "difference", ""});
  for (const Json& term : response.at("terms")) {
    const std::string unit = term.at("unit");
    const std::string device = term.at("device").is_string() ? printable(term.at("device").get<std::string>()) : "";
    table.row({words(term.at("term")), device, figure(term.at("measured").at("value"), unit),
               figure(term.at("estimate").at("expected"), unit), percent(term.at("relative")),
               term.at("verdict").get<std::string>()});
  }
  text += table.text();
  for (const Json& row : response.at("not_compared")) {
    text += "not compared: " + words(row.at("term")) + " " + printable(row.at("device").get<std::string>()) + " " +
            printable(row.at("text").get<std::string>()) + ", " + row.at("reason").get<std::string>() + "\n";
  }
  print(text + warnings_text(response.at("estimate")));
}

}  // namespace

void add_check_log(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("check-log", "Compares a start-up log of llama.cpp or vLLM with the estimate");
  struct Options {
    std::string file;
    std::string model;
    std::string weights;
    std::string gpu;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  command->add_option("file", options->file, "The log, or - for standard input")->required()->type_name("FILE");
  command->add_option("--model,-m", options->model, "The model's id, when the log does not say it")->type_name("ID");
  command->add_option("--weights,-w", options->weights, "The weights' format, likewise")->type_name("FORMAT");
  command->add_option("--gpu,-g", options->gpu, "The GPU's id, likewise")->type_name("ID");
  command->add_flag("--json", options->json, "Print the response as JSON");
  command->footer(R"(Examples:
  llama-server -m model.gguf 2>&1 | tee start.log; vram-estimator check-log start.log
  journalctl -u ollama | vram-estimator check-log -

"exact" agrees within the rounding of the print, "within" within our interval. Exit code: 0 when no term is off, 1 when
one is, 2 when the log cannot be used.)");
  command->callback([options, &exit_code] {
    Json request = {{"op", "check_log"}, {"text", text_file(options->file, "check-log")}};
    if (!options->model.empty()) request["model"] = {{"id", options->model}};
    if (!options->weights.empty()) request["weights"] = options->weights;
    if (!options->gpu.empty()) request["gpu"] = {{"id", options->gpu}};
    const std::string text = request.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (options->json) print(vram::call(text) + "\n");
    const Json response = answer(text);
    if (!options->json) show(response);
    exit_code = kFits;
    for (const Json& term : response.at("terms")) {
      if (term.at("verdict") == "off") exit_code = kDoesNotFit;
    }
  });
}

}  // namespace vram::cli
