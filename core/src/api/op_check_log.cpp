// "check_log": what an engine printed at its start, beside what we estimate for the same settings.
#include <algorithm>
#include <cmath>

#include "api/log_request.hpp"
#include "api/ops.hpp"
#include "api/request.hpp"
#include "api/write_estimate.hpp"

namespace vram {
namespace {

using read::EngineLog;
using read::LogTerm;

constexpr std::size_t kMostTerms = 512;

std::string valid_text(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// An interval in the unit of the term, summed over the ledger's entries that the printed figure counts.
struct Estimated {
  double low = 0, expected = 0, high = 0;
  bool found = false;
};

std::vector<std::string_view> kinds_of(std::string_view term) {
  if (term == "weights") return {"weights"};
  if (term == "kv_cache") return {"kv_cache"};
  if (term == "recurrent_state") return {"recurrent_state"};
  if (term == "compute_buffer") return {"compute_buffer"};
  if (term == "output_buffer") return {"output_buffer"};
  if (term == "activations") return {"activations", "logits"};
  if (term == "cuda_graphs") return {"cuda_graphs"};
  if (term == "non_torch") return {"runtime_context", "framework", "communication"};
  return {};
}

Estimated estimated(const Json& answer, const LogTerm& term, bool vllm) {
  Estimated sum;
  constexpr std::pair<std::string_view, std::string_view> kFigures[] = {{"kv_pool", "available_kv_cache_memory"},
                                                                        {"kv_tokens", "kv_cache_tokens"},
                                                                        {"max_concurrency", "max_concurrency"}};
  for (const auto& [name, figure] : kFigures) {
    if (term.term != name) continue;
    for (const Json& row : answer["engine"]["figures"]) {
      if (row["name"] == figure) return {row["number"], row["number"], row["number"], true};
    }
  }
  std::vector<std::string_view> kinds = kinds_of(term.term);
  if (vllm && term.term == "weights") kinds.push_back("vision_tower");
  const int place = term.device.empty() ? -3 : gpu_number(term.device);
  const std::string device = place >= 0 ? "gpu:" + std::to_string(place) : place == -1 ? "host" : "";
  for (const Json& entry : answer["ledger"]["entries"]) {
    const std::string& kind = entry["kind"].get_ref<const std::string&>();
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) continue;
    const std::string& where = entry["device"].get_ref<const std::string&>();
    if (vllm ? where != "gpu:0" : !device.empty() && where != device) continue;
    sum.low += entry["bytes"]["low"].get<double>();
    sum.expected += entry["bytes"]["expected"].get<double>();
    sum.high += entry["bytes"]["high"].get<double>();
    sum.found = true;
  }
  return sum;
}

void write_term(JsonWriter& out, const LogTerm& term, const Estimated& ours) {
  double value = 0, half = 0;
  std::string text;
  for (const read::Printed& part : term.parts) {
    value += part.value;
    half += part.half_step;
    text += (text.empty() ? "" : " + ") + part.text;
  }
  out.begin_object().field("term", std::string_view(term.term)).key("device");
  if (term.device.empty()) {
    out.null();
  } else {
    out.raw(valid_text(term.device));
  }
  out.field("unit", std::string_view(term.unit)).key("measured").begin_object();
  out.key("text").raw(valid_text(text)).field("value", value).field("rounded_by", half).end_object();
  out.key("estimate")
      .begin_object()
      .field("low", ours.low)
      .field("expected", ours.expected)
      .field("high", ours.high)
      .end_object();
  const double difference = ours.expected - value;
  const std::string_view verdict = std::fabs(difference) <= half * (1 + 1e-9)              ? "exact"
                                   : ours.low <= value + half && ours.high >= value - half ? "within"
                                                                                           : "off";
  out.field("difference", difference).key("relative");
  if (value > 0) {
    out.value(difference / value);
  } else {
    out.null();
  }
  out.field("verdict", verdict).end_object();
}

void write_recognised(JsonWriter& out, const EngineLog& log, const std::string& found_by) {
  out.key("recognised").begin_object();
  out.field("engine", std::string_view(log.engine)).key("version");
  if (log.version.empty()) {
    out.null();
  } else {
    out.raw(valid_text(log.version));
  }
  out.field("model_by", std::string_view(found_by)).field("lines", log.lines).key("gpus").begin_array();
  for (const std::string& name : log.gpu_names) out.raw(valid_text(name));
  out.end_array().key("facts").begin_object();
  int shown = 0;
  for (const auto& [name, value] : log.facts) {
    if (++shown > 200) break;
    out.key(name).raw(valid_text(value.size() > 200 ? value.substr(0, 200) : value));
  }
  out.end_object().end_object();
}

}  // namespace

std::string answer_check_log(const Json& json) {
  const ObjectReader reader(json, "");
  reader.only({"op", "text", "model", "weights", "gpu"});
  const Json* text = reader.find("text");
  if (text == nullptr || !text->is_string()) {
    refuse("/text", "text is missing", text == nullptr ? "" : shown(*text), "the log, as one text");
  }
  const EngineLog log = read::read_log(text->get_ref<const std::string&>());
  if (log.engine.empty() || log.terms.empty()) {
    refuse("/text", "no line of this text looks like the start of llama.cpp or vLLM", "",
           "the lines with buffer sizes (llama.cpp: \"model buffer size =\", vLLM: \"Model loading took\")");
  }
  if (log.terms.size() > kMostTerms)
    refuse("/text", "this log speaks of too many buffers", std::to_string(log.terms.size()), "one start of one engine");
  std::string found_by;
  const Json request = request_of_log(log, reader, found_by);
  const std::string answer = answer_single_estimate(request);
  const Json estimate = parse_own(answer);
  const bool vllm = log.engine == "vllm";

  JsonWriter out(64 * 1024);
  out.begin_object().field("ok", true).field("op", "check_log");
  write_recognised(out, log, found_by);
  out.key("request").raw(request.dump(-1, ' ', false, Json::error_handler_t::replace));
  out.key("terms").begin_array();
  std::vector<std::pair<const LogTerm*, std::string>> skipped;
  bool by_device = false;
  for (const LogTerm& term : log.terms) by_device = by_device || (term.term == "kv_cache" && !term.device.empty());
  for (const LogTerm& term : log.terms) {
    const Estimated ours = estimated(estimate, term, vllm);
    if (term.term == "kv_cache" && term.device.empty() && by_device) {
      skipped.emplace_back(&term, "the same cache as printed by device");
    } else if (!vllm && term.term == "weights" && term.device.ends_with("_Mapped")) {
      skipped.emplace_back(&term, "a mapped range of the file, which may hold more than its tensors");
    } else if (!vllm && gpu_number(term.device) == -2 && !term.device.empty()) {
      skipped.emplace_back(&term, "a device of unknown kind");
    } else if (!ours.found && !kinds_of(term.term).empty() && !vllm) {
      double printed = 0;
      for (const read::Printed& part : term.parts) printed += part.value;
      if (printed > 0) write_term(out, term, ours);
    } else if (!ours.found) {
      skipped.emplace_back(&term, estimate["gpu"].is_null() ? "the GPU is not known" : "the estimate has no such term");
    } else {
      write_term(out, term, ours);
    }
  }
  out.end_array().key("not_compared").begin_array();
  for (const auto& [term, reason] : skipped) {
    out.begin_object().field("term", std::string_view(term->term)).key("device").raw(valid_text(term->device));
    out.key("text").raw(valid_text(term->parts.front().text)).field("reason", std::string_view(reason)).end_object();
  }
  out.end_array().key("estimate").raw(answer).end_object();
  return out.take();
}

}  // namespace vram
