// llama.cpp's architectures as graphs, one function per family. Each returns false for an architecture not its own.
#pragma once

#include "llm/engines/llama_cpp/graph_builder.hpp"

namespace vram::llama_cpp {

bool build_parallel(GraphBuilder& b);  // attention and feed-forward side by side
bool build_decoder(GraphBuilder& b);
bool build_latent(GraphBuilder& b);  // DeepSeek V2 and after, GLM 5
bool build_llama4(GraphBuilder& b);
bool build_recurrent(GraphBuilder& b);  // Mamba and its hybrids with attention
bool build_delta_net(GraphBuilder& b);  // Qwen3-Next and Qwen3.5
bool build_lfm2(GraphBuilder& b);
bool build_gemma3n(GraphBuilder& b);
bool build_gemma4(GraphBuilder& b);
bool build_encoder(GraphBuilder& b);

// Any other: the parts a layer has, in the usual order.
void build_generic(GraphBuilder& b);

// The feed-forward block of a layer, dense or experts with their shared one.
ggml::Tensor feed_forward_of(GraphBuilder& b, const Layer& layer, const ggml::Tensor& x, Activation activation,
                             const Routing& routing, bool shared_gate = false, bool bias = false);

// Latent attention of one layer, from its normed input to its output projection. `top_k`: where sparse attention keeps
// what its indexer chose, for the layers that share it.
ggml::Tensor latent_attention(GraphBuilder& b, const LatentAttention& a, const ggml::Tensor& x,
                              ggml::Tensor* top_k = nullptr);

// How DeepSeek's generations choose experts: the first by softmax, the third by sigmoid with a bias and in groups.
Routing deepseek_routing(const Experts& experts);

}  // namespace vram::llama_cpp
