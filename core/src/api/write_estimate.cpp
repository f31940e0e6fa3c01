#include "api/write_estimate.hpp"

#include <algorithm>

#include "api/write_parts.hpp"

namespace vram {
namespace {

constexpr std::size_t kUsualResponse = 16 * 1024;  // bytes

void write_model(JsonWriter& out, const LlmRequest& request) {
  const Model& model = *request.model;
  out.key("model").begin_object();
  out.field("id", std::string_view(model.id)).field("name", std::string_view(model.name));
  out.field("model_type", std::string_view(model.model_type));
  out.field("parameters", parameters(model)).field("active_parameters", active_parameters(model));
  out.field("num_hidden_layers", static_cast<std::int64_t>(model.layers.size()));
  out.field("hidden_size", model.hidden_size).field("vocab_size", model.vocab_size);
  out.field("max_position_embeddings", model.max_position_embeddings);
  out.key("kv_bytes_per_token").begin_object();
  out.field("full", kv_bytes_per_token_full(model, *request.type_k, *request.type_v));
  out.field("windowed", kv_bytes_per_token_windowed(model, *request.type_k, *request.type_v));
  out.end_object();
  // Engines keep recurrent and convolution state in FP32 unless told otherwise.
  out.field("state_bytes_per_sequence", mul(4, add(state_elements(model), conv_elements(model))));
  out.end_object();
}

void write_weights(JsonWriter& out, const LlmRequest& request) {
  const Model& model = *request.model;
  const WeightFormat& format = request.weights;
  // A GGUF holds the text model; towers come in a file of their own, in 16 bits (mmproj-*-f16.gguf).
  WeightFormat towers = format.scheme == WeightFormat::Scheme::gguf ? *find_weight_format("fp16") : format;
  towers.as_stored = format.as_stored;
  const Bytes bytes = add(weight_bytes(model, format, Part::text),
                          add(weight_bytes(model, towers, Part::tower), weight_bytes(model, towers, Part::projector)));
  const std::int64_t count = parameters(model);
  out.key("weights").begin_object();
  // A file's own mix is called after the format it comes nearest to, and has its own bits.
  const std::string name = std::string(format.name) + (format.as_stored ? " (file)" : "");
  out.field("format", format.id).field("name", std::string_view(name)).field("bytes", bytes);
  out.key("bits_per_weight");
  if (count > 0) {
    out.value(8.0 * static_cast<double>(bytes - model.opaque_bytes) / static_cast<double>(count));
  } else {
    out.null();
  }
  out.end_object();
}

void write_engine(JsonWriter& out, const LlmRequest& request, const LlmEstimate& estimate) {
  out.key("engine").begin_object();
  out.field("name", name_of(request.engine)).field("checked_against", checked_against(request.engine));
  out.key("options");
  write_options(out, effective_options(request));
  out.key("figures").begin_array();
  for (const Figure& figure : estimate.figures) {
    out.begin_object().field("name", figure.name).field("number", figure.number).field("unit", figure.unit);
    if (figure.high > 0) out.field("low", figure.low).field("high", figure.high);
    out.end_object();
  }
  out.end_array().end_object();
}

// Null when it was asked for without a GPU.
void write_largest(JsonWriter& out, std::string_view key, const std::optional<Largest>& answer,
                   std::int64_t model_limit) {
  out.key(key);
  if (!answer) {
    out.null();
    return;
  }
  const Largest& largest = *answer;
  out.begin_object();
  out.field("value", largest.value).field("bounded_by", largest.bounded_by_limit ? "limit" : "memory");
  out.field("limit", largest.limit);
  if (key == "max_context") {
    out.field("within_model", model_limit > 0 ? std::min(largest.value, model_limit) : largest.value);
  }
  out.key("blocked_by");
  if (largest.bounded_by_limit) {
    out.null();
  } else {
    out.begin_object()
        .field("kind", name_of(largest.blocked_by))
        .field("device", name_of(largest.blocked_on))
        .end_object();
  }
  out.end_object();
}

void write_warnings(JsonWriter& out, const EstimateRequest& request, const LlmEstimate& estimate) {
  out.key("warnings").begin_array();
  for (const auto* list : {&request.warnings, &request.model.warnings, &estimate.warnings}) {
    for (const Warning& warning : *list) {
      out.begin_object();
      out.field("path", std::string_view(warning.path)).field("message", std::string_view(warning.message));
      out.end_object();
    }
  }
  out.end_array();
}

}  // namespace

std::string write_estimate(const EstimateRequest& request, std::string_view op, const LlmEstimate& estimate,
                           const Answers& answers) {
  const LlmRequest& llm = request.llm;
  JsonWriter out(kUsualResponse);
  out.begin_object().field("ok", true).field("op", op);
  write_model(out, llm);
  write_weights(out, llm);
  out.key("kv_cache").begin_object().field("k", llm.type_k->id).field("v", llm.type_v->id).end_object();
  out.field("context", llm.context).field("sequences", llm.sequences);
  write_engine(out, llm, estimate);
  write_gpu(out, request.has_gpu, llm.machine);
  out.key("profile").begin_object();
  out.field("id", std::string_view(llm.profile.id)).field("name", std::string_view(llm.profile.name)).end_object();
  write_ledger(out, estimate.ledger);
  write_fit(out, request.has_gpu, llm.machine, estimate.ledger);
  if (request.also.max_context || op == "max_context") {
    write_largest(out, "max_context", answers.max_context, request.model.max_position_embeddings);
  }
  if (request.also.max_batch || op == "max_batch") write_largest(out, "max_batch", answers.max_batch, 0);
  if (request.also.advice) write_advice(out, request, answers.advice);
  if (request.also.references) write_references(out, llm);
  write_warnings(out, request, estimate);
  out.end_object();
  return out.take();
}

}  // namespace vram
