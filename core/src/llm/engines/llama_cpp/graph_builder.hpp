// The blocks that llama.cpp's architectures are built from, as tensors and operations of a ggml graph.
// Source: llama.cpp v0.5.0 (de3ff81), src/llama-graph.cpp, src/llama-kv-cache.cpp, src/llama-memory-recurrent.cpp.
#pragma once

#include <vector>

#include "llm/engines/llama_cpp/ggml_graph.hpp"
#include "llm/engines/llama_cpp/placement.hpp"
#include "llm/engines/llama_cpp/settings.hpp"

namespace vram::llama_cpp {

using ggml::Graph;
using ggml::Op;

// What an architecture's feed-forward does between its matrices.
enum class Activation : std::uint8_t { glu, unary, relu_squared };

// How experts are chosen.
struct Routing {
  enum class Scores : std::uint8_t { softmax, sigmoid, softmax_of_chosen } scores = Scores::softmax;
  bool normalize = true;  // weights of the chosen experts sum to one
  bool scale = false;     // and are multiplied by a constant
  bool selection_bias = false;
  bool bias = false;           // router and experts have biases (gpt-oss)
  bool fused_gate_up = false;  // both matrices in one
  bool down_scale = false;     // the last matrix of each expert has a scale (Gemma 4)
  bool weight_before = false;  // tokens are weighted before the experts (Llama 4)
  std::int64_t n_group = 1;
  std::int64_t topk_group = 1;
};

// The end of a graph.
struct Head {
  // Where rows without an output are dropped.
  enum class Gather : std::uint8_t { in_last_layer, before_norm, after_norm } gather = Gather::in_last_layer;
  bool rms = true;
  bool norm_bias = false;
  bool output_bias = false;
  int logit_ops = 0;          // scaling and soft-capping
  bool keeps_hidden = false;  // what is gathered from is a result too, for a draft head to read
};

class GraphBuilder {
 public:
  GraphBuilder(const Model& model, const Settings& settings, const Placement& placement, const WeightPlan& weights,
               std::vector<std::size_t> layers);

  // -- where we are
  // The layers to describe, by index: all of them, unless some repeat (see repetition.hpp).
  const std::vector<std::size_t>& layers() const { return layers_; }
  void at_layer(std::size_t layer);
  const Layer& layer() const { return model.layers[layer_]; }
  std::size_t layer_index() const { return layer_; }
  bool has_windows() const;
  bool has(Role role) const;  // this layer
  bool is_last() const { return layer_ == layers_.back(); }

  int layer_backend() const { return place_; }
  int output_backend() const { return backend(placement.output); }

  // -- weights and inputs
  ggml::Tensor weight(Role role, std::int64_t ne0, std::int64_t ne1, std::int64_t ne2 = 1);
  ggml::Tensor vector(std::int64_t ne0, std::int64_t ne1 = 1);  // F32, of this layer
  ggml::Tensor expert_bias(std::int64_t ne0, std::int64_t experts);
  ggml::Tensor outer_weight(const TensorType& type, std::int64_t ne0, std::int64_t ne1);  // lives with the head
  ggml::Tensor outer_vector(std::int64_t ne0);
  ggml::Tensor positions();
  // Input tokens -> [n_embd, n_tokens], on the CPU. `parts` times as wide, padded, where images embed for several
  // layers.
  ggml::Tensor embed(int parts = 1);
  ggml::Tensor output_rows(const ggml::Tensor& t) { return g.get_rows(t, out_ids()); }
  ggml::Tensor out_ids();

