// Writes the tensor list of a model: which tensors a layer has, in GGUF's vocabulary.
#pragma once

#include <cstdint>
#include <string>

#include "vram/model.hpp"

namespace vram::read {

// What the layers of a family have besides their matrices. Resolved against the config (flags are settled here).
struct Style {
  int norms = 2;         // norms of hidden width in a layer
  int norm_vectors = 1;  // 1: weight; 2: weight and bias
  bool o_bias = false;
  bool mlp_bias = false;
  bool qk_norm_all = false;         // query and key norms run over all heads together
  bool router_bias = false;         // gpt-oss
  bool selection_bias = false;      // DeepSeek-V3's e_score_correction_bias: one number per expert
  bool expert_bias = false;         // gpt-oss
  bool shared_gate = false;         // Qwen-MoE: the shared expert is gated by one row
  bool split_kv_b = true;           // GGUF stores kv_b as attn_k_b and attn_v_b (all MLA families but MiniCPM3)
  bool split_beta_alpha = false;    // Qwen3.5: two projections where Qwen3-Next has one
  bool no_v_proj = false;           // Gemma 4: values are the keys
  bool fused_gate_up_exps = false;  // experts keep both matrices in one (Gemma 4)
  bool mamba_norm = true;           // gated norm of a mamba2 layer
  bool mamba_conv_bias = true;
  bool mamba_bias = false;      // biases of in- and out-projection
  bool mamba_dt_norms = false;  // Jamba: norms on dt, B and C
};

// Appends tensors and counts; refuses when the model passes 1e15 parameters, so that no sum can overflow later.
class TensorWriter {
 public:
  // Both must outlive the writer. `path` is where a model that is too large is reported.
  TensorWriter(Model& model, const std::string& path) : model_(model), path_(path) {}

  void at(Part part, std::int64_t layer) {
    part_ = part;
    layer_ = static_cast<std::int32_t>(layer);
  }
  void outside(Part part) { at(part, -1); }

  void matrix(Role role, std::int64_t in, std::int64_t out, std::int64_t count = 1);
  // A matrix and its bias.
  void linear(Role role, std::int64_t in, std::int64_t out, bool bias, std::int64_t count = 1);
  void vector(Role role, std::int64_t size, std::int64_t count = 1);
  void cube(Role role, std::int64_t ne0, std::int64_t ne1, std::int64_t ne2, std::int64_t used = 0);

 private:
  Model& model_;
  const std::string& path_;
  Part part_ = Part::text;
  std::int32_t layer_ = -1;
  std::int64_t total_ = 0;
};

// The parts of a layer, each without the layer's norms.
void write_attention(TensorWriter& out, const Attention& attention, std::int64_t hidden, const Style& style);
void write_latent(TensorWriter& out, const LatentAttention& latent, std::int64_t hidden, const Style& style);
void write_state(TensorWriter& out, const StateMixer& state, std::int64_t hidden, const Style& style);
void write_ffn(TensorWriter& out, const FeedForward& ffn, std::int64_t hidden, const Style& style);
void write_experts(TensorWriter& out, const Experts& experts, std::int64_t hidden, const Style& style);
// A whole layer: norms and every part it has.
void write_layer(TensorWriter& out, const Layer& layer, std::int64_t hidden, const Style& style);

}  // namespace vram::read
