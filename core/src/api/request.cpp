#include "api/request.hpp"

#include <algorithm>

#include "vram/solve.hpp"

namespace vram {
namespace {

constexpr std::int64_t kDefaultContext = 8192;

Also read_also(const ObjectReader& reader) {
  Also also;
  const Json* wanted = reader.find("also");
  if (wanted == nullptr) return also;
  constexpr const char* kExpected = "a list of any of: max_context, max_batch, advice, references";
  if (!wanted->is_array()) refuse("/also", "also must be a list", shown(*wanted), kExpected);
  for (std::size_t i = 0; i < wanted->size(); ++i) {
    const Json& name = (*wanted)[i];
    if (name == "max_context") {
      also.max_context = true;
    } else if (name == "max_batch") {
      also.max_batch = true;
    } else if (name == "advice") {
      also.advice = true;
    } else if (name == "references") {
      also.references = true;
    } else {
      refuse(path_at("/also", i), "unknown answer in also", shown(name), kExpected);
    }
  }
  return also;
}

}  // namespace

void check_keys(const ObjectReader& reader) {
  reader.only(
      {"op", "model", "weights", "kv_cache", "context", "sequences", "engine", "gpu", "profile", "also", "rows"});
}

void read_length(const ObjectReader& reader, const Model& model, LlmRequest& llm) {
  const std::int64_t trained_for = model.max_position_embeddings;
  llm.context = reader.integer_or("context", 1, kContextLimit,
                                  trained_for > 0 ? std::min(kDefaultContext, trained_for) : kDefaultContext);
  llm.sequences = reader.integer_or("sequences", 1, kSequencesLimit, 1);
}

void read_request(const Json& json, EstimateRequest& request) {
  const ObjectReader reader(json, "");
  check_keys(reader);
  request.rows = read_rows(reader);
  request.also = read_also(reader);
  request.model = read_model(reader, request.rows);
  LlmRequest& llm = request.llm;
  llm.model = &request.model;
  llm.weights = read_weights(reader, request.model);
  read_length(reader, request.model, llm);
  const std::int64_t trained_for = request.model.max_position_embeddings;
  if (trained_for > 0 && llm.context > trained_for) {
    request.warnings.push_back(
        {"/context", "the model's configuration states max_position_embeddings = " + std::to_string(trained_for) +
                         "; memory is counted for " + std::to_string(llm.context) + " tokens all the same"});
  }
  read_engine(reader, request.rows, llm);
  request.has_gpu = read_gpu(reader, request.rows, llm.machine);
  request.profiles = read_profiles(reader, request.rows);
  llm.profile = request.profiles(llm.machine);
  if (request.rows.residuals != nullptr) {
    request.residuals = read_residuals(*request.rows.residuals);
    llm.residuals = request.residuals;
  }
}

}  // namespace vram
