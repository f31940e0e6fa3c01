// Inference of language models of the catalogue, of a config.json or of numbers: what a first visit asks.
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
constexpr Scope kLanguage{kOperations, kLists, [](const Json&, const std::string&) -> Model { throw Elsewhere(); },
                          false};

}  // namespace

const Scope& scope() { return kLanguage; }

}  // namespace vram
