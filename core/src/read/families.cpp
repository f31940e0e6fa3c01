// The families, as their classes in huggingface/transformers (src/transformers/models/<model_type>) or in the remote
// code of their repositories define them; gguf_arch from ggml-org/llama.cpp src/llama-arch.cpp and the converter.
#include "read/family.hpp"

#include "read/readers.hpp"

namespace vram::read {
namespace {

// A table reads as one: several fields a line.
// clang-format off
constexpr Family kFamilies[] = {
    // Llama and what copies it
    {.model_type = "llama", .gguf_arch = "llama", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .mlp_bias = Flag::if_set,
     .class_defaults = R"({"hidden_size":4096,"intermediate_size":11008,"num_hidden_layers":32,"num_attention_heads":32,"vocab_size":32000})"},
    {.model_type = "mistral", .gguf_arch = "llama", .windows = Windows::all,
     .class_defaults = R"({"hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":8,"vocab_size":32000})"},
    {.model_type = "ministral3", .gguf_arch = "mistral3", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .windows = Windows::all},
    {.model_type = "mixtral", .gguf_arch = "llama", .windows = Windows::all, .shared = SharedExperts::none,
     .experts_use_intermediate = true},
    {.model_type = "granite", .gguf_arch = "granite", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .mlp_bias = Flag::if_set, .tied = true},
    {.model_type = "smollm3", .gguf_arch = "smollm3", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .mlp_bias = Flag::if_set, .tied = true},
    {.model_type = "seed_oss", .gguf_arch = "seed_oss", .qkv_bias = Flag::if_set, .mlp_bias = Flag::if_set},
    {.model_type = "internlm", .gguf_arch = "llama", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set},
    {.model_type = "internlm2", .gguf_arch = "internlm2"},
    {.model_type = "minicpm", .gguf_arch = "minicpm", .tied = true},
    {.model_type = "baichuan", .gguf_arch = "baichuan", .never_tied = true},
    {.model_type = "orion", .gguf_arch = "orion", .norm_vectors = 2},
    {.model_type = "stablelm", .gguf_arch = "stablelm", .norm_vectors = 2, .qkv_bias = Flag::if_set},
    {.model_type = "exaone4", .gguf_arch = "exaone4", .qk_norm = QkNorm::per_head, .windows = Windows::patterned,
     .window_pattern = 4},
    {.model_type = "exaone", .gguf_arch = "exaone"},
    {.model_type = "ernie4_5", .gguf_arch = "ernie4_5", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .mlp_bias = Flag::if_set, .tied = true},
    {.model_type = "arcee", .gguf_arch = "arcee", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .mlp_bias = Flag::if_set, .gated = false},
    {.model_type = "nemotron", .gguf_arch = "nemotron", .norm_vectors = 2, .qkv_bias = Flag::if_set,
     .o_bias = Flag::if_set, .mlp_bias = Flag::if_set, .gated = false},
    {.model_type = "hunyuan_v1_dense", .gguf_arch = "hunyuan-dense", .qkv_bias = Flag::if_set,
     .o_bias = Flag::if_set, .qk_norm = QkNorm::per_head},
    {.model_type = "mllama", .gguf_arch = "", .qkv_bias = Flag::no},
    {.model_type = "llama4", .gguf_arch = "llama4", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .shared = SharedExperts::intermediate_size, .experts_use_intermediate = true,
     .dense_size_key = "intermediate_size_mlp"},
    {.model_type = "nemotron-nas", .gguf_arch = "deci", .read = read_nas},
    // Qwen
    {.model_type = "qwen", .gguf_arch = "qwen", .qkv_bias = Flag::yes, .fused_qkv = true, .halved_ff = true},
    {.model_type = "qwen2", .gguf_arch = "qwen2", .qkv_bias = Flag::unless_unset, .windows = Windows::qwen,
     .class_defaults = R"({"hidden_size":4096,"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":32})"},
    {.model_type = "qwen2_vl", .gguf_arch = "qwen2vl", .qkv_bias = Flag::unless_unset},
    {.model_type = "qwen2_moe", .gguf_arch = "qwen2moe", .qkv_bias = Flag::unless_unset, .windows = Windows::qwen,
     .shared = SharedExperts::gated},
    {.model_type = "qwen3", .gguf_arch = "qwen3", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .qk_norm = QkNorm::per_head, .windows = Windows::qwen},
    {.model_type = "qwen3_vl", .gguf_arch = "qwen3vl", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .qk_norm = QkNorm::per_head},
    {.model_type = "qwen3_moe", .gguf_arch = "qwen3moe", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .qk_norm = QkNorm::per_head, .windows = Windows::qwen, .shared = SharedExperts::gated},
    {.model_type = "qwen3_vl_moe", .gguf_arch = "qwen3vlmoe", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .qk_norm = QkNorm::per_head, .shared = SharedExperts::none},
    {.model_type = "qwen3_next", .gguf_arch = "qwen3next", .qk_norm = QkNorm::per_head, .output_gate = true,
     .shared = SharedExperts::gated, .default_mtp = 1},
    {.model_type = "qwen3_5", .gguf_arch = "qwen35", .qk_norm = QkNorm::per_head, .output_gate = true,
     .shared = SharedExperts::gated},
    {.model_type = "mimo", .gguf_arch = "", .qkv_bias = Flag::unless_unset, .default_mtp = 1},
    {.model_type = "mimo_v2_flash", .gguf_arch = "mimo2"},
    // Gemma
    {.model_type = "gemma", .gguf_arch = "gemma", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set, .tied = true},
    {.model_type = "gemma2", .gguf_arch = "gemma2", .norms = 4, .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .tied = true, .windows = Windows::even, .default_window = 4096},
    {.model_type = "gemma3", .gguf_arch = "gemma3", .norms = 4, .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .qk_norm = QkNorm::per_head, .tied = true, .windows = Windows::patterned, .window_pattern = 6,
     .default_window = 4096,
     .class_defaults = R"({"vocab_size":262208,"num_attention_heads":8,"num_key_value_heads":4,"head_dim":256,"hidden_size":2304,"intermediate_size":9216,"num_hidden_layers":26,"max_position_embeddings":131072})"},
    {.model_type = "gemma3n", .gguf_arch = "gemma3n", .read = read_gemma3n, .tied = true,
     .windows = Windows::patterned, .window_pattern = 5, .default_window = 512},
    {.model_type = "gemma4", .gguf_arch = "gemma4", .read = read_gemma4, .tied = true,
     .windows = Windows::patterned, .window_pattern = 6, .default_window = 512},
    // Phi
    {.model_type = "phi", .gguf_arch = "phi2", .norms = 1, .norm_vectors = 2, .qkv_bias = Flag::yes,
     .o_bias = Flag::yes, .mlp_bias = Flag::yes, .gated = false, .parallel = true, .default_ff_multiple = 4,
     .head_bias = true},
    {.model_type = "phi3", .gguf_arch = "phi3", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set, .fused_qkv = true,
     .fused_gate_up = true, .windows = Windows::all},
    {.model_type = "phimoe", .gguf_arch = "phimoe", .norm_vectors = 2, .qkv_bias = Flag::if_set,
     .o_bias = Flag::if_set, .head_bias = true, .windows = Windows::all, .shared = SharedExperts::none,
     .experts_use_intermediate = true},
    // gpt-oss
    {.model_type = "gpt_oss", .gguf_arch = "gpt-oss", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set, .sinks = true,
     .windows = Windows::even, .default_window = 128, .shared = SharedExperts::none, .experts_use_intermediate = true,
     .expert_bias = true, .router_bias = true},
    // DeepSeek, and families built on its blocks
    {.model_type = "deepseek", .gguf_arch = "deepseek"},
    {.model_type = "deepseek_v2", .gguf_arch = "deepseek2", .latent = true},
    {.model_type = "deepseek_v3", .gguf_arch = "deepseek2", .latent = true},
    {.model_type = "deepseek_v32", .gguf_arch = "deepseek32", .latent = true},
    {.model_type = "deepseek_v4", .gguf_arch = "", .read = read_deepseek_v4},
    {.model_type = "glm_moe_dsa", .gguf_arch = "glm-dsa", .latent = true, .selection_bias = true},
    {.model_type = "minicpm3", .gguf_arch = "minicpm3", .tied = true, .latent = true},
    {.model_type = "kimi_linear", .gguf_arch = "kimi-linear", .selection_bias = true},
    // GLM
    {.model_type = "chatglm", .gguf_arch = "chatglm", .qkv_bias = Flag::if_set, .fused_qkv = true,
     .fused_gate_up = true, .never_tied = true},
    {.model_type = "glm", .gguf_arch = "chatglm", .qkv_bias = Flag::if_set, .fused_qkv = true, .fused_gate_up = true},
    {.model_type = "glm4", .gguf_arch = "glm4", .norms = 4, .qkv_bias = Flag::if_set, .fused_gate_up = true},
    {.model_type = "glm4_moe", .gguf_arch = "glm4moe", .qkv_bias = Flag::if_set, .qk_norm = QkNorm::per_head_if_set,
     .selection_bias = true},
    // other attention families
    {.model_type = "dots1", .gguf_arch = "dots1", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .qk_norm = QkNorm::per_head, .selection_bias = true},
    {.model_type = "granitemoe", .gguf_arch = "granitemoe", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .tied = true, .shared = SharedExperts::none, .experts_use_intermediate = true},
    {.model_type = "olmo2", .gguf_arch = "olmo2", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .qk_norm = QkNorm::all_heads},
    {.model_type = "olmo3", .gguf_arch = "olmo2", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .qk_norm = QkNorm::all_heads, .windows = Windows::patterned, .window_pattern = 4, .default_window = 4096},
    {.model_type = "olmoe", .gguf_arch = "olmoe", .qk_norm = QkNorm::all_heads, .shared = SharedExperts::none,
     .experts_use_intermediate = true},
    {.model_type = "cohere", .gguf_arch = "command-r", .norms = 1, .qk_norm = QkNorm::all_heads_if_set,
     .parallel = true, .tied = true},
    {.model_type = "cohere2", .gguf_arch = "cohere2", .norms = 1, .parallel = true, .tied = true,
     .windows = Windows::patterned, .window_pattern = 4, .default_window = 4096},
    {.model_type = "starcoder2", .gguf_arch = "starcoder2", .norm_vectors = 2, .qkv_bias = Flag::unless_unset,
     .o_bias = Flag::unless_unset, .mlp_bias = Flag::unless_unset, .gated = false, .tied = true,
     .windows = Windows::all},
    {.model_type = "dbrx", .gguf_arch = "dbrx", .fused_qkv = true, .shared = SharedExperts::none,
     .ffn_object = "ffn_config", .attention_object = "attn_config"},
    {.model_type = "minimax", .gguf_arch = "", .linear = Mixer::lightning, .shared = SharedExperts::none,
     .experts_use_intermediate = true},
    {.model_type = "minimax_m2", .gguf_arch = "minimax-m2", .qk_norm = QkNorm::all_heads_if_set,
     .shared = SharedExperts::none, .experts_use_intermediate = true, .selection_bias = true, .no_mtp = true},
    {.model_type = "minimax_m3", .gguf_arch = "", .qk_norm = QkNorm::per_head, .selection_bias = true,
     .dense_size_key = "dense_intermediate_size", .no_mtp = true},
    {.model_type = "step3p7", .gguf_arch = "step35", .qk_norm = QkNorm::per_head,
     .shared = SharedExperts::share_expert_dim, .selection_bias = true},
    {.model_type = "molmo", .gguf_arch = "", .qkv_bias = Flag::if_set, .halved_ff = true},
    // before Llama
    {.model_type = "gpt2", .gguf_arch = "gpt2", .norm_vectors = 2, .qkv_bias = Flag::yes, .o_bias = Flag::yes,
     .mlp_bias = Flag::yes, .fused_qkv = true, .gated = false, .default_ff_multiple = 4, .tied = true,
     .position_rows = 0},
    {.model_type = "gpt_bigcode", .gguf_arch = "starcoder", .norm_vectors = 2, .qkv_bias = Flag::yes,
     .o_bias = Flag::yes, .mlp_bias = Flag::yes, .fused_qkv = true, .gated = false, .default_ff_multiple = 4,
     .tied = true, .position_rows = 0},
    {.model_type = "gptj", .gguf_arch = "", .norms = 1, .norm_vectors = 2, .mlp_bias = Flag::yes, .gated = false,
     .parallel = true, .default_ff_multiple = 4, .never_tied = true, .head_bias = true},
    {.model_type = "gpt_neox", .gguf_arch = "gptneox", .norm_vectors = 2, .qkv_bias = Flag::unless_unset,
     .o_bias = Flag::unless_unset, .mlp_bias = Flag::yes, .fused_qkv = true, .gated = false, .parallel = true,
     .default_ff_multiple = 4},
    {.model_type = "opt", .gguf_arch = "", .norm_vectors = 2, .qkv_bias = Flag::yes, .o_bias = Flag::yes,
     .mlp_bias = Flag::yes, .gated = false, .default_ff_multiple = 4, .tied = true, .position_rows = 2},
    {.model_type = "bloom", .gguf_arch = "bloom", .norm_vectors = 2, .qkv_bias = Flag::yes, .o_bias = Flag::yes,
     .mlp_bias = Flag::yes, .fused_qkv = true, .gated = false, .default_ff_multiple = 4, .tied = true,
     .embedding_norm = true},
    {.model_type = "falcon", .gguf_arch = "falcon", .norm_vectors = 2, .qkv_bias = Flag::if_set,
     .o_bias = Flag::if_set, .mlp_bias = Flag::if_set, .fused_qkv = true, .gated = false, .parallel = true,
     .default_ff_multiple = 4, .tied = true},
    {.model_type = "mpt", .gguf_arch = "mpt", .fused_qkv = true, .gated = false, .tied = true,
     .attention_object = "attn_config"},
    // state-space models and hybrids
    {.model_type = "mamba", .gguf_arch = "mamba", .norms = 1, .tied = true},
    {.model_type = "mamba2", .gguf_arch = "mamba2", .norms = 1, .tied = true},
    {.model_type = "falcon_h1", .gguf_arch = "falcon-h1", .qkv_bias = Flag::if_set, .o_bias = Flag::if_set,
     .mlp_bias = Flag::if_set},
    {.model_type = "jamba", .gguf_arch = "jamba", .shared = SharedExperts::none, .experts_use_intermediate = true},
    {.model_type = "granitemoehybrid", .gguf_arch = "granitehybrid", .qkv_bias = Flag::if_set,
     .o_bias = Flag::if_set, .shared = SharedExperts::shared_size, .experts_use_intermediate = true},
    {.model_type = "lfm2", .gguf_arch = "lfm2", .qk_norm = QkNorm::per_head, .tied = true},
    {.model_type = "lfm2_moe", .gguf_arch = "lfm2moe", .qk_norm = QkNorm::per_head, .tied = true,
     .shared = SharedExperts::none, .selection_bias = true},
    {.model_type = "nemotron_h", .gguf_arch = "nemotron_h", .read = read_nemotron_h},
    {.model_type = "rwkv5", .gguf_arch = "", .read = read_rwkv5},
    // encoders and encoder-decoders
    {.model_type = "bert", .gguf_arch = "bert", .read = read_bert, .tied = true},
    {.model_type = "roberta", .gguf_arch = "bert", .read = read_bert, .tied = true},
    {.model_type = "nomic_bert", .gguf_arch = "nomic-bert", .read = read_bert, .tied = true},
    {.model_type = "whisper", .gguf_arch = "", .read = read_whisper, .tied = true},
    {.model_type = "bart", .gguf_arch = "", .read = read_bart, .tied = true},
};
// clang-format on

struct Spelling {
  std::string_view model_type;
  std::string_view family;
};

// Other model_types of the same family, nested text models among them.
constexpr Spelling kSpellings[] = {
    {"RefinedWeb", "falcon"},
    {"RefinedWebModel", "falcon"},
    {"deepseek_v3_text", "deepseek_v3"},
    {"kimi_k2", "deepseek_v3"},
    {"falcon_mamba", "mamba"},
    {"gemma3_text", "gemma3"},
    {"gemma3n_text", "gemma3n"},
    {"gemma4_text", "gemma4"},
    {"gemma4_unified_text", "gemma4"},
    {"glm4v", "glm4"},
    {"glm4v_text", "glm4"},
    {"glm4v_moe", "glm4_moe"},
    {"glm4v_moe_text", "glm4_moe"},
    {"llama4_text", "llama4"},
    {"minicpmv", "qwen2"},
    {"minimax_m1", "minimax"},
    {"minimax_text_01", "minimax"},
    {"mistral3", "mistral"},
    {"mllama_text_model", "mllama"},
    {"phi-msft", "phi"},
    {"phi3_v", "phi3"},
    {"phi4", "phi3"},
    {"qwen2_5_vl", "qwen2_vl"},
    {"qwen2_5_vl_text", "qwen2_vl"},
    {"qwen2_vl_text", "qwen2_vl"},
    {"qwen2_5_omni_text", "qwen2_vl"},
    {"qwen3_5_text", "qwen3_5"},
    {"qwen3_5_moe", "qwen3_5"},
    {"qwen3_5_moe_text", "qwen3_5"},
    {"qwen3_vl_text", "qwen3_vl"},
    {"qwen3_vl_moe_text", "qwen3_vl_moe"},
    {"xlm-roberta", "roberta"},
};

}  // namespace

const Family* find_family(std::string_view model_type) {
  for (const Spelling& spelling : kSpellings) {
    if (spelling.model_type == model_type) {
      model_type = spelling.family;
      break;
    }
  }
  for (const Family& family : kFamilies) {
    if (family.model_type == model_type) return &family;
  }
  return nullptr;
}

std::string family_of_gguf(std::string_view gguf_arch) {
  for (const Family& family : kFamilies) {
    if (family.gguf_arch == gguf_arch) return std::string(family.model_type);
  }
  return std::string(gguf_arch);
}

bool parallel_gguf(std::string_view gguf_arch) {
  for (const Family& family : kFamilies) {
    if (family.gguf_arch == gguf_arch) return family.parallel;
  }
  return false;
}

std::string known_families() {
  std::string names;
  for (const Family& family : kFamilies) names += (names.empty() ? "" : ", ") + std::string(family.model_type);
  for (const Spelling& spelling : kSpellings) names += ", " + std::string(spelling.model_type);
  return names;
}

}  // namespace vram::read
