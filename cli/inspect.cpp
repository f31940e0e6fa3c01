// vram-estimator inspect: what a file or folder of weights holds.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "terminal.hpp"
#include "text.hpp"
#include "vram/api.hpp"
#include "weight_files.hpp"

namespace vram::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string text_at(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? printable(at->get<std::string>()) : "";
}

std::int64_t number_at(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_number_integer() ? at->get<std::int64_t>() : 0;
}

std::string sums_table(const Json& list, const char* label, Unit unit) {
  if (list.empty()) return "";
  using Align = Table::Align;
  Table table({Align::left, Align::right, Align::right, Align::right, Align::right});
  table.row({label, "tensors", "elements", "size", "bits each"});
  table.rule();
  for (const Json& row : list) {
    const std::int64_t elements = number_at(row, "elements"), bytes = number_at(row, "bytes");
    char bits[32] = "";
    if (elements > 0)
      std::snprintf(bits, sizeof bits, "%.2f", 8.0 * static_cast<double>(bytes) / static_cast<double>(elements));
    table.row(
        {text_at(row, label), grouped(number_at(row, "tensors")), grouped(elements), size_text(bytes, unit), bits});
  }
  return table.text("  ") + "\n";
}

// "LORA, rank 16, of meta-llama/Llama-3.1-8B; on q_proj, v_proj": what adapter_config.json says.
std::string adapter_line(const Json& file) {
  const auto config = file.find("config");
  if (config == file.end() || !config->is_object()) return "";
  std::string text = text_at(*config, "peft_type");
  if (const std::int64_t rank = number_at(*config, "r"); rank > 0) text += ", rank " + grouped(rank);
  if (const std::string base = text_at(*config, "base_model_name_or_path"); !base.empty()) text += ", of " + base;
  std::string on;
  const auto targets = config->find("target_modules");
  if (targets != config->end() && targets->is_array()) {
    for (const Json& name : *targets) {
      if (name.is_string()) on += (on.empty() ? "" : ", ") + printable(name.get<std::string>());
    }
  }
  if (!on.empty()) text += "; on " + on;
  return text.empty() ? "" : text + "\n";
}

// What the cache takes, from the estimator itself.
std::string cache_line(const std::string& file, Unit unit) {
  const Json answer =
      Json::parse(vram::call(R"({"op":"estimate","engine":{"name":"ideal"},"model":{"file":)" + file + "}}"));
  if (!answer.value("ok", false)) {
    return "No estimate: " + text_at(answer["error"], "message") + "\n";
  }
  const Json& model = answer["model"];
  const Json& cache = model["kv_bytes_per_token"];
  const double full = cache["full"].get<double>(), windowed = cache["windowed"].get<double>();
  std::string text = "Layers " + grouped(number_at(model, "num_hidden_layers")) + ", hidden size " +
                     grouped(number_at(model, "hidden_size")) + ", vocabulary " +
                     grouped(number_at(model, "vocab_size")) + ", context " +
                     grouped(number_at(model, "max_position_embeddings")) + "\n";
  text += "KV cache per token (F16): " + size_text(static_cast<std::int64_t>(full), unit);
  if (windowed > 0) text += ", and within the window " + size_text(static_cast<std::int64_t>(windowed), unit);
  if (const std::int64_t state = number_at(model, "state_bytes_per_sequence"); state > 0) {
    text += "; state per sequence " + size_text(state, unit);
  }
  text += "\n";
  for (const Json& warning : answer["warnings"]) text += "Note: " + text_at(warning, "message") + "\n";
  return text;
}

