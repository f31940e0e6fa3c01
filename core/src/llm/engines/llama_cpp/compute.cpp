#include "llm/engines/llama_cpp/compute.hpp"

#include <algorithm>
#include <utility>

#include "llm/engines/llama_cpp/architectures.hpp"
#include "llm/engines/llama_cpp/ggml_schedule.hpp"
#include "llm/engines/llama_cpp/repetition.hpp"

namespace vram::llama_cpp {

namespace {

bool build_described(GraphBuilder& b) {
  return build_decoder(b) || build_parallel(b) || build_latent(b) || build_llama4(b) || build_recurrent(b) ||
         build_delta_net(b) || build_lfm2(b) || build_gemma3n(b) || build_encoder(b);
}

// When the generic graph stood in for the described decoders, all 2,982 recorded buffers of fully offloaded models
// (tests/accuracy/data/llama_cpp.json) were within 40 % of it, 95 % of them within 11 %; with layers in RAM a few were
// not. Encoders, which need no head, took down to a fifth of it.
Interval stated(Bytes bytes, bool described, bool causal) {
  return described ? Interval::exact(bytes) : Interval{bytes / (causal ? 2 : 6), bytes, add(bytes, bytes)};
}

}  // namespace

namespace {

struct Run {
  ggml::BufferSizes sizes;
  bool described = true;
  bool flash_on_cpu = false;
};

Run run(const Model& model, const Settings& s, const Placement& placement, const WeightPlan& weights,
        const ggml::Backends& backends, const Repetition& layers) {
  GraphBuilder builder(model, s, placement, weights, layers.kept);
  Run result;
  result.described = build_described(builder);
  if (!result.described) build_generic(builder);
  result.flash_on_cpu = builder.flash_on_cpu;
  result.sizes = ggml::reserve(builder.g, backends, layers.left_out);
  return result;
}

}  // namespace

ComputeBuffers compute_buffers(const LlmRequest& request, const Settings& s, const Placement& placement,
                               const WeightPlan& weights, bool every) {
  const Model& model = *request.model;
  const bool everything = s.n_gpu_layers > static_cast<std::int64_t>(model.layers.size()) && s.n_cpu_moe == 0;
  ggml::Backends backends;
  backends.gpus = placement.gpus;
  backends.op_offload = s.op_offload;
  // Pipeline parallelism: several GPUs, everything on them, no tensor moved by hand.
  backends.copies = placement.gpus > 1 && everything && s.offload_kqv ? 4 : 1;
  backends.dry_run = true;
  const bool alike = placement.gpus == 1 && everything && s.offload_kqv;
  const Repetition all = every_layer(model);
  const Repetition layers = alike && !every ? shorten(model) : all;
  Run planned = run(model, s, placement, weights, backends, layers);
  if (!planned.sizes.repeats) planned = run(model, s, placement, weights, backends, all);

  ComputeBuffers buffers;
  buffers.described = planned.described;
  buffers.flash_on_cpu = planned.flash_on_cpu;
  std::vector<Interval> bytes;
  for (const Bytes size : planned.sizes.bytes) bytes.push_back(stated(size, planned.described, model.causal));
  // With one GPU a dry run and a real load place everything alike; otherwise both bound the answer.
  if (placement.gpus > 1 || (s.n_tokens < 32 && !everything)) {
    backends.dry_run = false;
    const Run loaded = run(model, s, placement, weights, backends, all);
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
