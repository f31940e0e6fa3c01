// vram-estimator: the command line. Knows the estimator through its JSON border only.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "commands.hpp"
#include "problem.hpp"
#include "set_up.hpp"
#include "terminal.hpp"
#include "text.hpp"

namespace vram::cli {
namespace {

int tell(const Problem& problem) {
  std::string text = "vram-estimator: ";
  if (!problem.where.empty()) text += printable(problem.where) + ": ";
  text += printable(problem.message) + "\n";
  if (!problem.given.empty()) text += "  given:    " + printable(problem.given) + "\n";
  if (!problem.expected.empty()) text += "  expected: " + printable(problem.expected) + "\n";
  std::fputs(text.c_str(), stderr);
  return kBadInput;
}

// The command that was meant by the arguments so far: the app itself, or the subcommand that is named.
const CLI::App& command_of(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : *parsed.front();
}

std::vector<std::string> names_in(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* sub : command.get_subcommands({})) names.push_back(sub->get_name());
  return names;
}

// CLI11's complaint about an argument, with the flag or command that was probably meant.
Problem problem_of(const CLI::ParseError& error, const CLI::App& app) {
  const CLI::App& command = command_of(app);
  Problem problem{"", error.what(), "",
                  "see `vram-estimator " + (&command == &app ? "" : command.get_name() + " ") + "--help`"};
  const std::vector<std::string> extras = app.remaining(true);
  if (extras.empty()) return problem;
  const std::string& extra = extras.front();
  problem.message = "unknown argument";
  problem.given = extra;
  const std::string near = nearest(extra.substr(0, extra.find('=')), names_in(command));
  if (!near.empty()) problem.expected = "did you mean " + near + "? Or " + problem.expected;
  return problem;
}

int run(int argc, char** argv) {
  CLI::App app{"How much GPU memory a model takes, entry by entry, what fits, and why.", "vram-estimator"};
  app.require_subcommand(1);
  app.fallthrough();
  app.get_formatter()->column_width(38);
  std::string colour = "auto";
  app.add_option("--color", colour, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  app.parse_complete_callback([&colour] { Colour::choose(colour); });
  int exit_code = kFits;
  for (const auto add :
       {add_estimate, add_max_context, add_max_batch, add_models, add_gpus, add_formats, add_profiles, add_diffusion,
        add_training, add_reference, add_inspect, add_batch, add_check_log, add_version}) {
    add(app, exit_code);
  }
  app.footer(R"(Start here:
  vram-estimator                                       asks, on a terminal
  vram-estimator estimate --model llama-3.1-8b --weights q4_k_m --gpu rtx-4090
  vram-estimator max-context --model llama-3.1-8b --weights q4_k_m --total-vram-gib 12
  vram-estimator estimate --help                       all flags, more examples

Exit code: 0 it fits, 1 it does not, 2 the request is wrong.
)");
  if (argc == 1) {
    if (stdin_is_terminal() && stdout_is_terminal()) {
      Colour::choose("auto");
      return dialogue();
    }
    print(app.help());
    return kBadInput;
  }
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) arguments.push_back(long_spelling(argv[i]));  // CLI11 takes them last to first
  try {
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    const CLI::App& command = command_of(app);
    print(command.help(&command == &app ? "" : "vram-estimator"));
    return kFits;
  } catch (const CLI::ParseError& error) {
    return tell(problem_of(error, app));
  }
  return exit_code;
}

}  // namespace
}  // namespace vram::cli

int main(int argc, char** argv) {
  try {
    return vram::cli::run(argc, argv);
  } catch (const vram::cli::Problem& problem) {
    return vram::cli::tell(problem);
  } catch (const std::exception& error) {
    return vram::cli::tell({"", error.what(), "", ""});
  }
}
