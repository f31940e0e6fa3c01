// Decoders made of attention and feed-forward blocks. They differ in where they normalize, what they scale, and how
// the residual runs; each row of the table says so. Source: llama.cpp v0.5.0 (de3ff81), src/models/<file>.
#include "llm/engines/llama_cpp/architectures.hpp"

#include <algorithm>
#include <array>

namespace vram::llama_cpp {

using ggml::Tensor;

namespace {

enum class Rope : std::uint8_t { all, windowed, none };
enum class After : std::uint8_t { nothing, before_rope, after_rope };  // where queries and keys are normalized

struct Decoder {
  std::string_view arch;
  bool rms = true;  // RMS norm, else layer norm
  bool norm_bias = false;
  bool scale_embedding = false;
  Rope rope = Rope::all;
  std::size_t unturned_every = 0;  // every so many layers are without rotary positions
  bool scale_queries = false;
  bool attn_post_norm = false;  // on the attention's result, before the residual
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
  bool gather_late = false;  // rows are chosen after the last layer, not in it
  Routing routing{};
  bool shared_gate = false;     // the shared expert's result is gated
  bool config_routing = false;  // experts are chosen as the config says, in DeepSeek's ways
};

constexpr std::array kDecoders = {
    Decoder{.arch = "llama"},
    Decoder{.arch = "mistral3"},
    Decoder{.arch = "qwen2"},
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
            .rms = true,
            .norm_bias = true,
            .scale_queries = true,
            .o_bias = true,
            .residual_first = true,
            .output_bias = true},
    Decoder{.arch = "glm4", .attn_post_norm = true, .ffn_post_norm = true, .post_norm_loose = false},
    Decoder{.arch = "glm4moe", .config_routing = true},
    Decoder{.arch = "starcoder2",
            .rms = false,
            .norm_bias = true,
            .o_bias = true,
            .ffn_bias = true,
            .activation = Activation::unary},
    Decoder{.arch = "gpt2",
            .rms = false,
            .norm_bias = true,
            .rope = Rope::none,
            .o_bias = true,
            .ffn_bias = true,
            .activation = Activation::unary},
    Decoder{.arch = "olmo2", .attn_post_norm = true, .ffn_post_norm = true, .pre_norm = false},
    Decoder{
        .arch = "exaone4", .rope = Rope::windowed, .attn_post_norm = true, .ffn_post_norm = true, .pre_norm = false},
    Decoder{.arch = "minimax-m2", .config_routing = true},
    Decoder{.arch = "smollm3", .unturned_every = 4},
    Decoder{.arch = "seed_oss"},
    Decoder{.arch = "internlm2"},
    Decoder{.arch = "ernie4_5"},
    Decoder{.arch = "granite", .scale_embedding = true, .residual_scale = true, .logit_ops = 1},
    Decoder{.arch = "granitemoe", .scale_embedding = true, .residual_scale = true, .logit_ops = 1},
};

const Decoder* find_decoder(std::string_view arch) {
  const auto found = std::find_if(kDecoders.begin(), kDecoders.end(), [&](const Decoder& d) { return d.arch == arch; });
  return found == kDecoders.end() ? nullptr : &*found;
}

Tensor attention(GraphBuilder& b, const Decoder& d, const Attention& a, const Tensor& x) {
  GraphBuilder::Qkv qkv = b.project_qkv(a, x);
  const bool turned = d.unturned_every == 0 || (b.layer_index() + 1) % d.unturned_every != 0;
  // Models without any window turn all of their layers.
  const bool windowed = (a.span != Span::full && a.window > 0) || !b.has_windows();
  if (a.qk_norm) {
    qkv.q = b.norm(qkv.q);
    qkv.k = b.norm(qkv.k);
  }
  if ((d.rope == Rope::all && turned) || (d.rope == Rope::windowed && windowed)) {
    qkv.q = b.rope(qkv.q);
    qkv.k = b.rope(qkv.k);
  }
  if (d.scale_queries) qkv.q = b.g.inplace(qkv.q);
  return b.attend(a, qkv.q, qkv.k, qkv.v, true, d.o_bias, d.soft_cap);
}

Tensor layer_of(GraphBuilder& b, const Decoder& d, Tensor in) {
  const Layer& layer = b.layer();
  Tensor cur = d.pre_norm ? b.norm(in, d.rms, d.norm_bias) : in;
  cur = attention(b, d, *layer.attention, cur);
  if (b.is_last() && !d.gather_late) {
    cur = b.output_rows(cur);
    in = b.output_rows(in);
  }
  if (d.attn_post_norm) cur = b.norm(cur);
  if (d.residual_scale) cur = b.g.inplace(cur);
  const Tensor middle = b.g.inplace(cur, in);
  cur = d.pre_norm ? b.norm(middle, d.rms, d.norm_bias) : middle;
  const Routing routing = d.config_routing && layer.experts ? deepseek_routing(*layer.experts) : d.routing;
  cur = feed_forward_of(b, layer, cur, d.activation, routing, d.shared_gate, d.ffn_bias);
  if (d.ffn_post_norm) cur = d.post_norm_loose ? b.loose_norm(cur) : b.norm(cur);
  if (d.residual_scale) cur = b.g.inplace(cur);
  return d.residual_first ? b.g.inplace(middle, cur) : b.g.inplace(cur, middle);
}

}  // namespace

Tensor feed_forward_of(GraphBuilder& b, const Layer& layer, const Tensor& x, Activation activation,
                       const Routing& routing, bool shared_gate, bool bias) {
  if (!layer.experts) {
    return b.feed_forward(x, layer.ffn->intermediate_size, activation, bias, layer.ffn->gated,
                          layer.ffn->fused_gate_up);
  }
  const Experts& e = *layer.experts;
  const Tensor routed = b.experts(x, e, routing, activation);
  if (e.shared_intermediate_size == 0) return routed;
  Tensor shared = b.shared_expert(x, e.shared_intermediate_size, activation, e.gated);
  if (shared_gate) {
    const Tensor gate = b.g.inplace(b.linear(Role::ffn_gate_inp_shexp, x, 1));
    shared = b.g.inplace(shared, gate);
  }
  return b.g.inplace(routed, shared);
}

bool build_decoder(GraphBuilder& b) {
  const Decoder* d = find_decoder(b.model.gguf_arch);
  if (d == nullptr) return false;
  Tensor cur = b.embed();
  if (d->scale_embedding) cur = b.g.inplace(cur);
  if (d->residual_scale) b.g.expand(cur);  // Granite scales while it embeds
  if (d->arch == "gpt2") {
    const Tensor table = b.g.external(ggml::f32(), {b.n_embd, 1024, 1, 1}, b.placement.gpus, true);
    cur = b.g.inplace(cur, b.g.get_rows(table, b.positions()));
  }
  for (const std::size_t i : b.layers()) {
    b.at_layer(i);
    cur = layer_of(b, *d, cur);
  }
  b.finish(cur, {.gather = d->gather_late ? Head::Gather::before_norm : Head::Gather::in_last_layer,
                 .rms = d->rms,
                 .norm_bias = d->norm_bias,
                 .output_bias = d->output_bias,
                 .logit_ops = d->logit_ops,
                 .keeps_hidden = d->gather_late});
  return true;
}

}  // namespace vram::llama_cpp
