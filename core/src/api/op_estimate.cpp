// "estimate", "max_context", "max_batch".
#include <algorithm>

#include "api/ops.hpp"
#include "api/request.hpp"
#include "api/write_estimate.hpp"

namespace vram {
namespace {

template <class T>
T checked(Result<T> result) {
  if (!result.ok()) throw BadInput{result.error()};
  return std::move(*result);
}

std::string answer_estimate(const Json& json, std::string_view op) {
  EstimateRequest request;
  read_request(json, request);
  LlmRequest& llm = request.llm;
  Answers answers;
  const bool search = op != "estimate";
  if (search && !request.has_gpu) {
    refuse("/gpu",
           "gpu is missing: without its size nothing limits the " +
               std::string(op == "max_context" ? "context" : "number of sequences"),
           "", R"({"id": "rtx-4090"} or {"memory_gib": 24})");
  }
  if (request.has_gpu && (op == "max_context" || request.also.max_context))
    answers.max_context = checked(max_context(llm));
  if (request.has_gpu && (op == "max_batch" || request.also.max_batch)) answers.max_batch = checked(max_sequences(llm));
  if (op == "max_context") llm.context = std::max<std::int64_t>(1, answers.max_context->value);
  if (op == "max_batch") llm.sequences = std::max<std::int64_t>(1, answers.max_batch->value);
  if (request.also.advice) answers.advice = answer_advice(request);
  const LlmEstimate result = checked(estimate(llm));
  return write_estimate(request, op, result, answers);
}

}  // namespace

std::string answer_single_estimate(const Json& request) { return answer_estimate(request, "estimate"); }
std::string answer_max_context(const Json& request) { return answer_estimate(request, "max_context"); }
std::string answer_max_batch(const Json& request) { return answer_estimate(request, "max_batch"); }

}  // namespace vram
