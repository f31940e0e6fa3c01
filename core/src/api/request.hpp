// What an estimate-like request asks for, read and checked. Internal to api/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json/checked.hpp"
#include "vram/llm.hpp"

namespace vram {

// The caller's own rows; each is null or a JSON array whose elements have been checked for their ids.
struct CallerRows {
  const Json* models = nullptr;
  const Json* gpus = nullptr;
  const Json* profiles = nullptr;
  const Json* residuals = nullptr;  // their views go into it
};

struct Also {
  bool max_context = false;
  bool max_batch = false;
  bool advice = false;
  bool references = false;
};

struct ProfileRow {
  OverheadProfile profile;
  ProfileRule rule;
};

// The overhead profile of a machine: one for all, or chosen by the rules of the rows.
struct Profiles {
  std::optional<ProfileRow> fixed;
  std::vector<ProfileRow> own;  // the caller's
  const OverheadProfile& operator()(const Machine& machine) const;
};

struct EstimateRequest {
  EstimateRequest() = default;
  EstimateRequest(const EstimateRequest&) = delete;  // llm.model points into this object
  EstimateRequest& operator=(const EstimateRequest&) = delete;

  Model model;
  LlmRequest llm;
  bool has_gpu = false;
  Profiles profiles;
  CallerRows rows;
  std::vector<Residual> residuals;  // the caller's, when given
  Also also;
  std::vector<Warning> warnings;
};

// Reads a whole request into `request`. Refuses (BadInput) what does not belong. `json` must outlive `request`.
void read_request(const Json& json, EstimateRequest& request);

// Refuses keys that no estimate takes.
void check_keys(const ObjectReader& reader);
// "context" and "sequences".
void read_length(const ObjectReader& reader, const Model& model, LlmRequest& request);
// The parts, one file each. `reader` is the whole request.
CallerRows read_rows(const ObjectReader& reader);
// The "model" of `reader`: the request, or an option that names another model.
Model read_model(const ObjectReader& reader, const CallerRows& rows);
WeightFormat read_weights(const ObjectReader& reader, const Model& model);
// Engine and options; KV cache types, which some engines also name among their options.
void read_engine(const ObjectReader& reader, const CallerRows& rows, LlmRequest& request);
// All of them with their defaults, the presets of llama.cpp last.
std::vector<EngineOptions> every_engine();
LlamaCppOptions read_llama_cpp(const ObjectReader& engine, const LlmRequest& request, const CallerRows& rows,
                               LlamaCppOptions::Program program);
// A storage id that the engine has a KV cache in.
const TensorType* read_cache_type(const EngineOptions& engine, const Json& json, const std::string& path);
// Storage ids that an engine has a KV cache in.
std::vector<std::string_view> cache_types(const EngineOptions& engine);
// False when the request names no GPU.
bool read_gpu(const ObjectReader& reader, const CallerRows& rows, Machine& machine);

std::vector<Residual> read_residuals(const Json& list);
Profiles read_profiles(const ObjectReader& reader, const CallerRows& rows);

// One row in the catalogue's form.
Gpu read_gpu_row(const Json& row, std::string_view path);

}  // namespace vram
