#include "llm/engines/llama_cpp/compute.hpp"

#include <algorithm>
#include <utility>

#include "llm/engines/llama_cpp/architectures.hpp"
#include "llm/engines/llama_cpp/ggml_schedule.hpp"

namespace vram::llama_cpp {

namespace {

bool build_described(GraphBuilder& b) {
  return build_decoder(b) || build_parallel(b) || build_latent(b) || build_llama4(b) || build_recurrent(b) ||
         build_delta_net(b) || build_lfm2(b) || build_gemma3n(b) || build_encoder(b);
}

// A generic graph was within a factor of two of the real one in either direction when it stood in for each of the
// described architectures (tests/accuracy, llama.cpp v0.5.0).
Interval stated(Bytes bytes, bool described) {
  return described ? Interval::exact(bytes) : Interval{bytes / 2, bytes, add(bytes, bytes)};
}

}  // namespace

ComputeBuffers compute_buffers(const LlmRequest& request, const Settings& s, const Placement& placement,
                               const WeightPlan& weights) {
  const Model& model = *request.model;
  GraphBuilder builder(model, s, placement, weights);
  ComputeBuffers buffers;
  buffers.described = build_described(builder);
  if (!buffers.described) build_generic(builder);
  const bool everything = s.n_gpu_layers > static_cast<std::int64_t>(model.layers.size());
  ggml::Backends backends;
  backends.gpus = placement.gpus;
  backends.op_offload = s.op_offload;
  // Pipeline parallelism: several GPUs, everything on them, no tensor moved by hand.
  backends.copies = placement.gpus > 1 && everything && s.offload_kqv && s.n_cpu_moe == 0 ? 4 : 1;
  // With one GPU a dry run and a real load place everything alike; with several, both bound the answer.
  const bool differs = placement.gpus > 1 || (s.n_tokens < 32 && !everything);
  std::vector<Interval> bytes;
  backends.dry_run = true;
  ggml::Graph for_dry_run = differs ? builder.g : ggml::Graph();
  for (const Bytes size : ggml::reserve(differs ? for_dry_run : builder.g, backends).bytes) {
    bytes.push_back(stated(size, buffers.described));
  }
  if (differs) {
    backends.dry_run = false;
    const ggml::BufferSizes loaded = ggml::reserve(builder.g, backends);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i].low = std::min(bytes[i].low, loaded.bytes[i]);
      bytes[i].high = std::max(bytes[i].high, loaded.bytes[i]);
    }
  }
  buffers.host = bytes.back();
  bytes.pop_back();
  buffers.gpu = std::move(bytes);
  return buffers;
}

}  // namespace vram::llama_cpp
