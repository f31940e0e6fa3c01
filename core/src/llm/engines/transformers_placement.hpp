// Which layer lies where: accelerate's device_map. Internal to the transformers engine.
#pragma once

#include <vector>

#include "vram/llm.hpp"

namespace vram {

struct Placement {
  std::vector<Device> device_of_layer;  // where the weights are
  std::vector<int> gpu_of_layer;        // where the layer runs, and its cache is
  Device head;                          // where lm_head and the last norm are
  std::vector<Bytes> weights;           // per GPU, towers apart
  Bytes on_host = 0;
  Bytes on_disk = 0;
  Bytes largest_offloaded = 0;  // the largest module that is copied to a GPU to run
};

Placement place_layers(const LlmRequest& request, const WeightFormat& format, const TransformersOptions& options);

}  // namespace vram
