// Everything.
#include "api/ops.hpp"
#include "api/read_servers.hpp"
#include "api/scope.hpp"
#include "read/file/accept.hpp"

namespace vram {
namespace {

constexpr Operation kOperations[] = {
    {"estimate", answer_single_estimate},
    {"max_context", answer_max_context},
    {"max_batch", answer_max_batch},
    {"sweep", answer_sweep},
    {"diffusion", answer_diffusion},
    {"training", answer_training},
    {"reference", answer_reference},
    {"catalogue", answer_catalogue},
    {"profiles", answer_profiles},
    {"check_log", answer_check_log},
    {"locate", answer_locate},
    {"choose", answer_choose},
    {"version", answer_version},
};
constexpr CatalogueList kLists[] = {
    {"models", write_models},
    {"gpus", write_gpus},
    {"weights", write_weight_formats},
    {"kv_cache_types", write_cache_types},
    {"engines", write_engines},
    {"pipelines", write_pipelines},
    {"quantizations", write_quantizations},
};
constexpr Scope kWhole{kOperations, kLists, read_model_file, read_other_engine, true};

}  // namespace

const Scope& scope() { return kWhole; }

}  // namespace vram
