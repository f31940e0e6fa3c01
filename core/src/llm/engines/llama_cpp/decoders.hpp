// Decoders made of attention and feed-forward blocks. They differ in where they normalize, what they scale, and how
// the residual runs; each row of the table says so. Source: llama.cpp v0.5.0 (de3ff81), src/models/<file>.
#pragma once

#include <array>
#include <string_view>

#include "llm/engines/llama_cpp/graph_builder.hpp"

namespace vram::llama_cpp {

enum class Rope : std::uint8_t { all, windowed, of_7b, none };  // of_7b: Baichuan 13B has slopes instead
struct Decoder {
  std::string_view arch;
  bool rms = true;  // RMS norm, else layer norm
  bool norm_bias = false;
  bool scale_embedding = false;
  bool norm_embedding = false;
  bool position_table = false;  // learned positions, added to the embedding
  Rope rope = Rope::all;
  std::size_t unturned_every = 0;  // every so many layers are without rotary positions
  bool norm_after_rope = false;    // of keys, then queries; else of both before
  bool scale_queries = false;
  bool scale_attention = false;  // its result
  bool attn_post_norm = false;   // on the attention's result, before the residual
  bool ffn_post_norm = false;
  bool post_norm_loose = true;  // the feed-forward's post norm is not tied to the layer's device
  bool pre_norm = true;         // norm before attention and feed-forward (OLMo 2 has none)
  bool o_bias = false;
  bool ffn_bias = false;
  Activation activation = Activation::glu;
  bool soft_cap = false;  // on attention scores
  bool residual_scale = false;
  bool residual_first = false;  // the last addition takes the residual as its first operand
  int logit_ops = 0;            // scaling and soft-capping of logits
  bool output_bias = false;
  // So many first layers add their part of an image's embedding: the entries of deepstack_visual_indexes, three in
  // every Qwen3-VL.
  int deepstack = 0;
  bool gather_late = false;  // rows are chosen after the last layer, not in it
  Routing routing{};
  bool shared_gate = false;     // the shared expert's result is gated
  bool config_routing = false;  // experts are chosen as the config says, in DeepSeek's ways
};

// The form of GPT-2: layer norms, biases everywhere, a feed-forward of two matrices.
constexpr Decoder like_gpt2(Decoder d) {
  d.rms = false;
  d.norm_bias = d.o_bias = d.ffn_bias = true;
  d.activation = Activation::unary;
  return d;
}

constexpr std::array kDecoders = {
    Decoder{.arch = "llama"},
    Decoder{.arch = "mistral3"},
    Decoder{.arch = "qwen"},
    Decoder{.arch = "qwen2"},
    Decoder{.arch = "qwen2vl"},
    Decoder{.arch = "qwen3vl", .deepstack = 3},
    Decoder{.arch = "qwen3vlmoe", .deepstack = 3},
    Decoder{.arch = "qwen3"},
    Decoder{.arch = "qwen3moe"},
    Decoder{.arch = "qwen2moe", .routing = {.normalize = false}, .shared_gate = true},
    Decoder{.arch = "gemma", .scale_embedding = true, .scale_queries = true},
    Decoder{.arch = "gemma2",
            .scale_embedding = true,
            .scale_queries = true,
            .attn_post_norm = true,
            .ffn_post_norm = true,
            .soft_cap = true,
            .logit_ops = 3},
    Decoder{.arch = "gemma3",
            .scale_embedding = true,
            .scale_queries = true,
            .attn_post_norm = true,
            .ffn_post_norm = true},
    Decoder{.arch = "gpt-oss",
            .o_bias = true,
            .gather_late = true,
            .routing = {.scores = Routing::Scores::softmax_of_chosen, .normalize = false, .bias = true}},
    Decoder{.arch = "phi3", .scale_queries = true, .residual_first = true},
    Decoder{.arch = "phimoe",
            .norm_bias = true,
            .scale_queries = true,
            .o_bias = true,
            .residual_first = true,
            .output_bias = true},
    Decoder{.arch = "glm4", .attn_post_norm = true, .ffn_post_norm = true, .post_norm_loose = false},
    Decoder{.arch = "glm4moe", .config_routing = true},
    like_gpt2({.arch = "starcoder2"}),
    like_gpt2({.arch = "gpt2", .position_table = true, .rope = Rope::none}),
    Decoder{.arch = "olmo2", .attn_post_norm = true, .ffn_post_norm = true, .pre_norm = false},
    Decoder{
        .arch = "exaone4", .rope = Rope::windowed, .attn_post_norm = true, .ffn_post_norm = true, .pre_norm = false},
    Decoder{.arch = "minimax-m2", .config_routing = true},
    Decoder{.arch = "smollm3", .unturned_every = 4},
    Decoder{.arch = "seed_oss"},
    Decoder{.arch = "internlm2"},
    Decoder{.arch = "ernie4_5"},
    Decoder{.arch = "exaone"},
    Decoder{.arch = "deci"},
    Decoder{.arch = "hunyuan-dense", .norm_after_rope = true},
    Decoder{.arch = "arcee", .activation = Activation::relu_squared},
    Decoder{.arch = "nemotron", .rms = false, .norm_bias = true, .activation = Activation::relu_squared},
    Decoder{.arch = "chatglm"},
    Decoder{.arch = "baichuan", .rope = Rope::of_7b},
    Decoder{.arch = "orion", .rms = false, .norm_bias = true},
    Decoder{.arch = "stablelm", .rms = false, .norm_bias = true},
    like_gpt2({.arch = "bloom", .norm_embedding = true, .rope = Rope::none}),
    like_gpt2({.arch = "gptneox"}),  // with one after the other
    Decoder{.arch = "mpt", .rms = false, .rope = Rope::none, .activation = Activation::unary},
    like_gpt2({.arch = "starcoder", .position_table = true, .rope = Rope::none}),
    Decoder{.arch = "olmoe", .routing = {.normalize = false}},
    Decoder{.arch = "dbrx", .rms = false},
    Decoder{.arch = "deepseek", .routing = {.normalize = false}},
    Decoder{.arch = "dots1", .config_routing = true},
    Decoder{.arch = "mimo2", .scale_attention = true, .config_routing = true},
    Decoder{.arch = "minicpm", .scale_embedding = true, .residual_scale = true, .logit_ops = 1},
    Decoder{.arch = "granite", .scale_embedding = true, .residual_scale = true, .logit_ops = 1},
    Decoder{.arch = "granitemoe", .scale_embedding = true, .residual_scale = true, .logit_ops = 1},
};

}  // namespace vram::llama_cpp
