// A language model as far as memory is concerned: its layers, and every tensor of its checkpoint.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vram {

// What a tensor is. Names follow GGUF (ggml-org/ggml docs/gguf.md), where one vocabulary covers all families.
// The order within groups has no meaning.
enum class Role : std::uint8_t {
  // outside the layers
  token_embd,
  position_embd,
  token_types,
  per_layer_token_embd,
  output,
  output_norm,
  // attention matrices
  attn_q,
  attn_k,
  attn_v,
  attn_qkv,
  attn_output,
  attn_gate,
  // latent attention (MLA) and its sparse indexer
  attn_q_a,
  attn_q_b,
  attn_kv_a_mqa,
  attn_k_b,
  attn_v_b,
  attn_kv_b,
  indexer,
  // dense feed-forward
  ffn_gate,
  ffn_up,
  ffn_down,
  // experts: routed (ne2 = num_experts), shared, router
  ffn_gate_exps,
  ffn_up_exps,
  ffn_down_exps,
  ffn_gate_up_exps,
  ffn_gate_shexp,
  ffn_up_shexp,
  ffn_down_shexp,
  ffn_gate_inp,
  ffn_gate_inp_shexp,
  ffn_latent_in,
  ffn_latent_out,
  // recurrent mixers
  ssm_in,
  ssm_x,
  ssm_dt,
  ssm_conv1d,
  ssm_a,
  ssm_d,
  ssm_out,
  ssm_beta_alpha,
  shortconv_in,
  shortconv_conv,
  shortconv_out,
  time_mix,
  // Gemma 3n / 4
  per_layer_model_proj,
  per_layer_inp_gate,
  per_layer_proj,
  altup_proj,
  altup_router,
  altup_coef,
  laurel_l,
  laurel_r,
  // anything one-dimensional: norms, biases, scales, sinks (always kept in high precision)
  norm,
  bias,
  vector,
  // a matrix of a layer that belongs to no role above, quantized like any linear layer
  matrix,
  // tables of rotary frequency factors, as GGUFs hold them
  rope_factors,
  // a model known only by its size: all of its parameters
  opaque,
};
std::string_view name_of(Role role);  // "attn_q"

// Which part of the model a tensor belongs to.
enum class Part : std::uint8_t { text, tower, projector, mtp };
std::string_view name_of(Part part);

struct TensorType;  // vram/storage.hpp

// One tensor, or `count` equal ones. `ne0` is the row length (input features), as in ggml.
struct Tensor {
  Role role = Role::matrix;
  Part part = Part::text;
  std::int32_t layer = -1;        // -1: outside the layers
  std::int32_t experts_used = 0;  // for routed experts: how many of ne2 a token uses; 0 = all
  std::int64_t ne0 = 1;
  std::int64_t ne1 = 1;
  std::int64_t ne2 = 1;  // num_experts for routed experts
  std::int64_t count = 1;
  // From a file: the type it has there. Its bytes where the type does not tell them (weights packed into integers,
  // scales beside them): those of all `count` together; -1: the type tells.
  const TensorType* stored = nullptr;
  std::int64_t stored_bytes = -1;

  std::int64_t elements() const { return ne0 * ne1 * ne2 * count; }
  std::int64_t active_elements() const { return experts_used > 0 ? ne0 * ne1 * experts_used * count : elements(); }
  bool is_1d() const { return ne1 == 1 && ne2 == 1; }
};

// How far back a layer looks, hence how much of the context its cache keeps.
enum class Span : std::uint8_t { full, sliding, chunked, cross };
std::string_view name_of(Span span);

struct Attention {
  std::int64_t num_attention_heads = 0;
  std::int64_t num_key_value_heads = 0;
  std::int64_t head_dim = 0;    // of keys and queries
  std::int64_t v_head_dim = 0;  // of values
  Span span = Span::full;
  std::int64_t window = 0;        // tokens kept by sliding and chunked layers; 0 for full
  std::int64_t cross_tokens = 0;  // for Span::cross: keys per image or audio clip, independent of context
  bool caches = true;             // false: reuses the cache of an earlier layer (Gemma 3n, 4)
  bool fused_qkv = false;         // one projection in the checkpoint as llama.cpp stores it
  bool output_gate = false;       // query projection twice as wide (Qwen3-Next)
  bool qk_norm = false;
  bool bias = false;  // q, k, v biases
  bool sinks = false;
  friend bool operator==(const Attention&, const Attention&) = default;
};

// Multi-head latent attention (DeepSeek V2 and after).
struct LatentAttention {
  std::int64_t num_attention_heads = 0;
  std::int64_t q_lora_rank = 0;  // 0: queries are projected directly
  std::int64_t kv_lora_rank = 0;
  std::int64_t qk_nope_head_dim = 0;
  std::int64_t qk_rope_head_dim = 0;
  std::int64_t v_head_dim = 0;
  std::int64_t index_n_heads = 0;  // sparse-attention indexer; 0: none in this layer
  std::int64_t index_head_dim = 0;
  std::int64_t index_topk = 0;  // tokens attended to, by this layer's indexer or an earlier one's; 0: all
  friend bool operator==(const LatentAttention&, const LatentAttention&) = default;
};

