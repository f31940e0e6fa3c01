#include "llm/engines/llama_cpp/graph_builder.hpp"

#include <algorithm>
#include <utility>

namespace vram::llama_cpp {

using ggml::f16;
using ggml::f32;
using ggml::Tensor;

GraphBuilder::GraphBuilder(const Model& m, const Settings& settings, const Placement& where, const WeightPlan& plan,
                           std::vector<std::size_t> layers)
    : model(m),
      s(settings),
      placement(where),
      weights(plan),
      n_tokens(settings.n_tokens),
      n_embd(m.hidden_size),
      n_vocab(m.vocab_size),
      n_seqs(settings.n_seq),
      n_seq_tokens(settings.n_tokens / settings.n_seq),
      layers_(std::move(layers)),
      full_offload_(settings.n_gpu_layers > static_cast<std::int64_t>(m.layers.size())) {
  g.reserve(layers_.size() * 64 + 64);
  for (const Layer& l : m.layers) {
    if (!l.attention) continue;
    if (l.attention->window > 0 && l.attention->span != Span::full && honours_window(m)) have_window_cache_ = true;
    widest_v_ = std::max(widest_v_, l.attention->num_key_value_heads * l.attention->v_head_dim);
  }
}

void GraphBuilder::at_layer(std::size_t index) {
  layer_ = index;
  g.mark_layer();
  place_ = backend(placement.layer[index]);
  expert_place_ = static_cast<std::int64_t>(index) < s.n_cpu_moe ? cpu() : place_;
}

Tensor GraphBuilder::weight(Role role, std::int64_t ne0, std::int64_t ne1, std::int64_t ne2) {
  const bool routed = role == Role::ffn_gate_exps || role == Role::ffn_up_exps || role == Role::ffn_down_exps ||
                      role == Role::ffn_gate_up_exps;
  return g.external(weights.type_of(layer_, role), {ne0, ne1, ne2, 1}, routed ? expert_place_ : place_, true);
}

Tensor GraphBuilder::vector(std::int64_t ne0, std::int64_t ne1) {
  return g.external(f32(), {ne0, ne1, 1, 1}, place_, true);
}

Tensor GraphBuilder::expert_bias(std::int64_t ne0, std::int64_t experts) {
  return g.external(f32(), {ne0, experts, 1, 1}, expert_place_, true);
}

Tensor GraphBuilder::outer_weight(const TensorType& type, std::int64_t ne0, std::int64_t ne1) {
  return g.external(type, {ne0, ne1, 1, 1}, backend(placement.output), true);
}

Tensor GraphBuilder::outer_vector(std::int64_t ne0) { return outer_weight(f32(), ne0, 1); }

Tensor GraphBuilder::positions() {
  // Time, height, width and one more for architectures with rotary positions in sections (hparams.n_pos_per_embd).
  const std::string& arch = model.gguf_arch;
  const bool sections = arch == "qwen2vl" || arch.starts_with("qwen3vl") || arch.starts_with("qwen35");
  if (!pos_) pos_ = g.input(ggml::kI32, sections ? 4 * n_tokens : n_tokens);
  return pos_;
}

bool GraphBuilder::has_windows() const {
  return std::any_of(model.layers.begin(), model.layers.end(), [](const Layer& layer) {
    return layer.attention && layer.attention->span != Span::full && layer.attention->window > 0;
  });
}

bool GraphBuilder::has(Role role) const {
  const auto index = static_cast<std::int32_t>(layer_);
  return std::any_of(model.tensors.begin(), model.tensors.end(),
                     [&](const vram::Tensor& t) { return t.role == role && t.layer == index; });
}

Tensor GraphBuilder::out_ids() {
  if (!out_ids_) out_ids_ = g.input(ggml::kI32, s.n_outputs);
  return out_ids_;
}

// Token ids and, beside them, embeddings that come from outside: both inputs exist in every graph.
Tensor GraphBuilder::embed(int parts) {
  const Tensor table = g.external(*weights.embd_type, {n_embd, n_vocab, 1, 1}, cpu(), true);
  const Tensor tokens = g.input(ggml::kI32, n_tokens);
  const Tensor given = g.input(f32(), n_embd * parts, n_tokens);
  Tensor looked_up = g.get_rows(table, tokens);
  if (parts > 1) looked_up = g.make(Op::general, f32(), given.ne, {looked_up});
  g.expand(looked_up);
  g.expand(given);
  return looked_up;
}

Tensor GraphBuilder::loose_norm(const Tensor& t, bool rms, bool bias) {
  Tensor cur = rms ? g.inplace(t) : g.general(t);
  cur = g.inplace(cur, vector(t.ne[0], 1));
  return bias ? g.inplace(cur, vector(t.ne[0], 1)) : cur;
}

Tensor GraphBuilder::bare_norm(const Tensor& t, bool rms) {
  const Tensor cur = rms ? g.inplace(t) : g.general(t);
  // The first operation of a layer would otherwise run where the layer before it lives.
  if (full_offload_ || n_tokens < 32) g.pin(cur, place_, true);
  return cur;
}

Tensor GraphBuilder::norm(const Tensor& t, bool rms, bool bias) {
  Tensor cur = bare_norm(t, rms);
  cur = g.inplace(cur, vector(t.ne[0], 1));
  return bias ? g.inplace(cur, vector(t.ne[0], 1)) : cur;
}

Tensor GraphBuilder::linear(Role role, const Tensor& x, std::int64_t out, bool bias) {
  const Tensor cur = g.mul_mat(weight(role, x.ne[0], out), x);
  return bias ? g.inplace(cur, vector(out)) : cur;
}

Tensor GraphBuilder::rope(const Tensor& t) {
  const Tensor factors = model.rope_tables > 0 ? vector(t.ne[0] / 2) : Tensor{};
  return g.make(Op::rope, f32(), t.ne, {t, positions(), factors});
}

GraphBuilder::Qkv GraphBuilder::project_qkv(const Attention& a, const Tensor& x) {
  const std::int64_t heads = a.num_attention_heads, kv = a.num_key_value_heads;
  const std::int64_t q = heads * a.head_dim, k = kv * a.head_dim, v = kv * a.v_head_dim;
  if (a.fused_qkv) {
    const Tensor all = linear(Role::attn_qkv, x, q + k + v, a.bias);
    const auto part = [&](std::int64_t dim, std::int64_t n) {
      return g.view(all, {dim, n, n_tokens, 1}, {4 * dim, all.nb[1], all.nb[2]});
    };
    return {part(a.head_dim, heads), part(a.head_dim, kv), part(a.v_head_dim, kv)};
  }
  const auto split = [&](Role role, std::int64_t dim, std::int64_t n) {
    return g.reshape(linear(role, x, dim * n, a.bias), dim, n, n_tokens);
  };
  const Tensor query = split(Role::attn_q, a.head_dim, heads);
  const Tensor key = split(Role::attn_k, a.head_dim, kv);
  return {query, key, split(Role::attn_v, a.v_head_dim, kv)};
}

Tensor GraphBuilder::feed_forward(const Tensor& x, std::int64_t width, Activation activation, bool bias, bool gated,
                                  bool fused) {
  Tensor up = linear(Role::ffn_up, x, fused ? 2 * width : width, bias);
  Tensor cur = up;
  if (fused) {
    cur = g.make(Op::general, f32(), {width, up.ne[1], up.ne[2], up.ne[3]}, {up});
  } else if (gated) {
    const Tensor gate = linear(Role::ffn_gate, x, width, bias);
    cur = g.like(Op::general, gate, {gate, up});
  } else {
    cur = g.inplace(up);
    if (activation == Activation::relu_squared) cur = g.inplace(cur);
  }
  return linear(Role::ffn_down, cur, n_embd, bias);
}

Tensor GraphBuilder::shared_expert(const Tensor& x, std::int64_t width, Activation activation, bool gated) {
  const Tensor up = linear(Role::ffn_up_shexp, x, width);
  Tensor cur = up;
  if (gated) {
    const Tensor gate = linear(Role::ffn_gate_shexp, x, width);
    cur = g.like(Op::general, gate, {gate, up});
  } else {
    cur = g.inplace(up);
    if (activation == Activation::relu_squared) cur = g.inplace(cur);
  }
  return linear(Role::ffn_down_shexp, cur, n_embd);
}

void GraphBuilder::finish(const Tensor& last, const Head& head) {
  // Weights live with the head, and nothing is pinned.
  if (head.keeps_hidden && head.gather == Head::Gather::before_norm) g.mark_output(last);
  Tensor cur = head.gather == Head::Gather::before_norm ? output_rows(last) : last;
  cur = head.rms ? g.inplace(cur) : g.general(cur);
  cur = g.inplace(cur, outer_vector(n_embd));
  if (head.norm_bias) cur = g.inplace(cur, outer_vector(n_embd));
  if (head.gather == Head::Gather::after_norm) {
    if (head.keeps_hidden) g.mark_output(cur);
    cur = output_rows(cur);
  }
  g.mark_output(cur);
  Tensor logits = g.mul_mat(outer_weight(*weights.head_type, n_embd, n_vocab), cur);
  if (head.output_bias) logits = g.inplace(logits, outer_vector(n_vocab));
  for (int i = 0; i < head.logit_ops; ++i) logits = g.inplace(logits);
  g.mark_output(logits);
  g.expand(logits);
}

}  // namespace vram::llama_cpp
