// The compute buffers of a shortened stack of layers are those of the whole one.
#include "catch.hpp"
#include "json/checked.hpp"
#include "llm/engines/llama_cpp/compute.hpp"
#include "llm/engines/llama_cpp/short_stack.hpp"
#include "read/config.hpp"
#include "vram/catalogue.hpp"
#include "vram/read.hpp"

using namespace vram;
using namespace vram::llama_cpp;

TEST_CASE("a shorter stack of layers has the same compute buffers") {
  int shortened = 0;
  int compared = 0;
  for (const CatalogueRow& row : model_rows()) {
    const Json json = Json::parse(row.json);
    const Model model = read_config(json.at("config"), "");
    if (model.gguf_arch.empty()) continue;
    for (const std::int64_t context : {512, 4096, 33000, 131072}) {
      for (const bool flash_attn : {true, false}) {
        for (const std::int64_t n_ubatch : {512, 64}) {
          for (const std::int64_t sequences : {1, 4}) {
            LlmRequest request;
            request.model = &model;
            request.weights = *find_weight_format("q4_k_m");
            request.type_k = request.type_v = find_tensor_type(flash_attn && n_ubatch == 64 ? "q8_0" : "f16");
            request.context = context;
            request.sequences = sequences;
            LlamaCppOptions options;
            options.flash_attn = flash_attn;
            options.n_ubatch = n_ubatch;
            options.n_outputs_max = sequences == 1 ? 0 : sequences;
            options.kv_unified = context != 4096;
            request.engine = options;
            if (refused(request, options)) continue;
            const Settings settings = settle(request, options);
            const WeightPlan plan = plan_weights(model, request.weights);
            const Placement placement = place_layers(model, settings, 1);
            const std::optional<Model> shorter = short_stack(model, settings, placement);
            if (!shorter) continue;
            ++compared;
            if (context == 512 && flash_attn && n_ubatch == 512 && sequences == 1) ++shortened;
            const ComputeBuffers whole = replay_graph(model, settings, placement, plan);
            const ComputeBuffers brief = compute_buffers(model, settings, placement, plan);
            INFO(row.id << " context " << context << " flash " << flash_attn << " ubatch " << n_ubatch << " sequences "
                        << sequences << " layers " << model.layers.size() << " -> " << shorter->layers.size());
            CHECK(whole.gpu == brief.gpu);
            CHECK(whole.host == brief.host);
          }
        }
      }
    }
  }
  CHECK(shortened > 100);
  CHECK(compared > 2000);
}
