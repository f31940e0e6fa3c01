// Activations of servers that run one layer at a time. Internal to llm/.
#pragma once

#include "vram/llm.hpp"

namespace vram {

// What passes through a layer on one rank.
struct DecoderPass {
  std::int64_t tokens = 0;
  std::int64_t ranks = 1;          // that share the layer
  std::int64_t expert_tokens = 0;  // that pass the experts of this rank: those of all data parallel ranks
  std::int64_t expert_split = 1;   // ranks that share one expert
};

// Peak of live tensors while they pass through the largest of the layers first..last-1.
Bytes decoder_peak_bytes(const Model& model, const DecoderPass& pass, std::int64_t first, std::int64_t last);

}  // namespace vram