std::string described(const std::string& file, Unit unit) {
  const Json json = Json::parse(file);
  std::string text = text_at(json, "name");
  if (text.empty() && !json["files"].empty()) text = printable(json["files"][0].get<std::string>());
  text = Colour::bold(text) + "\n";
  text += text_at(json, "format") + ", " + text_at(json, "kind");
  if (const std::string architecture = text_at(json, "architecture"); !architecture.empty())
    text += ", " + architecture;
  if (const std::string quantizer = text_at(json, "quantization"); !quantizer.empty()) text += ", " + quantizer;
  text += "\n";
  const std::int64_t files = number_at(json, "file_count");
  if (files > 0) {
    text += grouped(files) + (files == 1 ? " file, " : " files, ") + size_text(number_at(json, "file_bytes"), unit) +
            ", of which " + size_text(number_at(json, "header_bytes"), unit) + " tell what is in " +
            (files == 1 ? "it" : "them") + "\n";
  }
  text += "\n";
  if (text_at(json, "kind") == "adapter") text += adapter_line(json);
  if (text_at(json, "format") == "pytorch") {  // the pickle that names tensors is not read
    text += grouped(number_at(json, "tensor_count")) + " storages, " +
            size_text(number_at(json, "tensor_bytes"), unit) + "\n\n";
  } else if (number_at(json, "tensor_count") > 0) {
    text += grouped(number_at(json, "tensor_count")) + " tensors, " + grouped(number_at(json, "elements")) +
            " elements, " + size_text(number_at(json, "tensor_bytes"), unit) + "\n\n";
    text += sums_table(json["types"], "type", unit) + sums_table(json["parts"], "part", unit);
  }
  if (const auto components = json.find("components"); components != json.end()) {
    using Align = Table::Align;
    Table table({Align::left, Align::left, Align::right, Align::right, Align::left});
    table.row({"component", "class", "elements", "size", "types"});
    table.rule();
    for (const Json& row : *components) {
      std::string types;
      for (const Json& type : row["types"]) types += (types.empty() ? "" : ", ") + text_at(type, "type");
      const std::int64_t bytes = number_at(row, "tensor_bytes");
      table.row({text_at(row, "name"), text_at(row, "class_name"), bytes > 0 ? grouped(number_at(row, "elements")) : "",
                 bytes > 0 ? size_text(bytes, unit) : "", types});
    }
    text += table.text("  ") + "\n";
  }
  if (const auto projector = json.find("mmproj"); projector != json.end()) {
    text += "Vision projector beside it: " + size_text(number_at(*projector, "tensor_bytes"), unit) + "\n";
  }
  if (text_at(json, "kind") == "model") {
    text += cache_line(file, unit);
  } else {
    for (const Json& warning : json["warnings"]) text += "Note: " + text_at(warning, "message") + "\n";
  }
  return text;
}

}  // namespace

void add_inspect(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("inspect", "What a file or folder of weights holds, read from its headers");
  struct Options {
    std::string path;
    bool json = false;
    bool decimal = false;
  };
  const auto options = std::make_shared<Options>();
  command
      ->add_option("file", options->path,
                   "GGUF, safetensors, PyTorch zip, ONNX, or a folder of them; an address, or org/name")
      ->required()
      ->type_name("FILE|FOLDER|URL|ID");
  command->add_flag("--json", options->json,
                    "Print the `file` value: a request takes it as {\"model\": {\"file\": ...}}");
  command->add_flag("--gb,!--gib", options->decimal, "Sizes in GB (10^9 bytes) instead of GiB (2^30)");
  command->footer(R"(Examples:
  vram-estimator inspect model-00001-of-00004.gguf
  vram-estimator inspect ./Qwen3-8B/
  vram-estimator inspect hf.co/org/name:Q4_K_M
  vram-estimator estimate --model ./Qwen3-8B/ --gpu rtx-4090

Only headers are read: megabytes, whatever the size of the file.)");
  command->callback([options, &exit_code] {
    exit_code = 0;
    const std::string file = read_weights(options->path, "inspect");
    if (options->json) return print(file + "\n");
    print(described(file, options->decimal ? Unit::decimal : Unit::binary));
  });
}

}  // namespace vram::cli
