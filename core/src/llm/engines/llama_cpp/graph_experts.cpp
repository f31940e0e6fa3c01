// Mixture of experts: routing, the chosen experts' matrices, and their weighted sum.
// The groups of operations that CUDA fuses keep what they read alive longer; they are marked here.
#include <algorithm>

#include "llm/engines/llama_cpp/graph_builder.hpp"

namespace vram::llama_cpp {

using ggml::f32;
using ggml::Fusion;
using ggml::Tensor;

namespace {

constexpr std::int64_t kMostSummedExperts = 15;  // MOE_WEIGHTED_REDUCTION_MAX_EXPERTS

// The expert counts that topk-moe.cu has kernels for.
bool topk_kernel(std::int64_t experts) {
  return (experts <= 512 && (experts & (experts - 1)) == 0) || experts == 288 || experts == 576;
}

// The first `k` columns of a full sort.
Tensor argsort_top_k(Graph& g, const Tensor& scores, std::int64_t k) {
  const Tensor sorted = g.make(Op::general, ggml::kI32, scores.ne, {scores});
  return g.view(sorted, {k, sorted.ne[1], sorted.ne[2], sorted.ne[3]}, {sorted.nb[1], sorted.nb[2], sorted.nb[3]});
}

}  // namespace

Tensor GraphBuilder::experts(const Tensor& x, const Experts& e, const Routing& r, Activation activation,
                             const Tensor& router_logits) {
  const std::int64_t n = e.num_experts, k = e.num_experts_per_tok, width = e.moe_intermediate_size;
  const std::int64_t inner = x.ne[0], tokens = x.ne[1];
  Tensor logits = router_logits ? router_logits : linear(Role::ffn_gate_inp, x, n);
  if (r.bias) logits = g.inplace(logits, vector(n));
  const Tensor scores = r.scores == Routing::Scores::softmax_of_chosen ? logits : g.inplace(logits);
  Tensor selection = r.selection_bias ? g.inplace(scores, vector(n)) : scores;
  if (r.weight_before) selection = logits;
  if (r.n_group > 1) {
    const std::int64_t per_group = n / r.n_group;
    const Tensor groups = g.reshape(selection, per_group, r.n_group, tokens);
    const Tensor best_two = argsort_top_k(g, groups, 2);
    Tensor sums = g.get_rows(g.reshape(groups, 1, per_group, r.n_group, tokens), best_two);
    sums = g.make(Op::general, f32(), {1, sums.ne[2], sums.ne[3], 1},
                  {g.reshape(sums, sums.ne[1], sums.ne[2], sums.ne[3])});
    sums = g.reshape(sums, r.n_group, tokens);
    const Tensor chosen = argsort_top_k(g, sums, r.topk_group);
    const Tensor kept = g.get_rows(groups, chosen);
    const Tensor masked = g.write(g.inplace(groups), {kept, chosen});
    selection = g.reshape(masked, n, tokens);
  }
  const Tensor chosen = argsort_top_k(g, selection, k);
  Tensor weights_of_chosen = g.get_rows(g.reshape(scores, 1, n, tokens), chosen);
  if (r.scores == Routing::Scores::softmax_of_chosen) {
    const Tensor flat = g.reshape(weights_of_chosen, k, tokens);
    weights_of_chosen = g.reshape(g.inplace(flat), 1, k, tokens);
  }
  std::int32_t fused = r.selection_bias ? 6 : 5;  // scores, reshape, (bias,) sort, view, rows
  if (r.normalize) {
    const Tensor flat = g.reshape(weights_of_chosen, k, tokens);
    const Tensor sum = g.inplace(g.make(Op::general, f32(), {1, tokens, 1, 1}, {flat}));
    weights_of_chosen = g.reshape(g.inplace(flat, sum), 1, k, tokens);
    fused += 5;
  }
  if (r.scale) {
    weights_of_chosen = g.inplace(weights_of_chosen);
    fused += 1;
  }
  g.expand(weights_of_chosen);
  const bool plain = r.scores != Routing::Scores::softmax_of_chosen && r.n_group <= 1 && !r.weight_before;
  if (plain && topk_kernel(n)) {
    g.add_fusion({static_cast<std::int32_t>(g.order().size()) - fused, fused, Fusion::Kind::topk_moe});
  }

  Tensor cur = g.reshape(x, inner, 1, tokens);
  if (r.weight_before) {
    const Tensor repeated = g.make(Op::general, f32(), {inner, k, tokens, 1}, {cur});
    cur = g.inplace(repeated, weights_of_chosen);
  }
  const auto with_bias = [&](const Tensor& t, std::int64_t rows) {
    return r.bias ? g.like(Op::inplace, t, {t, expert_bias(rows, n), chosen}) : t;
  };
  const Role first_role = r.fused_gate_up ? Role::ffn_gate_up_exps : Role::ffn_up_exps;
  const std::int64_t first_width = r.fused_gate_up ? 2 * width : width;
  const Tensor up = with_bias(g.mul_mat_id(weight(first_role, inner, first_width, n), cur, chosen), first_width);
  if (r.fused_gate_up) {
    const auto half = [&] { return g.view(up, {width, up.ne[1], up.ne[2], 1}, {up.nb[1], up.nb[2], up.nb[3]}); };
    const Tensor gate = half();
    cur = g.make(Op::general, f32(), gate.ne, {gate, half()});
  } else if (e.gated) {
    const Tensor gate = with_bias(g.mul_mat_id(weight(Role::ffn_gate_exps, inner, width, n), cur, chosen), width);
    cur = g.like(Op::general, gate, {gate, up});
  } else {
    cur = g.inplace(up);
    if (activation == Activation::relu_squared) cur = g.inplace(cur);
  }
  Tensor out = with_bias(g.mul_mat_id(weight(Role::ffn_down_exps, width, inner, n), cur, chosen), inner);
  if (r.down_scale) {
    const Tensor scales = g.make(Op::general, f32(), {1, n, tokens, 1}, {g.reshape(expert_bias(n, 1), 1, n)});
    out = g.inplace(out, g.get_rows(scales, chosen));
  }
  if (!r.weight_before) out = g.inplace(out, weights_of_chosen);
  g.expand(out);
  const auto first = static_cast<std::int32_t>(g.order().size()) - 1;
  std::vector<Tensor> parts;
  for (std::int64_t i = 0; i < k; ++i) {
    parts.push_back(g.view(out, {inner, tokens, 1, 1}, {out.nb[2], out.nb[2] * tokens, out.nb[2] * tokens}));
    g.expand(parts.back());
  }
  Tensor sum = parts.front();
  for (std::int64_t i = 1; i < k; ++i) {
    sum = g.inplace(sum, parts[static_cast<std::size_t>(i)]);
    g.expand(sum);
  }
  if (k == 1) sum = g.cont(sum);
  if (!r.weight_before && k >= 2 && k <= kMostSummedExperts) {
    g.add_fusion({first, static_cast<std::int32_t>(2 * k), Fusion::Kind::weighted_sum});
  }
  return sum;
}

}  // namespace vram::llama_cpp