  // -- blocks
  ggml::Tensor norm(const ggml::Tensor& t, bool rms = true, bool bias = false);
  ggml::Tensor bare_norm(const ggml::Tensor& t, bool rms = true);  // without weights
  // Norms that the engine does not tie to the layer's device.
  ggml::Tensor loose_norm(const ggml::Tensor& t, bool rms = true, bool bias = false);
  ggml::Tensor linear(Role role, const ggml::Tensor& x, std::int64_t out, bool bias = false);
  ggml::Tensor rope(const ggml::Tensor& t);
  struct Qkv {
    ggml::Tensor q, k, v;
  };
  Qkv project_qkv(const Attention& a, const ggml::Tensor& x);
  // Writes the cache and attends. `k` and `v` without a tensor: the layer reads an earlier layer's cache.
  ggml::Tensor attend(const Attention& a, ggml::Tensor q, ggml::Tensor k, ggml::Tensor v, bool output_projection = true,
                      bool output_bias = false, bool soft_cap = false);
  // `top_k`: [index_topk, n_tokens] indices of the cells each token attends to; without: all of them.
  ggml::Tensor attend_latent(const LatentAttention& a, const ggml::Tensor& q, const ggml::Tensor& k,
                             const ggml::Tensor& v, const ggml::Tensor& top_k = {});
  // Scores this layer's tokens against its index keys (DeepSeek's sparse attention). `x`: the normed input, `latent`:
  // the compressed query.
  ggml::Tensor index_top_k(const LatentAttention& a, const ggml::Tensor& x, const ggml::Tensor& latent);
  // Encoders: keys and values of this batch only.
  ggml::Tensor attend_uncached(const Attention& a, const Qkv& qkv, bool output_bias);
  ggml::Tensor feed_forward(const ggml::Tensor& x, std::int64_t width, Activation activation, bool bias = false,
                            bool gated = true, bool fused = false);
  ggml::Tensor shared_expert(const ggml::Tensor& x, std::int64_t width, Activation activation, bool gated = true);
  ggml::Tensor experts(const ggml::Tensor& x, const Experts& e, const Routing& routing, Activation activation,
                       const ggml::Tensor& router_logits = {});
  // A recurrent or convolution state of this layer, `size` elements per sequence, and its rows for this batch.
  ggml::Tensor state(std::int64_t size);
  ggml::Tensor state_rows(const ggml::Tensor& state, std::int64_t size);
  // The state through an operation of its own that reads it in place (ssm_scan).
  template <class F>
  ggml::Tensor state_through(const ggml::Tensor& state, std::int64_t size, F&& operation);
  ggml::Tensor ssm_conv(const ggml::Tensor& x, std::int64_t d_conv);
  ggml::Tensor conv_input(const ggml::Tensor& x, std::int64_t d_conv, std::int64_t channels);
  void write_state(const ggml::Tensor& state, const ggml::Tensor& rows, std::int64_t size);
  // Output norm and head; marks the results.
  void finish(const ggml::Tensor& last, const Head& head = {});

  Graph g;
  bool flash_on_cpu = false;  // the GPU has no kernel for the heads of this model
  const Model& model;
  const Settings& s;
  const Placement& placement;
  const WeightPlan& weights;
  std::int64_t n_tokens, n_embd, n_vocab, n_seqs, n_seq_tokens;

 private:
  struct AttentionInputs {
    ggml::Tensor k_idxs, v_idxs, mask, k_rot, v_rot;
  };
  AttentionInputs& inputs_of(const Attention& a);
  ggml::Tensor make_mask(std::int64_t cells);
  ggml::Tensor core_attention(ggml::Tensor q, ggml::Tensor k, ggml::Tensor v, const ggml::Tensor& mask,
                              const ggml::Tensor& sinks, const ggml::Tensor& v_mla, bool v_trans, bool shared_kv,
                              bool soft_cap);
  ggml::Tensor rotate(const ggml::Tensor& t, const ggml::Tensor& rotation);
  ggml::Tensor sparse_mask(const ggml::Tensor& mask, const ggml::Tensor& top_k);
  ggml::Tensor flash(const ggml::Tensor& q, const ggml::Tensor& k, const ggml::Tensor& v, const ggml::Tensor& mask,
                     const ggml::Tensor& sinks, bool shared_kv);
  ggml::Tensor state_input();
  int cpu() const { return placement.gpus; }
  int backend(int device) const { return device == kOnHost ? cpu() : device; }

  std::vector<std::size_t> layers_;
  bool full_offload_;
  std::size_t layer_ = 0;
  int place_ = 0;         // backend of this layer
  int expert_place_ = 0;  // backend of its routed experts
  std::int64_t widest_v_ = 0;
  ggml::Tensor pos_, out_ids_, s_copy_main_, s_copy_extra_, none_;
  AttentionInputs full_, window_, index_;
  bool have_full_ = false, have_window_ = false;
  bool have_window_cache_ = false;  // any layer keeps a window in a cache of its own
};

template <class F>
ggml::Tensor GraphBuilder::state_through(const ggml::Tensor& state, std::int64_t size, F&& operation) {
  const ggml::Tensor ids = state_input();
  const ggml::Tensor states = g.reshape(state, size, state.ne[1]);
  g.expand(g.write(g.view(states, {0, 1, 1, 1}, {states.nb[1], states.nb[2], states.nb[3]}), {}));
  const ggml::Tensor result = operation(states, ids);
  g.expand(result);
  const ggml::Tensor extra = g.make(Op::get_rows, ggml::f32(), {size, 0, 1, 1}, {states, s_copy_extra_});
  g.expand(g.write(g.view(state, {size, 0, 1, 1}, {state.nb[1], state.nb[2], state.nb[3]}), {extra}));
  return result;
}

}  // namespace vram::llama_cpp
