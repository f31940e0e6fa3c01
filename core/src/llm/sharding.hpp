// How servers in the manner of Megatron-LM cut a model over their GPUs: vLLM, and after it SGLang and TensorRT-LLM.
// Internal to llm/.
#pragma once

#include "vram/llm.hpp"

namespace vram {

// How many ranks share what. A rank of data parallelism holds everything but the experts, which all ranks share.
struct Split {
  std::int64_t tensor = 1;     // ranks that share a layer
  std::int64_t experts = 1;    // ranks that share the routed experts: tensor x data parallel
  bool whole_experts = false;  // enable_expert_parallel: whole experts, else a slice of each
  std::int64_t stages = 1;
};

// The part of `tensor` that one rank holds. Column-parallel layers split their outputs, row-parallel ones their inputs,
// key and value heads are repeated where there are fewer than ranks, latent down-projections, routers and
// one-dimensional tensors are on every rank, embedding and head are split by a vocabulary padded to 64.
Tensor shard(const Model& model, const Tensor& tensor, const Split& split);

// Layers first..last-1 of a pipeline stage: even parts, what is left over goes to the last stages but the very last.
struct StageLayers {
  std::int64_t first = 0;
  std::int64_t last = 0;
};
StageLayers layers_of_stage(int stage, std::int64_t layers, std::int64_t stages);

// Whether this stage of a pipeline holds the tensor. Tied embeddings are on the first and the last.
bool on_stage(const Model& model, const Tensor& tensor, const Split& split, int stage);

// Bytes of the weights of one rank of a pipeline stage, `part` only.
// `latent_copies`: a quantized kv_b_proj is kept in 16 bits as well (vLLM v1/attention/backends/mla/common.py, W_UK_T,
// W_UV; SGLang models/deepseek_v2.py, w_kc, w_vc).
Bytes rank_weight_bytes(const LlmRequest& request, const Split& split, Part part, int stage, bool latent_copies = true);

// Cosines and sines for every position, once per model, in the model's 16-bit type (rotary_embedding/base.py).
Bytes rotary_bytes(const Model& model);

bool is_routed_expert(Role role);

}  // namespace vram
