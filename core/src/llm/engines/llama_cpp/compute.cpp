#include "llm/engines/llama_cpp/compute.hpp"

#include <algorithm>
#include <utility>

#include "llm/engines/llama_cpp/architectures.hpp"
#include "llm/engines/llama_cpp/ggml_schedule.hpp"
#include "llm/engines/llama_cpp/repetition.hpp"

namespace vram::llama_cpp {

namespace {

bool build_described(GraphBuilder& b) {
  return build_parallel(b) || build_decoder(b) || build_latent(b) || build_llama4(b) || build_recurrent(b) ||
         build_delta_net(b) || build_lfm2(b) || build_gemma3n(b) || build_gemma4(b) || build_encoder(b);
}

// When the generic graph stood in for the described decoders, all 2,982 recorded buffers of fully offloaded models
// (tests/accuracy/data/llama_cpp.json) were within 40 % of it, 95 % of them within 11 %; with layers in RAM a few were
// not. Encoders, which need no head, took down to a fifth of it.
Interval stated(Bytes bytes, bool described, bool causal) {
  return described ? Interval::exact(bytes) : Interval{bytes / (causal ? 2 : 6), bytes, add(bytes, bytes)};
}

GraphFamily::Built build(const Model& model, const Settings& s, const Placement& placement, const WeightPlan& weights,
                         const ggml::Backends& backends, bool every_one) {
  const Repetition layers = every_one ? every_layer(model) : shorten(model);
  GraphBuilder builder(model, s, placement, weights, layers.kept);
  GraphFamily::Built result;
  result.described = build_described(builder);
  if (!result.described) build_generic(builder);
  result.flash_on_cpu = builder.flash_on_cpu;
  result.left_out = layers.left_out;
  result.steps = ggml::schedule(builder.g, backends);
  result.graph = std::move(builder.g);
  return result;
}

}  // namespace

std::size_t FamilyKey::hash() const {
  std::size_t h = std::hash<std::string_view>{}(format.id);
  for (const std::int64_t field :
       {settings.n_seq, settings.n_tokens, settings.n_outputs, settings.n_gpu_layers, settings.n_cpu_moe}) {
    h = mixed(h, static_cast<std::size_t>(field));
  }
  return mixed(mixed(h, std::hash<const void*>{}(settings.type_k)), std::hash<const void*>{}(settings.type_v));
}

ComputeBuffers compute_buffers(const LlmRequest& request, const Settings& s, const Placement& placement,
                               const WeightPlan& weights, GraphFamilies& families, bool every) {
  const Model& model = *request.model;
  const bool everything = s.n_gpu_layers > static_cast<std::int64_t>(model.layers.size()) && s.n_cpu_moe == 0;
  ggml::Backends backends;
  backends.gpus = placement.gpus;
  backends.op_offload = s.op_offload;
  // Pipeline parallelism: several GPUs, everything on them, no tensor moved by hand.
  backends.copies = placement.gpus > 1 && everything && s.offload_kqv ? 4 : 1;
  backends.dry_run = true;
  const bool alike = placement.gpus == 1 && everything && s.offload_kqv;
  FamilyKey key{s, placement.gpus, everything ? WeightFormat{} : request.weights, true, true};
  key.settings.n_ctx = key.settings.n_ctx_seq = 0;
  key.settings.n_batch = 0;  // what a graph sees of it is n_ubatch, n_tokens and n_outputs
  const auto run = [&](bool every_one) {
    key.dry_run = backends.dry_run;
    key.every_layer = every_one;
    const auto at = [&](std::int64_t cells) {
      Settings longer = s;
      longer.n_ctx_seq = cells;
      longer.n_ctx = mul(cells, s.n_stream);
      return build(model, longer, placement, weights, backends, every_one);
    };
    GraphFamily& family = families.of(key, [] { return GraphFamily{}; });
    return family.at(s.n_ctx_seq, backends, std::cref(at));
  };
  GraphSize planned = run(!alike || every);
  if (!planned.sizes.repeats) planned = run(true);

  ComputeBuffers buffers;
  buffers.described = planned.described;
  buffers.flash_on_cpu = planned.flash_on_cpu;
  std::vector<Interval> bytes;
  for (const Bytes size : planned.sizes.bytes) bytes.push_back(stated(size, planned.described, model.causal));
  // With one GPU a dry run and a real load place everything alike; otherwise both bound the answer.
  if (placement.gpus > 1 || (s.n_tokens < 32 && !everything)) {
    backends.dry_run = false;
    const GraphSize loaded = run(true);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i].low = std::min(bytes[i].low, loaded.sizes.bytes[i]);
      bytes[i].high = std::max(bytes[i].high, loaded.sizes.bytes[i]);
    }
  }
  buffers.host = bytes.back();
  bytes.pop_back();
  buffers.gpu = std::move(bytes);
  return buffers;
}

}  // namespace vram::llama_cpp
