// vram-estimator diffusion: what an image or video pipeline takes, stage by stage.
#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>

#include "border.hpp"
#include "commands.hpp"
#include "numbers.hpp"
#include "problem.hpp"
#include "report.hpp"
#include "terminal.hpp"
#include "text.hpp"
#include "vram/api.hpp"

namespace vram::cli {
namespace {

struct Options {
  std::string pipeline, dtype, guidance, attention, level, gpu, aspect, engine;
  double memory_gib = 0;
  std::int64_t height = 0, width = 0, frames = 0, batch = 0, input_images = -1, lora = 0, lora_rank = 16;
  std::vector<std::string> techniques, quantize, dtypes, also, engine_options, companions;
  bool json = false, list = false, show_request = false, decimal = false, fused = false;
};

// "vram_config.offload_dtype=bfloat16" goes one object deeper at each dot.
void put_engine(Json& request, const Options& o) {
  if (!o.engine.empty()) request["engine"]["name"] = o.engine;
  for (const std::string& option : o.engine_options) {
    const auto [path, value] = name_and_value(option, "--engine-option");
    Json* at = &request["engine"];
    if (at->is_null()) *at = Json::object();
    std::string rest = path;
    for (auto dot = rest.find('.'); at->is_object() && dot != std::string::npos; dot = rest.find('.')) {
      at = &(*at)[rest.substr(0, dot)];
      if (at->is_null()) *at = Json::object();
      rest = rest.substr(dot + 1);
    }
    if (!at->is_object())
      throw Problem{"--engine-option", "an option cannot be a value and hold others", option, "name=value"};
    (*at)[rest] = value_of(value);
  }
}

Json request_of(const Options& o) {
  Json request = {{"op", "diffusion"}, {"pipeline", {{"id", o.pipeline}}}};
  const auto text = [&](const char* key, const std::string& value) {
    if (!value.empty()) request[key] = value;
  };
  const auto number = [&](const char* key, std::int64_t value) {
    if (value > 0) request[key] = value;
  };
  number("height", o.height);
  number("width", o.width);
  number("frames", o.frames);
  number("batch", o.batch);
  if (o.input_images >= 0) request["input_images"] = o.input_images;
  text("guidance", o.guidance);
  text("attention", o.attention);
  text("dtype", o.dtype);
  text("level", o.level);
  for (const std::string& choice : o.dtypes) {
    const auto [role, dtype] = name_and_value(choice, "--component-dtype");
    request["components"][role]["dtype"] = dtype;
  }
  for (const std::string& choice : o.quantize) {
    const auto [role, format] = name_and_value(choice, "--quantize");
    request["components"][role]["quantization"] = format;
  }
  for (const std::string& technique : o.techniques) {
    const auto at = technique.find('=');
    if (technique.rfind("group_offload", 0) == 0) {
      const bool leaf = technique == "group_offload=leaf";
      request["techniques"]["group_offload"]["offload_type"] = leaf ? "leaf_level" : "block_level";
      request["techniques"]["group_offload"]["use_stream"] = true;
    } else if (technique == "record_stream" || technique == "low_cpu_mem_usage") {
      request["techniques"]["group_offload"][technique] = true;
    } else if (at == std::string::npos) {
      request["techniques"][technique] = true;
    } else {
      request["techniques"][technique.substr(0, at)] = value_of(technique.substr(at + 1));
    }
  }
  if (o.lora > 0) request["lora"] = {{"rank", o.lora_rank}, {"count", o.lora}};
  if (o.lora > 0 && o.fused) request["lora"]["fused"] = true;
  for (const std::string& companion : o.companions) {
    const auto at = companion.find('=');
    const Json count = at == std::string::npos ? Json(1) : value_of(companion.substr(at + 1));
    request["companions"].push_back({{"kind", companion.substr(0, at)}, {"count", count}});
  }
  put_engine(request, o);
  if (!o.gpu.empty()) request["gpu"] = {{"id", o.gpu}};
  if (o.memory_gib > 0) request["gpu"] = {{"memory_gib", o.memory_gib}};
  if (!o.aspect.empty()) {
    const auto at = o.aspect.find(':');
    if (at == std::string::npos) throw Problem{"--aspect", "not an aspect ratio", o.aspect, "16:9, for instance"};
    request["aspect_ratio"] = {value_of(o.aspect.substr(0, at)), value_of(o.aspect.substr(at + 1))};
  }
  for (const std::string& name : o.also) request["also"].push_back(name);
  return request;
}

std::string list_text() {
  Table table({Table::Align::left, Table::Align::left, Table::Align::left});
  table.row({"id", "name", "usual size"});
  table.rule();
  for (const auto& row : rows_of("pipelines")) {
    std::string size = compact(row["width"]) + " x " + compact(row["height"]);
    if (row["frames"] != 1) size += " x " + compact(row["frames"]) + " frames";
    table.row({text_of(row, "id"), text_of(row, "name"), size});
  }
  return table.text();
}

std::string slower_text(const Json& slower) {
  const auto percent = [](const Json& share) { return number_text(std::round(share.get<double>() * 100)); };
  if (slower["low"] == slower["high"]) return percent(slower["low"]) + " %";
  return percent(slower["low"]) + " to " + percent(slower["high"]) + " %";
}

std::string report_text(const Json& response, Unit unit) {
  const auto expected = [&](const Json& interval) { return gib_text(interval["expected"].get<std::int64_t>(), unit); };
  std::string text = Colour::bold(printable(text_of(response["pipeline"], "name"))) + ", " +
                     compact(response["width"]) + " x " + compact(response["height"]);
  if (response["frames"] != 1) text += " x " + compact(response["frames"]) + " frames";
  if (response["batch"] != 1) text += ", " + compact(response["batch"]) + " at a time";
  text += "\n\n";
  Table parts({Table::Align::left, Table::Align::left, Table::Align::right, Table::Align::right});
  parts.row({"component", "stored as", "parameters", "weights"});
  parts.rule();
  for (const auto& c : response["pipeline"]["components"]) {
    const std::string stored = c["quantization"].is_null() ? text_of(c, "dtype") : text_of(c, "quantization");
    parts.row({printable(text_of(c, "role")), stored, grouped(c["parameters"].get<std::int64_t>()),
               gib_text(c["bytes"].get<std::int64_t>(), unit)});
  }
  text += parts.text() + "\n";
  Table stages({Table::Align::left, Table::Align::left, Table::Align::right, Table::Align::right, Table::Align::right,
                Table::Align::right, Table::Align::right});
  stages.row({"stage", "component", "activations", "allocated", "reserved", "nvidia-smi", "RAM"});
  stages.rule();
  for (const auto& s : response["stages"]) {
    stages.row({text_of(s, "stage"), printable(text_of(s, "component")), expected(s["activations"]),
                expected(s["allocated"]), expected(s["reserved"]), expected(s["nvidia_smi"]), expected(s["host"])});
  }
  stages.rule();
  const Json& memory = response["memory"];
  stages.row({"peak", "", "", expected(memory["allocated"]), expected(memory["reserved"]),
              expected(memory["nvidia_smi"]), ""});
  text += stages.text() + "\n" + verdict_line(response, unit);
  if (response.contains("savings")) {
    Table savings({Table::Align::left, Table::Align::right, Table::Align::right, Table::Align::left});
    savings.row({"technique", "saves", "slower", ""});
    savings.rule();
    for (const auto& s : response["savings"]) {
      savings.row({text_of(s, "technique"), gib_text(s["saves_bytes"].get<std::int64_t>(), unit),
                   slower_text(s["slower"]),
                   s["active"] == true ? "active"
                   : s["fits"] == true ? "fits then"
                                       : ""});
    }
    text += "\n" + savings.text();
  }
  if (response.contains("levels") && !response["levels"].empty()) {
    Table levels(
        {Table::Align::left, Table::Align::right, Table::Align::right, Table::Align::right, Table::Align::left});
    levels.row({"level", "nvidia-smi", "RAM", "slower", ""});
    levels.rule();
    for (const auto& l : response["levels"]) {
      levels.row({text_of(l, "name"), expected(l["nvidia_smi"]), gib_text(l["host_bytes"].get<std::int64_t>(), unit),
                  slower_text(l["slower"]),
                  std::string(l["fits"] == true ? "fits" : "") + (l["chosen"] == true ? " (usual at this size)" : "")});
    }
    text += "\n" + levels.text();
  }
  if (response.contains("weakest") && response["weakest"].is_object()) {
    const Json& w = response["weakest"];
    std::string names;
    for (const auto& name : w["techniques"]) names += (names.empty() ? "" : " + ") + name.get<std::string>();
    text += "\n" +
            (w["fits"] != true ? "Nothing of this makes it fit: " + text_of(w["blocked_by"], "label") +
                                     " is too large while in " + text_of(w["blocked_by"], "stage") + "."
             : names.empty() ? std::string("It fits as it is.")
                             : "Weakest measure that fits: " + names + ", " + slower_text(w["slower"]) + " slower, " +
                                   expected(w["nvidia_smi"])) +
            "\n";
  }
  if (response.contains("max_resolution") && response["max_resolution"].is_object()) {
    const Json& square = response["max_resolution"]["square"];
    const Json& wide = response["max_resolution"]["at_aspect_ratio"];
    if (square["value"] != 0) {
      text += "\nLargest square: " + compact(square["width"]) + " x " + compact(square["height"]) +
              "; at the aspect ratio: " + compact(wide["width"]) + " x " + compact(wide["height"]) + "\n";
    } else {
      text += "\nNo size fits.\n";
    }
  }
  for (const char* key : {"max_frames", "max_batch", "max_loras"}) {
    if (!response.contains(key) || !response[key].is_object()) continue;
    text += std::string(key) + ": " + compact(response[key]["value"]);
    if (response[key]["blocked_by"].is_object())
      text += " (then " + text_of(response[key]["blocked_by"], "stage") + ": " +
              printable(text_of(response[key]["blocked_by"], "label")) + ")";
    text += "\n";
  }
  if (response.contains("smallest_gpu") && response["smallest_gpu"].is_object())
    text += "Smallest GPU: " + printable(text_of(response["smallest_gpu"], "name")) + "\n";
  if (response.contains("vram_limit") && response["vram_limit"].is_number())
    text += "vram_limit: " + compact(response["vram_limit"]) + " GiB\n";
  if (response.contains("references")) {
    for (const auto& r : response["references"])
      text += text_of(r, "name") + ": " + number_text(r["predicted_vram_gb"].get<double>()) + " GiB. " +
              text_of(r, "note") + "\n";
  }
  return text + warnings_text(response);
}

int run(const Options& o) {
  if (o.list) {
    print(list_text());
    return kFits;
  }
  if (o.pipeline.empty())
    throw Problem{"--pipeline", "no pipeline named", "", "an id of `vram-estimator diffusion --list`"};
  const Json request = request_of(o);
  if (o.show_request) {
    print(compact(request) + "\n");
    return kFits;
  }
  if (o.json) {
    const std::string text = vram::call(compact(request));
    print(text + "\n");
    const Json parsed = Json::parse(text);
    if (!parsed.value("ok", false)) throw problem_of(parsed.at("error"));
    return parsed["fits"] == false ? kDoesNotFit : kFits;
  }
  const Json response = answer(compact(request));
  print(report_text(response, o.decimal ? Unit::decimal : Unit::binary));
  return response["fits"] == false ? kDoesNotFit : kFits;
}

}  // namespace

void add_diffusion(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("diffusion", "What an image or video pipeline takes, stage by stage");
  const auto o = std::make_shared<Options>();
  command->add_option("--pipeline", o->pipeline, "Pipeline, an id of --list")->type_name("ID");
  command->add_flag("--list", o->list, "List the built-in pipelines");
  command->add_option("--height", o->height, "Pixels");
  command->add_option("--width", o->width, "Pixels");
  command->add_option("--frames", o->frames, "Frames of a clip");
  command->add_option("--batch", o->batch, "Pictures or clips at the same time");
  command->add_option("--input-images", o->input_images, "Pictures to start from");
  command->add_option("--guidance", o->guidance, "none, doubled or sequential");
  command->add_option("--attention", o->attention, "sdpa, flash, xformers or eager");
  command->add_option("--dtype", o->dtype, "fp32, fp16 or bf16, for all components");
  command->add_option("--component-dtype", o->dtypes, "dtype of one component: vae=fp32")->type_name("ROLE=DTYPE");
  command->add_option("--quantize", o->quantize, "Weights of one component: transformer=bnb_nf4")
      ->type_name("ROLE=FORMAT");
  command
      ->add_option("--technique", o->techniques,
                   "model_cpu_offload, sequential_cpu_offload, group_offload=block, group_offload=leaf, vae_tiling, "
                   "vae_slicing, attention_slicing, forward_chunking, layerwise_casting, torch_compile, channels_last, "
                   "fuse_qkv, "
                   "text_encoders_on_cpu, record_stream, low_cpu_mem_usage")
      ->type_name("NAME");
  command->add_option("--engine", o->engine, "diffusers, diffsynth, comfyui, a1111, forge or stable-diffusion.cpp");
  command
      ->add_option("--engine-option", o->engine_options,
                   "Option of the engine, docs/api.md: vram=lowvram, vram_limit=10, vram_config.offload_device=cpu")
      ->type_name("NAME=VALUE");
  command->add_option("--level", o->level, "none, balanced, aggressive, ultra, ultra_cpu or auto");
  command->add_option("--lora", o->lora, "LoRAs loaded");
  command->add_option("--lora-rank", o->lora_rank, "Their rank (16)");
  command->add_flag("--lora-fused", o->fused, "LoRAs are merged into the weights");
  command->add_option("--companion", o->companions, "controlnet, t2i_adapter, ip_adapter or upscaler")
      ->type_name("KIND[=COUNT]");
  command->add_option("--gpu", o->gpu, "GPU, an id of `gpus`")->type_name("ID");
  command->add_option("--memory-gib", o->memory_gib, "GPU of this size")->type_name("GIB");
  command->add_option("--aspect", o->aspect, "Aspect ratio of max_resolution: 16:9")->type_name("W:H");
  command
      ->add_option("--also", o->also,
                   "max_resolution, max_frames, max_batch, max_loras, savings, levels, weakest, smallest_gpu, "
                   "vram_limit, references")
      ->type_name("NAME");
  command->add_flag("--decimal", o->decimal, "GB instead of GiB");
  command->add_flag("--json", o->json, "Print the response as JSON");
  command->add_flag("--request", o->show_request, "Print the request instead of sending it");
  command->footer(R"(Examples:
  vram-estimator diffusion --pipeline sdxl-base-1.0 --gpu rtx-4090
  vram-estimator diffusion --pipeline flux.1-dev --memory-gib 12 --also weakest --also savings
  vram-estimator diffusion --pipeline wan2.1-t2v-14b --height 480 --width 832 --frames 81 --technique model_cpu_offload

Exit code: 0 it fits, 1 it does not, 2 the request is wrong.)");
  command->callback([o, &exit_code] { exit_code = run(*o); });
}

}  // namespace vram::cli
