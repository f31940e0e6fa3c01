// "training": the ledger of a training step, and what would make it fit.
#include <algorithm>

#include "api/ops.hpp"
#include "api/training_request.hpp"
#include "api/write_parts.hpp"
#include "read/config.hpp"
#include "vram/catalogue.hpp"

namespace vram {
namespace {

using O = TrainingOptions;

constexpr std::size_t kMostModels = 8;

template <class T>
T checked(Result<T> result) {
  if (!result.ok()) throw BadInput{result.error()};
  return std::move(*result);
}

template <class E>
std::string_view name_in(std::initializer_list<std::string_view> names, E value) {
  return names.begin()[static_cast<std::size_t>(value)];
}

void write_options(JsonWriter& out, const O& o) {
  out.key("training").begin_object();
  out.field("method", name_in({"full", "lora", "qlora"}, o.method));
  if (o.method != O::Method::full) {
    out.field("lora_rank", o.lora_rank).key("target_modules");
    if (o.target_modules.empty()) {
      out.value("all-linear");
    } else {
      out.begin_array();
      for (const std::string& name : o.target_modules) out.value(std::string_view(name));
      out.end_array();
    }
    out.field("use_dora", o.use_dora).field("train_embeddings", o.train_embeddings);
    out.field("adapters_in_16_bit", o.adapters_in_16_bit).field("lora_dropout", o.lora_dropout);
  }
  out.field("optimizer", name_in({"sgd", "sgd_momentum", "adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit",
                                  "adafactor", "lion", "lion_8bit"},
                                 o.optimizer));
  out.field("precision", name_in({"fp32", "bf16", "bf16_mixed", "fp16_mixed"}, o.precision));
  out.field("strategy", name_in({"ddp", "zero_1", "zero_2", "zero_3", "fsdp"}, o.strategy));
  out.field("loss", name_in({"cross_entropy", "chunked", "fused_linear"}, o.loss));
  out.field("attn_implementation", name_in({"eager", "sdpa", "flash_attention_2"}, o.attn_implementation));
  out.field("micro_batch_size", o.micro_batch_size).field("sequence_length", o.sequence_length);
  out.field("gradient_accumulation_steps", o.gradient_accumulation_steps);
  out.field("gradient_checkpointing", o.gradient_checkpointing).field("fused_kernels", o.fused_kernels);
  out.field("optimizer_in_backward", o.optimizer_in_backward).field("offload_optimizer", o.offload_optimizer);
  out.field("offload_param", o.offload_param).end_object();
}

void write_largest(JsonWriter& out, std::string_view key, bool asked, bool has_gpu, const TrainingRequest& request,
                   Result<LargestKnob> (*search)(TrainingRequest)) {
  if (!asked) return;
  out.key(key);
  if (!has_gpu) {
    out.null();
    return;
  }
  const LargestKnob largest = checked(search(request));
  out.begin_object().field("value", largest.value).field("limit", largest.limit).end_object();
}

constexpr std::string_view kVerdicts[] = {"fits", "tight", "does_not_fit"};

void write_techniques(JsonWriter& out, const TrainingAsked& asked) {
  out.key("techniques").begin_array();
  for (const Technique& technique : techniques(asked.training)) {
    out.begin_object()
        .field("name", technique.name)
        .field("text", technique.text)
        .field("saved_bytes", technique.saved_bytes);
    out.key("verdict");
    if (asked.has_gpu) {
      out.value(kVerdicts[static_cast<std::size_t>(technique.fit.verdict)]);
    } else {
      out.null();
    }
    out.end_object();
  }
  out.end_array();
}

// The largest models of the catalogue that train like this on this machine.
void write_models(JsonWriter& out, const TrainingAsked& asked) {
  struct Found {
    std::string_view id;
    std::string name;
    std::int64_t parameters = 0;
    Fit fit;
  };
  std::vector<Found> found;
  TrainingRequest request = asked.training;
  for (const CatalogueRow& row : model_rows()) {
    if (!asked.has_gpu) break;
    const Json json = parse_own(row.json);
    const Model model = read_config(json["config"], "/config");
    request.model = &model;
    const Result<TrainingEstimate> result = estimate(request);
    if (!result.ok()) continue;
    const Fit fit = check_fit(result->ledger, request.machine);
    if (fit.verdict != Fit::Verdict::does_not_fit)
      found.push_back({row.id, json["name"].get<std::string>(), parameters(model), fit});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Found& a, const Found& b) { return a.parameters > b.parameters; });
  if (found.size() > kMostModels) found.resize(kMostModels);
  out.key("models").begin_array();
  for (const Found& one : found) {
    out.begin_object()
        .field("id", one.id)
        .field("name", std::string_view(one.name))
        .field("parameters", one.parameters);
    out.field("verdict", kVerdicts[static_cast<std::size_t>(one.fit.verdict)])
        .field("headroom_bytes", one.fit.headroom_bytes)
        .end_object();
  }
  out.end_array();
}

}  // namespace

std::string answer_training(const Json& json) {
  TrainingAsked asked;
  read_training(json, asked);
  const TrainingRequest& t = asked.training;
  const Model& model = asked.model;
  const TrainingEstimate result = checked(estimate(t));
  JsonWriter out(16 * 1024);
  out.begin_object().field("ok", true).field("op", "training").key("model").begin_object();
  out.field("id", std::string_view(model.id))
      .field("name", std::string_view(model.name))
      .field("model_type", std::string_view(model.model_type));
  out.field("parameters", parameters(model)).field("num_hidden_layers", static_cast<std::int64_t>(model.layers.size()));
  out.field("hidden_size", model.hidden_size).field("vocab_size", model.vocab_size);
  out.field("max_position_embeddings", model.max_position_embeddings).end_object();
  out.key("weights").begin_object().field("format", t.weights.id).field("name", t.weights.name).end_object();
  write_options(out, t.options);
  out.key("figures").begin_array();
  for (const Figure& figure : result.figures) {
    out.begin_object()
        .field("name", figure.name)
        .field("number", figure.number)
        .field("unit", figure.unit)
        .end_object();
  }
  out.end_array();
  write_gpu(out, asked.has_gpu, t.machine);
  out.key("profile").begin_object();
  out.field("id", std::string_view(t.profile.id)).field("name", std::string_view(t.profile.name)).end_object();
  write_ledger(out, result.ledger);
  write_fit(out, asked.has_gpu, t.machine, result.ledger);
  write_largest(out, "max_micro_batch_size", asked.max_micro_batch_size, asked.has_gpu, t, max_micro_batch_size);
  write_largest(out, "max_sequence_length", asked.max_sequence_length, asked.has_gpu, t, max_sequence_length);
  write_largest(out, "max_lora_rank", asked.max_lora_rank, asked.has_gpu, t, max_lora_rank);
  if (asked.techniques) write_techniques(out, asked);
  if (asked.models) write_models(out, asked);
  out.key("warnings").begin_array();
  for (const auto* list : {&model.warnings, &result.warnings}) {
    for (const Warning& warning : *list) {
      out.begin_object()
          .field("path", std::string_view(warning.path))
          .field("message", std::string_view(warning.message))
          .end_object();
    }
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace vram
