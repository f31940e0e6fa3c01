// vram-estimator without arguments, on a terminal: six questions with defaults, then the estimate and a recommendation.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>

#include "border.hpp"
#include "commands.hpp"
#include "problem.hpp"
#include "report.hpp"
#include "request.hpp"
#include "terminal.hpp"

namespace vram::cli {
namespace {

using Json = nlohmann::ordered_json;

struct EndOfInput {};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Asks until `take` accepts the answer; `take` throws Problem to refuse it.
void ask(const std::string& question, const std::string& fallback,
         const std::function<void(const std::string&)>& take) {
  for (;;) {
    print(question + " [" + fallback + "]: ");
    std::string line;
    if (!std::getline(std::cin, line)) throw EndOfInput{};
    const std::size_t first = line.find_first_not_of(" \t\r");
    line = first == line.npos ? fallback : line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
    try {
      return take(line);
    } catch (const Problem& problem) {
      print("  " + printable(problem.message) + (problem.expected.empty() ? "" : "; " + printable(problem.expected)) +
            "\n");
    }
  }
}

// Whether the border takes the set-up so far; its answer without a GPU.
Json tried(SetUp set_up) {
  set_up.gpu = "none";
  return answer(request_of("estimate", set_up, {}).text);
}

// A catalogue id, the name of one of its models, or a path.
void take_model(SetUp& set_up, const std::string& text) {
  SetUp with = set_up;
  std::vector<std::string> known;
  for (const Json& row : rows_of("models")) {
    const std::string id = text_of(row, "id");
    known.push_back(id);
    if (lower(text) == lower(id) || lower(text) == lower(text_of(row, "name"))) with.model = id;
  }
  std::error_code ignored;
  if (with.model.empty() && std::filesystem::exists(text, ignored)) with.config = text;
  if (with.model.empty() && with.config.empty()) {
    const std::string near = nearest(lower(text), known);
    throw Problem{"", "no such model or file", text,
                  near.empty() ? "`vram-estimator models` lists them" : "did you mean " + near + "?"};
  }
  (void)tried(with);
  set_up = with;
}

bool yes(const std::string& text) {
  const std::string word = lower(text);
  if (word == "y" || word == "yes" || word == "true" || word == "on") return true;
  if (word == "n" || word == "no" || word == "false" || word == "off") return false;
  throw Problem{"", "neither yes nor no", text, ""};
}

// llama.cpp, the engine of this dialogue, has INT8 and INT4 only with scales; some formats are other engines' own.
void take_precision(SetUp& set_up, const std::string& text) {
  SetUp with = set_up;
  const std::string word = lower(text);
  with.weights = word == "int8" ? "q8_0" : word == "int4" ? "q4_0" : text;
  if (with.weights != text) print("  " + text + " in llama.cpp is " + with.weights + ": blocks with a scale each\n");
  if (const std::string other = engine_of_format(word, ""); !other.empty()) with.engine = other;
  (void)tried(with);
  set_up = with;
}

void take_attention(SetUp& set_up, const std::string& text) {
  const bool flash = yes(text);
  if (set_up.engine == "llama.cpp") set_up.engine_options["flash_attn"] = flash ? "true" : "false";
  if (set_up.engine == "transformers")
    set_up.engine_options["attn_implementation"] = flash ? "flash_attention_2" : "eager";
  if (set_up.engine == "vllm" && !flash) throw Problem{"", "vLLM has no attention without it", text, "yes"};
}

void take_layers(SetUp& set_up, const std::string& text, std::int64_t all) {
  const bool digits = !text.empty() && text.size() < 6 && text.find_first_not_of("0123456789") == text.npos;
  if (!digits || std::stoll(text) > all)
    throw Problem{"", "not a number of layers", text, "0 to " + std::to_string(all)};
  if (set_up.engine != "llama.cpp" && std::stoll(text) != all) {
    throw Problem{"", set_up.engine + " runs all layers on the GPU", text, std::to_string(all)};
  }
  // All of them means the output layer too, which llama.cpp counts as one more.
  set_up.engine_options["n_gpu_layers"] = std::stoll(text) == all ? "" : text;
}

void take_by_trying(SetUp& set_up, std::string SetUp::*field, const std::string& text) {
  SetUp with = set_up;
  with.*field = text;
  (void)tried(with);
  set_up = with;
}

SetUp questions() {
  SetUp set_up;
  set_up.engine = "llama.cpp";
  ask("Model: an id of the catalogue, or the path of a config.json", "llama-3.1-8b",
      [&](const std::string& text) { take_model(set_up, text); });
  const std::int64_t layers = tried(set_up).at("model").at("num_hidden_layers").get<std::int64_t>();
  ask("Precision: fp32, fp16, int8, int4, or any weights format", "fp16",
      [&](const std::string& text) { take_precision(set_up, text); });
  ask("FlashAttention: yes or no", "yes", [&](const std::string& text) { take_attention(set_up, text); });
  ask("Layers to run on the GPU", std::to_string(layers),
      [&](const std::string& text) { take_layers(set_up, text, layers); });
  ask("Sequence length in tokens", "2048",
      [&](const std::string& text) { take_by_trying(set_up, &SetUp::context, text); });
  ask("Batch size", "1", [&](const std::string& text) { take_by_trying(set_up, &SetUp::sequences, text); });
  return set_up;
}

std::string option_of(const SetUp& set_up, const std::string& key) {
  const auto found = set_up.engine_options.find(key);
  return found == set_up.engine_options.end() ? "" : found->second;
}

bool uses_flash_attention(const SetUp& set_up) {
  return option_of(set_up, "flash_attn") != "false" && option_of(set_up, "attn_implementation") != "eager";
}

std::string configuration(const SetUp& set_up, const Json& response) {
  const Json& model = response.at("model");
  Table table({Table::Align::left, Table::Align::left});
  const std::string name = text_of(model, "name");
  table.row({"Model:", printable(name.empty() ? text_of(model, "id") : name)});
  if (model.value("parameters", Json()).is_number()) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2fB", model.at("parameters").get<double>() / 1e9);
    table.row({"Parameters:", text});
  }
  table.row({"Precision:", text_of(response.at("weights"), "name")});
  table.row({"Engine:", set_up.engine});
  table.row({"FlashAttention:", uses_flash_attention(set_up) ? "Enabled" : "Disabled"});
  const std::string layers = option_of(set_up, "n_gpu_layers");
  table.row({"Layers on the GPU:", layers.empty() ? "all" : layers + " of " + text_of(model, "num_hidden_layers")});
  table.row({"Sequence length:", grouped(response.at("context").get<std::int64_t>()) + " tokens"});
  table.row({"Batch size:", grouped(response.at("sequences").get<std::int64_t>())});
  return "\n" + Colour::bold("Model Configuration:") + "\n" + table.text("  ");
}

// The flags that ask the same again.
std::string command_line(const SetUp& set_up) {
  std::string line = "vram-estimator estimate " +
                     (set_up.model.empty() ? "--config '" + set_up.config + "'" : "--model " + set_up.model) +
                     " --weights " + set_up.weights + " --context " + set_up.context + " --batch " + set_up.sequences;
  line += " --engine " + set_up.engine;
  if (option_of(set_up, "flash_attn") == "false") line += " --no-flash-attn";
  for (const auto& [flag, key] :
       {std::pair{" --attn-implementation ", "attn_implementation"}, std::pair{" -ngl ", "n_gpu_layers"}}) {
    if (const std::string value = option_of(set_up, key); !value.empty()) line += flag + value;
  }
  return line;
}

}  // namespace