// DeepSeek V4: a window of single-head keys plus a compressed copy of the whole context.
struct CompressedAttention {
  std::int64_t num_attention_heads = 0;
  std::int64_t q_lora_rank = 0;
  std::int64_t head_dim = 0;
  std::int64_t window = 0;
  std::int64_t compress_ratio = 0;  // tokens per compressed entry; 0: window only
  std::int64_t index_n_heads = 0;
  std::int64_t index_head_dim = 0;
  friend bool operator==(const CompressedAttention&, const CompressedAttention&) = default;
};

// A mixer whose memory does not grow with the context.
struct StateMixer {
  enum class Kind : std::uint8_t { mamba1, mamba2, gated_delta_net, kda, lightning, short_conv, rwkv };
  Kind kind = Kind::mamba2;
  std::int64_t state_elements = 0;  // recurrent state per sequence
  std::int64_t conv_elements = 0;   // convolution state per sequence, d_conv - 1 columns
  std::int64_t d_inner = 0;
  std::int64_t d_state = 0;
  std::int64_t d_conv = 0;
  std::int64_t n_groups = 0;
  std::int64_t n_heads = 0;     // heads (mamba2), value heads (delta net); time-step rank (mamba1)
  std::int64_t head_k_dim = 0;  // delta nets
  std::int64_t head_v_dim = 0;
  std::int64_t conv_channels = 0;  // width the convolution runs over
  std::int64_t in_proj = 0;        // output width of the input projection(s)
  friend bool operator==(const StateMixer&, const StateMixer&) = default;
};
std::string_view name_of(StateMixer::Kind kind);

struct FeedForward {
  std::int64_t intermediate_size = 0;
  bool gated = true;           // gate * up; false: one up projection
  bool fused_gate_up = false;  // gate and up in one matrix (Phi-3)
  friend bool operator==(const FeedForward&, const FeedForward&) = default;
};

struct Experts {
  std::int64_t num_experts = 0;
  std::int64_t num_experts_per_tok = 0;
  std::int64_t moe_intermediate_size = 0;
  std::int64_t expert_hidden_size = 0;        // input width of an expert; hidden_size unless latent
  std::int64_t shared_intermediate_size = 0;  // of all shared experts together; 0: none
  // How the router chooses. Small tensors, but some engines keep them while the experts run.
  std::int64_t n_group = 1;     // experts are chosen within the best groups (DeepSeek)
  std::int64_t topk_group = 1;  // so many of them
  bool selection_bias = false;  // sigmoid scores with a learned bias (DeepSeek-V3)
  bool norm_topk_prob = true;   // weights of the chosen experts sum to one
  double routed_scaling_factor = 1;
  bool gated = true;
  friend bool operator==(const Experts&, const Experts&) = default;
};

// A layer has the parts it has: a plain transformer layer has `attention` and `ffn`; a Falcon-H1 layer has
// `attention`, `state` and `ffn`; a Nemotron-H layer has exactly one of them.
struct Layer {
  std::optional<Attention> attention;
  std::optional<LatentAttention> latent;
  std::optional<CompressedAttention> compressed;
  std::optional<StateMixer> state;
  std::optional<FeedForward> ffn;
  std::optional<Experts> experts;
  friend bool operator==(const Layer&, const Layer&) = default;
};

// Something the reader saw and could not fully account for. The estimate goes on, visibly less sure.
struct Warning {
  std::string path;  // JSON pointer, e.g. "/model/config/num_nextn_predict_layers"
  std::string message;
};

struct Model {
  std::string id;          // catalogue id, or empty
  std::string name;        // for people
  std::string model_type;  // Hugging Face model_type; "manual" for manual numbers
  std::string gguf_arch;   // llama.cpp architecture name ("llama", "qwen3moe"); empty when llama.cpp has none
  std::int64_t hidden_size = 0;
  std::int64_t vocab_size = 0;
  std::int64_t max_position_embeddings = 0;  // 0: not stated
  bool tie_word_embeddings = false;
  bool parallel_residual = false;       // attention and feed-forward side by side (Cohere, Falcon, Phi-2, NeoX)
  bool causal = true;                   // false: encoder (BERT)
  int rope_tables = 0;                  // stored tables of rotary frequency factors (Llama 3.1: 1, LongRoPE: 2)
  double rotary_fraction = 1;           // share of a head that rotary positions turn
  std::string torch_dtype = "bf16";     // storage id of the checkpoint's 16/32-bit tensors
  std::string native_weights = "bf16";  // storage id of the published checkpoint ("fp8_block", "mxfp4", ...)
  bool tensors_stored = false;          // the tensors know the types or bytes of the file they came from
  double mtp_layers = 0;                // multi-token-prediction layers in the checkpoint
  std::int64_t opaque_bytes = 0;        // manual: bytes known as such (vision tower), dtype does not matter
  double fragmentation_factor = 1;      // manual: multiplies weights and caches; 1 = none
  std::vector<Layer> layers;
  std::vector<Tensor> tensors;
  std::vector<Warning> warnings;
};

// Parameters of the model as published: text, tower and projector; each shared (tied) tensor once; no MTP layers.
std::int64_t parameters(const Model& model);
// Parameters of one part.
std::int64_t parameters(const Model& model, Part part);
// Parameters that one token passes through: `parameters` less the routed experts that it does not use.
std::int64_t active_parameters(const Model& model);

}  // namespace vram
