// "advice": machines that would do, in words.
#include "api/read_servers.hpp"
#include "api/write_estimate.hpp"
#include "vram/catalogue.hpp"

namespace vram {
namespace {

constexpr std::size_t kMostAdvice = 8;

// The popular rows, read once: they never change.
const std::vector<Gpu>& popular_gpus() {
  static const std::vector<Gpu> gpus = [] {
    std::vector<Gpu> result;
    for (const CatalogueRow& row : gpu_rows()) {
      if (row.json.find("\"popular\": true") != std::string_view::npos)
        result.push_back(read_gpu_row(parse_own(row.json), "/gpus"));
    }
    return result;
  }();
  return gpus;
}

std::string_view parallelism(const EngineOptions& engine) {
  if (is_server(engine)) return "tensor parallelism";
  if (std::holds_alternative<LlamaCppOptions>(engine)) return "layer split";
  if (std::holds_alternative<TransformersOptions>(engine)) return "device_map";
  if (std::holds_alternative<ExLlamaOptions>(engine)) return "gpu_split";
  return "an even split";
}

}  // namespace

std::vector<Advice> answer_advice(const EstimateRequest& request) {
  std::vector<Gpu> candidates;
  const auto add_once = [&](const Gpu& gpu) {
    for (const Gpu& other : candidates) {
      if (other.id == gpu.id) return;
    }
    candidates.push_back(gpu);
  };
  // The caller's own rows win over built-in ones of the same id, and the GPU at hand is always a candidate.
  if (request.rows.gpus != nullptr) {
    for (std::size_t i = 0; i < request.rows.gpus->size(); ++i) {
      add_once(read_gpu_row((*request.rows.gpus)[i], path_at("/rows/gpus", i)));
    }
  }
  if (request.has_gpu && !request.llm.machine.gpu.id.empty()) add_once(request.llm.machine.gpu);
  for (const Gpu& gpu : popular_gpus()) add_once(gpu);
  return advise(request.llm, candidates, request.profiles, kMostAdvice);
}

void write_advice(JsonWriter& out, const EstimateRequest& request, const std::vector<Advice>& advice) {
  const std::string_view how = parallelism(request.llm.engine);
  out.key("advice").begin_array();
  for (const Advice& one : advice) {
    const Gpu& gpu = one.machine.gpu;
    std::string text = one.machine.count > 1 ? std::to_string(one.machine.count) + "x " + gpu.name : gpu.name;
    if (one.machine.count > 1) text += " with " + std::string(how);
    out.begin_object().key("gpu").begin_object();
    out.field("id", std::string_view(gpu.id))
        .field("name", std::string_view(gpu.name))
        .field("count", one.machine.count);
    out.end_object().key("parallelism");
    if (one.machine.count > 1) {
      out.value(how);
    } else {
      out.null();
    }
    out.field("verdict", one.fit.verdict == Fit::Verdict::fits ? "fits" : "tight");
    out.field("headroom_bytes", one.fit.headroom_bytes).field("text", std::string_view(text)).end_object();
  }
  out.end_array();
}

}  // namespace vram