int dialogue() {
  print(
      "How much GPU memory does it take? Enter takes the value in brackets, Ctrl-D ends. `vram-estimator --help` lists "
      "the commands.\n\n");
  SetUp set_up;
  try {
    set_up = questions();
  } catch (const EndOfInput&) {
    print("\nNothing asked, nothing estimated. Bye.\n");
    return kFits;
  }
  const Request request = request_of("estimate", set_up, {"advice", "references"});
  const Json response = answer(request.text);
  std::string text = configuration(set_up, response);
  if (!request.note.empty()) text += "\n" + request.note + "\n";
  text += "\n" + Colour::bold("Memory Breakdown:") + tables_text(response, {Unit::binary, false, true}) + "\n";
  if (request.has_gpu) text += verdict_line(response, Unit::binary) + "\n";
  const Json advice = response.value("advice", Json());
  if (advice.is_array() && !advice.empty()) {
    text += Colour::bold("Recommendation:") + " Use " + printable(text_of(advice.front(), "text")) + "\n";
  }
  text += references_text(response, Unit::binary) + "\n" + warnings_text(response);
  text += "\nThe same as a command:\n  " + command_line(set_up) + "\n";
  print(text);
  return text_of(response, "verdict") == "does_not_fit" ? kDoesNotFit : kFits;
}

}  // namespace vram::cli
