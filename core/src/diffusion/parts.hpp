// The parts of an estimate: weights of components, runs of components, what is on the GPU meanwhile. Internal.
#pragma once

#include <vector>

#include "diffusion/registry.hpp"

namespace vram::diffusion {

// The weights of one component, as the request stores them.
struct Weights {
  Part part = Part::other;
  const ModelClass* known = nullptr;
  WeightCount count;
  bool counted = false;
  DType dtype = DType::f16;
  const Quantization* quantization = nullptr;
  Bytes bytes = 0;           // all of it
  Bytes plain_bytes = 0;     // without quantization
  Bytes largest_leaf = 0;    // the largest single module, as stored
  Bytes outside_stacks = 0;  // what no block stack holds
  Bytes largest_block = 0;
  Bytes buffers = 0;
  Bytes copy = 0;  // transient: the largest linear layer in the computing dtype
};
std::vector<Weights> weigh(const PipelineRequest& request);
// Bytes of the component when every weight is stored in `dtype`.
Bytes plain_bytes(const WeightCount& count, DType dtype);

// One run of one component: its activations and what a caching allocator reserves for them.
struct Run {
  Stage stage = Stage::denoise;
  std::size_t component = 0;
  std::string_view what;
  Interval live;
  Bytes reserved = 0;
  std::string_view fullest;
  bool last_stays = false;  // with guidance the last text encoder is still there when the first run again
  Bytes extra_weights = 0;  // FP32 copy of an autoencoder that is upcast
};
Latents latents_of(const PipelineRequest& request, const std::vector<Weights>& weights);
std::vector<Run> runs(const PipelineRequest& request, const std::vector<Weights>& weights, const Latents& latents,
                      std::vector<std::string>& warnings);

// What of each component is on the GPU, in RAM and on disk during one run.
struct Held {
  Bytes gpu = 0, host = 0, disk = 0;
};
std::vector<Held> residence(const PipelineRequest& request, const std::vector<Weights>& weights, const Run& run);

}  // namespace vram::diffusion
