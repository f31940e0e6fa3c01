// Gemma 4: experts beside a dense block, per-layer embeddings in the small models, shared caches, heads of two sizes,
// values normed. Source: llama.cpp v0.5.0 (de3ff81), src/models/gemma4.cpp.
#include <algorithm>

#include "llm/engines/llama_cpp/architectures.hpp"

namespace vram::llama_cpp {

using ggml::f32;
using ggml::Tensor;

namespace {

std::int64_t per_layer_width(const Model& model) {
  for (const vram::Tensor& tensor : model.tensors) {
    if (tensor.role == Role::per_layer_inp_gate) return tensor.ne1;
  }
  return 0;
}

class Gemma4 {
 public:
  explicit Gemma4(GraphBuilder& builder)
      : b(builder), g(builder.g), t(builder.n_tokens), width(builder.n_embd), small(per_layer_width(builder.model)) {}

  void build() {
    Tensor cur = g.inplace(b.embed());
    Tensor per_layer;
    if (small > 0) per_layer = per_layer_inputs(cur);
    for (const std::size_t i : b.layers()) {
      b.at_layer(i);
      cur = layer(cur, per_layer);
    }
    b.finish(cur, {.gather = Head::Gather::after_norm, .logit_ops = 3, .keeps_hidden = true});
  }

 private:
  Tensor per_layer_inputs(const Tensor& in) {
    const auto layers = static_cast<std::int64_t>(b.model.layers.size());
    const Tensor tokens = g.input(ggml::kI32, t);
    const Tensor table =
        g.external(*b.weights.per_layer_embd_type, {small * layers, b.n_vocab, 1, 1}, b.placement.gpus, true);
    const Tensor looked_up = g.inplace(g.reshape(g.get_rows(table, tokens), small, layers, t));
    g.expand(looked_up);
    b.at_layer(0);
    Tensor cur = g.mul_mat(g.external(ggml::f16(), {width, small * layers, 1, 1}, b.layer_backend(), true), in);
    cur = b.loose_norm(g.reshape(g.inplace(cur), small, layers, t));
    cur = g.inplace(g.inplace(cur, looked_up));
    return g.cont(g.permute(cur, 0, 2, 1, 3));
  }

  Tensor attention(const Attention& a, const Tensor& x) {
    const std::int64_t dim = a.head_dim, heads = a.num_attention_heads, kv = a.num_key_value_heads;
    Tensor q = b.rope(b.norm(g.reshape(b.linear(Role::attn_q, x, heads * dim), dim, heads, t)));
    if (!a.caches) return b.attend(a, q, {}, {});
    const Tensor k = b.linear(Role::attn_k, x, kv * dim);
    const Tensor v = b.has(Role::attn_v) ? b.linear(Role::attn_v, x, kv * dim) : k;
    const Tensor keys = b.rope(b.norm(g.reshape(k, dim, kv, t)));
    return b.attend(a, q, keys, g.inplace(g.reshape(v, dim, kv, t)));
  }

  // The router reads the residual itself, normalized without weights and scaled.
  Tensor routed(const Experts& e, const Tensor& middle) {
    const Tensor x = b.norm(middle);
    const Tensor read = g.inplace(g.inplace(g.inplace(middle)), b.vector(width));
    const Tensor logits = b.linear(Role::ffn_gate_inp, read, e.num_experts);
    const Routing routing{.fused_gate_up = b.has(Role::ffn_gate_up_exps), .down_scale = true};
    return b.norm(b.experts(x, e, routing, Activation::glu, logits));
  }

  Tensor layer(const Tensor& in, const Tensor& per_layer) {
    const Layer& l = b.layer();
    Tensor cur = b.norm(attention(*l.attention, b.norm(in)));
    const Tensor middle = g.inplace(cur, in);
    cur = b.feed_forward(b.norm(middle), l.ffn->intermediate_size, Activation::glu);
    if (l.experts) {
      const Tensor dense = b.norm(cur);
      cur = g.inplace(dense, routed(*l.experts, middle));
    }
    cur = g.inplace(b.loose_norm(cur), middle);
    if (small > 0) {
      const Tensor before = cur;
      cur = g.inplace(g.mul_mat(b.weight(Role::per_layer_inp_gate, width, small), cur));
      const Tensor own = g.view(per_layer, {small, t, 1, 1}, {per_layer.nb[1], per_layer.nb[2], per_layer.nb[2]});
      cur = g.mul_mat(b.weight(Role::per_layer_proj, small, width), g.inplace(cur, own));
      cur = g.inplace(before, b.norm(cur));
    }
    return g.inplace(cur, b.vector(1));
  }

  GraphBuilder& b;
  Graph& g;
  std::int64_t t, width, small;
};

}  // namespace

bool build_gemma4(GraphBuilder& b) {
  if (b.model.gguf_arch != "gemma4") return false;
  const auto plain = [](const Layer& layer) { return layer.attention && layer.ffn; };
  if (!std::all_of(b.model.layers.begin(), b.model.layers.end(), plain)) return false;
  Gemma4(b).build();
  return true;
}

}  // namespace vram::llama_cpp
