// How vLLM cuts a model over its GPUs. Internal to the vLLM engine.
#pragma once

#include "vram/llm.hpp"

namespace vram {

// The part of `tensor` that one of `tp` ranks holds. Column-parallel layers split their outputs, row-parallel ones
// their inputs, key and value heads are repeated where there are fewer than ranks, latent down-projections, routers
// and one-dimensional tensors are on every rank, embedding and head are split by a vocabulary padded to 64.
Tensor shard(const Model& model, const Tensor& tensor, std::int64_t tp);

// Layers first..last-1 of a pipeline stage: even parts, what is left over goes to the last stages but the very last.
struct StageLayers {
  std::int64_t first = 0;
  std::int64_t last = 0;
};
StageLayers layers_of_stage(int stage, std::int64_t layers, std::int64_t pp);

// Bytes of the weights of one rank of a pipeline stage, `part` only.
Bytes rank_weight_bytes(const LlmRequest& request, Part part, std::int64_t tp, std::int64_t pp, int stage);

}  // namespace vram
