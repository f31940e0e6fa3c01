// vram-estimator training: what a step of training or fine-tuning takes, and what would make it fit.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "border.hpp"
#include "commands.hpp"
#include "explain.hpp"
#include "numbers.hpp"
#include "problem.hpp"
#include "report.hpp"
#include "request.hpp"
#include "set_up.hpp"
#include "terminal.hpp"
#include "vram/api.hpp"

namespace vram::cli {
namespace {

enum class Kind : std::uint8_t { text, number, tokens, list, flag };

struct Option {
  const char* flags;
  const char* key;
  Kind kind;
  const char* group;
  const char* help;
};

constexpr Option kOptions[] = {
    {"--method", "method", Kind::text, "Method", "full, lora (default) or qlora"},
    {"--lora-rank,--rank", "lora_rank", Kind::number, "Method", "Rank of the adapters (default 16)"},
    {"--target-modules", "target_modules", Kind::list, "Method",
     "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj or all-linear (default)"},
    {"--dora", "use_dora", Kind::flag, "Method", "DoRA: a magnitude beside each adapter"},
    {"--train-embeddings", "train_embeddings", Kind::flag, "Method",
     "Embeddings and head are trained as well (modules_to_save)"},
    {"--adapters-in-16-bit", "adapters_in_16_bit", Kind::flag, "Method", "Adapters in 16 bits (PEFT keeps them in 32)"},
    {"--lora-dropout", "lora_dropout", Kind::flag, "Method", "Dropout before the adapters"},
    {"--optimizer,--optim", "optimizer", Kind::text, "Optimizer",
     "sgd, sgd_momentum, adamw (default), adamw_8bit, paged_adamw, paged_adamw_8bit, adafactor, lion, lion_8bit"},
    {"--precision", "precision", Kind::text, "Optimizer", "fp32, bf16, bf16_mixed (default) or fp16_mixed"},
    {"--optimizer-in-backward", "optimizer_in_backward", Kind::flag, "Optimizer",
     "Each gradient is used and dropped at once"},
    {"--micro-batch-size,--micro-batch", "micro_batch_size", Kind::number, "Load",
     "Sequences per GPU and step (default 1)"},
    {"--sequence-length,--seq", "sequence_length", Kind::tokens, "Load", "Tokens of a sequence (default 2048)"},
    {"--gradient-accumulation-steps", "gradient_accumulation_steps", Kind::number, "Load",
     "Steps whose gradients are summed (default 1)"},
    {"--gradient-checkpointing", "gradient_checkpointing", Kind::flag, "Load", "Layers run again in the backward pass"},
    {"--attn-implementation", "attn_implementation", Kind::text, "Load", "eager, sdpa (default) or flash_attention_2"},
    {"--loss", "loss", Kind::text, "Load", "cross_entropy (default), chunked or fused_linear (Liger, Unsloth)"},
    {"--fused-kernels", "fused_kernels", Kind::flag, "Load",
     "Fused norms, activation functions and loss (Liger, torch.compile)"},
    {"--strategy", "strategy", Kind::text, "Several GPUs", "ddp (default), zero_1, zero_2, zero_3 or fsdp"},
    {"--offload-optimizer", "offload_optimizer", Kind::flag, "Several GPUs", "The optimizer's state in RAM"},
    {"--offload-param", "offload_param", Kind::flag, "Several GPUs", "Weights in RAM (zero_3, fsdp)"},
};

struct Training {
  SetUp set_up;
  std::map<std::string, std::string> options;
};

void declare(CLI::App& command, Training& t) {
  SetUp& s = t.set_up;
  s.bars = stdout_is_terminal();
  const std::string model = "Model (one of --model, --config)";
  command.add_option("--model", s.model, "A model of the catalogue, see `vram-estimator models`")
      ->group(model)
      ->type_name("ID");
  command.add_option("--config", s.config, "A Hugging Face config.json, a folder that holds one, or -")
      ->group(model)
      ->type_name("FILE");
  command.add_option("--weights", s.weights, "QLoRA: the quantized weights (default bnb_nf4 with double_quant)")
      ->group(model)
      ->type_name("FORMAT");
  for (const Option& option : kOptions) {
    CLI::Option* declared = option.kind == Kind::flag
                                ? command.add_flag(option.flags, t.options[option.key], option.help)
                                : command.add_option(option.flags, t.options[option.key], option.help);
    declared->group(option.group);
    if (option.kind == Kind::number) declared->type_name("N");
    if (option.kind == Kind::tokens) declared->type_name("TOKENS");
  }
  command.add_option("--gpu", s.gpu, "A GPU of the catalogue; auto: the one in this machine (default); none")
      ->group("Machine")
      ->type_name("ID");
  command.add_option("--gpus", s.gpu_count, "How many of them")->group("Machine")->type_name("N");
  command.add_option("--total-vram-gib", s.memory_gib, "Memory of one GPU in GiB, instead of --gpu")
      ->group("Machine")
      ->type_name("GIB");
  command.add_option("--profile", s.profile, "Overhead profile, see `vram-estimator profiles`")
      ->group("Machine")
      ->type_name("ID");
  command
      .add_option("--also", s.also,
                  "Further answers: max_micro_batch_size, max_sequence_length, max_lora_rank, techniques, models")
      ->group("Output")
      ->delimiter(',')
      ->type_name("LIST")
      ->take_all();
  command.add_flag("--json", s.json, "Print the response as JSON, nothing else")->group("Output");
  command.add_flag("--request", s.show_request, "Print the JSON request and stop; `vram-estimator batch` takes it")
      ->group("Output");
  command.add_flag("--explain", s.explain, "Formula, numbers and source of every entry")->group("Output");
  command.add_flag("--bars,!--no-bars", s.bars, "Bars beside the sizes (default: on a terminal)")->group("Output");
  command.add_flag("--gb,!--gib", s.decimal, "Sizes in GB (10^9 bytes) instead of GiB (2^30)")->group("Output");
}

Json value_for(const Option& option, const std::string& text) {
  const std::string flags = option.flags;
  const std::string flag = flags.substr(0, flags.find(','));
  switch (option.kind) {
    case Kind::number: return number_of(text, flag);
    case Kind::tokens: return tokens_of(text, flag);
    case Kind::flag: return text == "true";
    case Kind::text: return text;
    case Kind::list: break;
  }
  if (text == "all-linear") return text;
  Json list = Json::array();
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    list.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return list;
}

std::string request_text(const Training& t, const std::vector<std::string>& also, std::string& note) {
  const SetUp& s = t.set_up;
  Json rest = Json::object();
  if (!s.weights.empty()) rest["weights"] = weights_of(s.weights);
  for (const Option& option : kOptions) {
    const std::string& text = t.options.at(option.key);
    if (!text.empty()) rest[option.key] = value_for(option, text);
  }
  const Json gpu = gpu_of(s, note);
  if (!gpu.is_null()) rest["gpu"] = gpu;
  if (!s.profile.empty()) rest["profile"] = s.profile;
  if (!also.empty()) rest["also"] = also;
  std::string text = "{\"op\":\"training\",\"model\":" + model_text(s);
  const std::string more = compact(rest);
  return text + (more == "{}" ? "}" : "," + more.substr(1));
}

std::string heading(const Json& response) {
  const Json& model = response.at("model");
  const Json& training = response.at("training");
  const std::string name = text_of(model, "name");
  std::string text = Colour::bold(name.empty() ? "A model without a name" : printable(name)) + ", " +
                     grouped(model.at("parameters").get<std::int64_t>()) + " parameters";
  for (const Json& figure : response.at("figures")) {
    if (figure.at("name") == "trainable_parameters")
      text += ", " + grouped(figure.at("number").get<std::int64_t>()) + " of them trained";
  }
  text += "\n" + text_of(training, "method") + ", " + text_of(training, "optimizer") + ", " +
          text_of(training, "precision") + ", " + grouped(training.at("micro_batch_size").get<std::int64_t>()) + " x " +
          grouped(training.at("sequence_length").get<std::int64_t>()) + " tokens per GPU, " +
          text_of(training, "strategy");
  return text + (training.at("gradient_checkpointing").get<bool>() ? ", gradient checkpointing\n" : "\n");
}

std::string answers(const Json& response, Unit unit) {
  std::string text;
  for (const auto& [key, what] :
       {std::pair{"max_micro_batch_size", "micro-batch"}, std::pair{"max_sequence_length", "sequence length"},
        std::pair{"max_lora_rank", "LoRA rank"}}) {
    const Json largest = response.value(key, Json());
    if (!largest.is_object() || largest.at("limit") == 0) continue;
    const std::int64_t value = largest.at("value").get<std::int64_t>();
    text +=
        "Largest " + std::string(what) + ": " + (value == 0 ? "not even 1 fits" : Colour::bold(grouped(value))) + "\n";
  }
  const Json techniques = response.value("techniques", Json::array());
  if (!techniques.empty()) {
    Table table({Table::Align::left, Table::Align::right, Table::Align::left, Table::Align::left});
    for (const Json& one : techniques) {
      const Json verdict = one.value("verdict", Json());
      table.row({text_of(one, "name"), gib_text(one.at("saved_bytes").get<std::int64_t>(), unit),
                 !verdict.is_string()        ? ""
                 : verdict == "does_not_fit" ? "still too much"
                                             : verdict.get<std::string>(),
                 text_of(one, "text")});
    }
    text += "\n" + Colour::bold("What one change would save") + "\n" + table.text("  ");
  }
  const Json models = response.value("models", Json::array());
  if (!models.empty()) {
    text += "\nThe largest models that train like this:\n";
    for (const Json& one : models)
      text += "  " + printable(text_of(one, "name")) + ", " + grouped(one.at("parameters").get<std::int64_t>()) +
              " parameters\n";
  }
  return text;
}

int run(const Training& t) {
  const SetUp& s = t.set_up;
  std::string note;
  std::vector<std::string> also = s.also;
  if (also.empty() && !s.json && !s.show_request)
    also = {"max_micro_batch_size", "max_sequence_length", "max_lora_rank", "techniques"};
  const std::string text = request_text(t, also, note);
  if (s.show_request) {
    print(text + "\n");
    return kFits;
  }
  Json response;
  if (s.json) {
    const std::string answered = vram::call(text);
    print(answered + "\n");
    response = Json::parse(answered);
    if (!response.value("ok", false)) throw problem_of(response.at("error"));
  } else {
    if (!note.empty()) std::fprintf(stderr, "%s\n", note.c_str());
    response = answer(text);
    const ReportStyle style{s.unit(), s.explain, s.bars};
    std::string out = heading(response) + tables_text(response, style) + "\n" + verdict_line(response, s.unit()) +
                      answers(response, s.unit());
    if (const std::string notes = warnings_text(response); !notes.empty()) out += "\n" + notes;
    if (s.explain) out += explanation(response, s.unit());
    print(out);
  }
  const Json fits = response.value("fits", Json());
  return fits.is_boolean() && !fits.get<bool>() ? kDoesNotFit : kFits;
}

}  // namespace

void add_training(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("training", "What training or fine-tuning takes, and what would make it fit");
  const auto training = std::make_shared<Training>();
  declare(*command, *training);
  command->footer(R"(Examples:
  vram-estimator training --model llama-3.1-8b --method qlora --lora-rank 16 --gradient-checkpointing --gpu rtx-4090
  vram-estimator training --model llama-3.1-8b --method full --precision bf16 --optimizer paged_adamw_8bit \
      --gradient-checkpointing --loss fused_linear --gpu rtx-a6000
  vram-estimator training --model llama-3.1-70b --method full --strategy zero_3 --gradient-checkpointing \
      --sequence-length 4k --gpu h100-sxm --gpus 16

Exit code: 0 it fits (or no GPU is known), 1 it does not, 2 the request is wrong.)");
  command->callback([training, &exit_code] { exit_code = run(*training); });
}

}  // namespace vram::cli
