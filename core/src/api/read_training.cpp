// The fields of "training".
#include <algorithm>

#include "api/training_request.hpp"

namespace vram {
namespace {

using O = TrainingOptions;

std::vector<std::string> read_targets(const ObjectReader& reader) {
  const Json* json = reader.find("target_modules");
  if (json == nullptr || *json == "all-linear") return {};
  std::string expected = "\"all-linear\" or a list of";
  for (const std::string_view name : target_module_names()) expected += " " + std::string(name);
  if (!json->is_array() || json->empty())
    refuse("/target_modules", "target_modules must be a list of modules", shown(*json), expected);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < json->size(); ++i) {
    const Json& name = (*json)[i];
    const std::vector<std::string_view> known = target_module_names();
    if (!name.is_string() || std::find(known.begin(), known.end(), name.get_ref<const std::string&>()) == known.end()) {
      refuse(path_at("/target_modules", i),
             "unknown module" + (name.is_string() ? did_you_mean(name.get_ref<const std::string&>(), known) : ""),
             shown(name), expected);
    }
    if (std::find(names.begin(), names.end(), name.get_ref<const std::string&>()) == names.end())
      names.push_back(name.get<std::string>());
  }
  return names;
}

template <class E>
E choice(const ObjectReader& reader, std::string_view key, std::initializer_list<std::string_view> names, E fallback) {
  return static_cast<E>(reader.choice_or(key, names, static_cast<std::size_t>(fallback)));
}

O read_options(const ObjectReader& r) {
  O o;
  o.method = choice(r, "method", {"full", "lora", "qlora"}, o.method);
  o.lora_rank = r.integer_or("lora_rank", 1, 1 << 14, o.lora_rank);
  o.target_modules = read_targets(r);
  o.use_dora = r.boolean_or("use_dora", o.use_dora);
  o.train_embeddings = r.boolean_or("train_embeddings", o.train_embeddings);
  o.adapters_in_16_bit = r.boolean_or("adapters_in_16_bit", o.adapters_in_16_bit);
  o.lora_dropout = r.boolean_or("lora_dropout", o.lora_dropout);
  o.optimizer = choice(r, "optimizer",
                       {"sgd", "sgd_momentum", "adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit", "adafactor",
                        "lion", "lion_8bit"},
                       o.optimizer);
  o.precision = choice(r, "precision", {"fp32", "bf16", "bf16_mixed", "fp16_mixed"}, o.precision);
  o.strategy = choice(r, "strategy", {"ddp", "zero_1", "zero_2", "zero_3", "fsdp"}, o.strategy);
  o.loss = choice(r, "loss", {"cross_entropy", "chunked", "fused_linear"}, o.loss);
  o.attn_implementation =
      choice(r, "attn_implementation", {"eager", "sdpa", "flash_attention_2"}, o.attn_implementation);
  o.micro_batch_size = r.integer_or("micro_batch_size", 1, 1 << 16, o.micro_batch_size);
  o.sequence_length = r.integer_or("sequence_length", 1, 1 << 24, o.sequence_length);
  o.gradient_accumulation_steps =
      r.integer_or("gradient_accumulation_steps", 1, 1 << 20, o.gradient_accumulation_steps);
  o.gradient_checkpointing = r.boolean_or("gradient_checkpointing", o.gradient_checkpointing);
  o.fused_kernels = r.boolean_or("fused_kernels", o.fused_kernels);
  o.optimizer_in_backward = r.boolean_or("optimizer_in_backward", o.optimizer_in_backward);
  o.offload_optimizer = r.boolean_or("offload_optimizer", o.offload_optimizer);
  o.offload_param = r.boolean_or("offload_param", o.offload_param);
  return o;
}

void read_also(const ObjectReader& reader, TrainingAsked& asked) {
  const Json* wanted = reader.find("also");
  if (wanted == nullptr) return;
  constexpr const char* kExpected =
      "a list of any of: max_micro_batch_size, max_sequence_length, max_lora_rank, techniques, models";
  if (!wanted->is_array()) refuse("/also", "also must be a list", shown(*wanted), kExpected);
  const std::pair<const char*, bool*> flags[] = {{"max_micro_batch_size", &asked.max_micro_batch_size},
                                                 {"max_sequence_length", &asked.max_sequence_length},
                                                 {"max_lora_rank", &asked.max_lora_rank},
                                                 {"techniques", &asked.techniques},
                                                 {"models", &asked.models}};
  for (std::size_t i = 0; i < wanted->size(); ++i) {
    const auto found =
        std::find_if(std::begin(flags), std::end(flags), [&](const auto& flag) { return (*wanted)[i] == flag.first; });
    if (found == std::end(flags)) refuse(path_at("/also", i), "unknown answer in also", shown((*wanted)[i]), kExpected);
    *found->second = true;
  }
}

}  // namespace

void read_training(const Json& json, TrainingAsked& asked) {
  const ObjectReader reader(json, "");
  reader.only({"op",
               "model",
               "weights",
               "method",
               "lora_rank",
               "target_modules",
               "use_dora",
               "train_embeddings",
               "adapters_in_16_bit",
               "lora_dropout",
               "optimizer",
               "precision",
               "strategy",
               "loss",
               "attn_implementation",
               "micro_batch_size",
               "sequence_length",
               "gradient_accumulation_steps",
               "gradient_checkpointing",
               "fused_kernels",
               "optimizer_in_backward",
               "offload_optimizer",
               "offload_param",
               "gpu",
               "profile",
               "also",
               "rows"});
  asked.rows = read_rows(reader);
  read_also(reader, asked);
  asked.model = read_model(reader, asked.rows);
  TrainingRequest& t = asked.training;
  t.model = &asked.model;
  t.options = read_options(reader);
  const bool quantized = t.options.method == O::Method::qlora;
  if (!quantized && reader.has("weights")) {
    refuse("/weights", "only QLoRA trains on quantized weights; else precision says what weights are kept in",
           shown(*reader.find("weights")), "method \"qlora\", or no weights");
  }
  if (!quantized) {
    t.weights = *find_weight_format(t.options.precision == O::Precision::fp32 ? "fp32" : "bf16");
  } else if (reader.has("weights")) {
    t.weights = read_weights(reader, asked.model);
  } else {
    t.weights = *find_weight_format("bnb_nf4");
    t.weights.double_quant = true;  // arXiv 2305.14314
  }
  if (quantized && t.weights.scheme == WeightFormat::Scheme::plain) {
    refuse("/weights", "QLoRA trains on quantized weights", "\"" + std::string(t.weights.id) + "\"",
           "\"bnb_nf4\", \"bnb_int8\", \"gptq\", \"awq\"; or method \"lora\"");
  }
  asked.has_gpu = read_gpu(reader, asked.rows, t.machine);
  asked.profiles = read_profiles(reader, asked.rows);
  t.profile = asked.profiles(t.machine);
}

}  // namespace vram
