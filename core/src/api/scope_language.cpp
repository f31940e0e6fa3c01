// Language models of the catalogue, of a config.json or of numbers, run by llama.cpp or a program around it: what a
// first visit asks.
#include "api/ops.hpp"
#include "api/scope.hpp"

namespace vram {
namespace {

constexpr Operation kOperations[] = {
    {"estimate", answer_single_estimate}, {"max_context", answer_max_context},
    {"max_batch", answer_max_batch},      {"sweep", answer_sweep},
    {"reference", answer_reference},      {"catalogue", answer_catalogue},
    {"profiles", answer_profiles},        {"version", answer_version},
};
constexpr CatalogueList kLists[] = {
    {"models", write_models},          {"gpus", write_gpus},
    {"weights", write_weight_formats}, {"kv_cache_types", write_cache_types},
    {"engines", write_engines},
};
Model no_files(const Json&, const std::string&) { throw Elsewhere(); }
EngineOptions no_other_engine(std::string_view, const ObjectReader&, const CallerRows&) { throw Elsewhere(); }
constexpr Scope kLanguage{kOperations, kLists, no_files, no_other_engine, false};

}  // namespace

const Scope& scope() { return kLanguage; }

}  // namespace vram
