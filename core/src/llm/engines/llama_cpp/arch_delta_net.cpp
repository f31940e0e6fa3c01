// Qwen3-Next and Qwen3.5: gated delta nets, every fourth layer gated attention. The fused delta-net operation is the
// engine's default. Source: llama.cpp v0.5.0 (de3ff81), src/models/qwen3next.cpp, qwen35.cpp, qwen35moe.cpp,
// delta-net-base.cpp.
#include "llm/engines/llama_cpp/architectures.hpp"

namespace vram::llama_cpp {

using ggml::f32;
using ggml::Tensor;

namespace {

Tensor gated_attention(GraphBuilder& b, const Tensor& x) {
  const Attention& a = *b.layer().attention;
  const std::int64_t dim = a.head_dim, heads = a.num_attention_heads, kv = a.num_key_value_heads, t = b.n_tokens;
  Tensor both, k, v;
  if (a.fused_qkv) {  // parts of a fused projection are copied out, in llm_graph_context::build_qkv without reshape
    const Tensor qkv = b.linear(Role::attn_qkv, x, 2 * dim * (heads + kv));
    const auto part = [&](std::int64_t width) {
      return b.g.cont_2d(b.g.view(qkv, {width, t, 1, 1}, {qkv.nb[1], qkv.nb[2], qkv.nb[3]}), width, t);
    };
    both = part(2 * dim * heads);
    k = part(dim * kv);
    v = part(dim * kv);
  } else {
    both = b.linear(Role::attn_q, x, 2 * dim * heads);
    k = b.linear(Role::attn_k, x, dim * kv);
    v = b.linear(Role::attn_v, x, dim * kv);
  }
  both = b.g.reshape(both, 2 * dim, heads, t);
  Tensor q = b.g.view(both, {dim, heads, t, 1}, {both.nb[1], both.nb[2], both.nb[3]});
  Tensor gate = b.g.view(both, {dim, heads, t, 1}, {both.nb[1], both.nb[2], both.nb[3]});
  k = b.g.reshape(k, dim, kv, t);
  v = b.g.reshape(v, dim, kv, t);
  q = b.rope(b.norm(q));
  k = b.rope(b.norm(k));
  Tensor cur = b.attend(a, q, k, v, false);
  gate = b.g.inplace(b.g.cont_2d(gate, dim * heads, t));
  cur = b.g.inplace(cur, gate);
  return b.linear(Role::attn_output, cur, b.n_embd);
}

Tensor delta_net(GraphBuilder& b, const Tensor& x) {
  const StateMixer& m = *b.layer().state;
  const std::int64_t k_dim = m.head_k_dim, v_dim = m.head_v_dim, k_heads = m.n_groups, v_heads = m.n_heads;
  const std::int64_t t = b.n_seq_tokens, n = b.n_seqs, inner = v_dim * v_heads, channels = inner + 2 * k_dim * k_heads;
  Tensor qkv = b.linear(Role::attn_qkv, x, channels);
  qkv = b.g.reshape(qkv, channels, t, n);
  const Tensor z = b.linear(Role::attn_gate, x, inner);
  const bool apart = b.model.gguf_arch != "qwen3next";  // Qwen3.5 projects the two gates apart
  const std::int64_t per = v_heads / k_heads;
  Tensor beta, alpha;
  if (apart) {
    beta = b.g.inplace(b.g.reshape(b.linear(Role::ssm_beta_alpha, x, v_heads), 1, v_heads, t, n));
    alpha = b.g.reshape(b.linear(Role::ssm_beta_alpha, x, v_heads), v_heads, t, n);
  } else {
    const Tensor ba = b.g.reshape(b.linear(Role::ssm_beta_alpha, x, 2 * v_heads), 2 * per, k_heads, t, n);
    const Tensor beta_view = b.g.view(ba, {per, k_heads, t, n}, {ba.nb[1], ba.nb[2], ba.nb[3]});
    const Tensor alpha_view = b.g.view(ba, {per, k_heads, t, n}, {ba.nb[1], ba.nb[2], ba.nb[3]});
    beta = b.g.inplace(b.g.cont(beta_view));
    alpha = b.g.make(Op::general, f32(), {v_heads, t, n, 1}, {alpha_view});
  }
  Tensor gate = b.g.inplace(b.g.inplace(b.g.inplace(alpha, b.vector(v_heads))), b.vector(v_heads));
  if (!apart) beta = b.g.reshape(beta, 1, v_heads, t, n);
  gate = b.g.reshape(gate, 1, v_heads, t, n);

  const Tensor conv = b.conv_input(qkv, m.d_conv, channels);
  const std::int64_t size = v_dim * v_dim * v_heads;
  const Tensor kept = b.state(size);
  const Tensor state = b.g.reshape(b.state_rows(kept, size), v_dim, v_dim, v_heads, n);
  const Tensor mixed = b.g.inplace(b.ssm_conv(conv, m.d_conv));
  const auto part = [&](std::int64_t dim, std::int64_t heads) {
    return b.g.view(mixed, {dim, heads, t, n}, {4 * dim, 4 * channels, 4 * channels * t});
  };
  const auto l2 = [&](const Tensor& p) { return b.g.inplace(b.g.inplace(p)); };
  Tensor q = l2(part(k_dim, k_heads)), k = l2(part(k_dim, k_heads));
  const Tensor v = part(v_dim, v_heads);
  if (k_heads != v_heads && !apart) {  // the fused operation of Qwen3.5 repeats keys by itself
    const auto repeat = [&](const Tensor& p) {
      const Tensor flat = b.g.reshape(p, k_dim, 1, k_heads, t * n);
      const Tensor wide = b.g.make(Op::general, f32(), {k_dim, per, k_heads, t * n}, {flat});
      return b.g.reshape(wide, k_dim, v_heads, t, n);
    };
    q = repeat(q);
    k = repeat(k);
  }
  const Tensor out = b.g.make(Op::general, f32(), {inner, t * n + v_dim * n, 1, 1}, {q, k, v, gate, beta, state});
  const Tensor result = b.g.view(out, {v_dim, v_heads, t, n}, {4 * v_dim, 4 * inner, 4 * inner * t});
  const Tensor next = b.g.view(out, {v_dim, v_dim, v_heads, n}, {4 * v_dim, 4 * v_dim * v_dim, 4 * size});
  b.write_state(kept, next, size);
  const Tensor z_heads = b.g.reshape(z, v_dim, v_heads, t, n);
  const Tensor normed = b.norm(result);
  const Tensor gated = b.g.inplace(normed, b.g.inplace(z_heads));
  const Tensor cur = b.linear(Role::ssm_out, b.g.reshape(gated, inner, t, n), b.n_embd);
  return b.g.reshape(cur, b.n_embd, t * n);
}

}  // namespace

bool build_delta_net(GraphBuilder& b) {
  const std::string& arch = b.model.gguf_arch;
  if (arch != "qwen3next" && arch != "qwen35" && arch != "qwen35moe") return false;
  Tensor cur = b.embed();
  for (const std::size_t i : b.layers()) {
    b.at_layer(i);
    const Layer& layer = b.layer();
    const Tensor in = cur;
    cur = b.norm(in);
    b.g.expand(cur);
    cur = layer.state ? delta_net(b, cur) : gated_attention(b, cur);
    const Tensor middle = b.g.inplace(cur, in);
    cur = feed_forward_of(b, layer, b.norm(middle), Activation::glu, {}, true);
    cur = b.g.inplace(cur, middle);
  }
  b.finish(cur, {.gather = Head::Gather::after_norm, .keeps_hidden = true});
  return true;
}

}  // namespace vram::llama_cpp
