// What one model family does differently from a plain Llama block. One row per Hugging Face model_type.
#pragma once

#include <cstdint>
#include <string_view>

#include "read/keys.hpp"
#include "read/tensors.hpp"
#include "vram/model.hpp"

namespace vram::read {

struct Reading;

enum class Flag : std::uint8_t {
  no,
  yes,
  if_set,        // as the config's key says, default false
  unless_unset,  // as the config's key says, default true
};

enum class QkNorm : std::uint8_t { none, per_head, all_heads, per_head_if_set, all_heads_if_set };

// How layers that see a window are placed when the config has no layer_types.
enum class Windows : std::uint8_t {
  none,
  all,        // every layer, when sliding_window is given (Mistral v0.1)
  qwen,       // layers >= max_window_layers, when use_sliding_window
  even,       // Gemma 2: layers 0, 2, 4 ...
  patterned,  // all but every `pattern`-th layer
};

enum class SharedExperts : std::uint8_t {
  none,
  counted,            // n_shared_experts experts of the routed width (DeepSeek)
  gated,              // one of shared_expert_intermediate_size with a gate row (Qwen)
  share_expert_dim,   // Step
  intermediate_size,  // one of intermediate_size (Llama 4)
  shared_size,        // shared_intermediate_size (Granite)
};

// Which mixer a layer has when layer_types calls it "linear_attention".
enum class Mixer : std::uint8_t {
  attention,
  latent,
  mamba1,
  mamba2,
  delta_net,
  kda,
  lightning,
  short_conv,
  attention_and_mamba2
};

struct LayerKind {
  Mixer mixer = Mixer::attention;
  Span span = Span::full;
};

struct Family {
  std::string_view model_type = {};
  std::string_view gguf_arch = {};   // llama.cpp src/llama-arch.cpp; empty when llama.cpp has none
  void (*read)(Reading&) = nullptr;  // nullptr: read_decoder

  // block
  int norms = 2;
  int norm_vectors = 1;
  Flag qkv_bias = Flag::no;
  Flag o_bias = Flag::no;
  Flag mlp_bias = Flag::no;
  QkNorm qk_norm = QkNorm::none;
  bool output_gate = false;  // attn_output_gate, default true
  bool fused_qkv = false;
  bool fused_gate_up = false;
  bool gated = true;
  bool sinks = false;
  bool parallel = false;        // attention and feed-forward side by side
  int default_ff_multiple = 0;  // intermediate_size when absent, in hidden sizes; 0: required
  bool halved_ff = false;       // intermediate_size counts gate and up together (Qwen v1, Molmo)

  // embeddings
  bool tied = false;        // default of tie_word_embeddings
  bool never_tied = false;  // the key is ignored (the class has a head of its own)
  bool head_bias = false;
  int position_rows = -1;  // learned positions: rows beyond max_position_embeddings; -1: none
  bool embedding_norm = false;

  // where layers look
  Windows windows = Windows::none;
  int window_pattern = 0;
  std::int64_t default_window = 0;
  Mixer linear = Mixer::delta_net;
  bool latent = false;

  // experts
  SharedExperts shared = SharedExperts::counted;
  bool experts_use_intermediate = false;  // expert width is intermediate_size
  bool selection_bias = false;            // always; else by topk_method == "noaux_tc"
  bool expert_bias = false;
  bool router_bias = false;
  std::string_view dense_size_key = {};    // width of dense layers beside experts, when it has a key of its own
  std::string_view ffn_object = {};        // nested object that holds the feed-forward keys (DBRX)
  std::string_view attention_object = {};  // likewise for attention (DBRX, MPT)

  // multi-token prediction
  int default_mtp = 0;  // layers in the checkpoint when the config is silent
  bool no_mtp = false;  // the config mentions them, the checkpoint has none

  std::string_view class_defaults = {};  // JSON: what the class fills in for nested configs that omit it
};

// nullptr when unknown. Aliases ("gemma3_text", "kimi_k2") lead to their family.
const Family* find_family(std::string_view model_type);
// The model_type of the first family that llama.cpp has this architecture for; the architecture's own name when none.
std::string family_of_gguf(std::string_view gguf_arch);
// True when attention and feed-forward stand side by side in this architecture.
bool parallel_gguf(std::string_view gguf_arch);
// All spellings that find_family understands, comma-separated, for errors.
std::string known_families();

// One config on its way to a Model.
struct Reading {
  const Keys& whole;  // the outermost object
  const Keys& text;   // the language model's object
  const Family& family;
  std::string_view outer_type;  // model_type of the outermost object
  std::string_view text_type;   // model_type of the language model
  Model model;
};

void read_decoder(Reading& reading);

}  // namespace vram::read
