#include "read/tensors.hpp"

#include "read/limits.hpp"

namespace vram::read {

void TensorWriter::cube(Role role, std::int64_t ne0, std::int64_t ne1, std::int64_t ne2, std::int64_t used) {
  total_ = checked_total(total_, product({ne0, ne1, ne2}), path_);
  model_.tensors.push_back({role, part_, layer_, static_cast<std::int32_t>(used), ne0, ne1, ne2, 1});
}

void TensorWriter::matrix(Role role, std::int64_t in, std::int64_t out, std::int64_t count) {
  total_ = checked_total(total_, product({in, out, count}), path_);
  model_.tensors.push_back({role, part_, layer_, 0, in, out, 1, count});
}

void TensorWriter::vector(Role role, std::int64_t size, std::int64_t count) {
  if (count > 0) matrix(role, size, 1, count);
}

void TensorWriter::linear(Role role, std::int64_t in, std::int64_t out, bool bias, std::int64_t count) {
  matrix(role, in, out, count);
  if (bias) vector(Role::bias, out, count);
}

void write_attention(TensorWriter& out, const Attention& a, std::int64_t hidden, const Style& style) {
  const std::int64_t q = a.num_attention_heads * a.head_dim;
  const std::int64_t k = a.num_key_value_heads * a.head_dim;
  const std::int64_t v = a.num_key_value_heads * a.v_head_dim;
  const std::int64_t queries = a.output_gate ? 2 * q : q;
  if (a.fused_qkv) {
    out.linear(Role::attn_qkv, hidden, queries + k + v, a.bias);
  } else {
    out.linear(Role::attn_q, hidden, queries, a.bias);
    out.linear(Role::attn_k, hidden, k, a.bias);
    if (!style.no_v_proj) out.linear(Role::attn_v, hidden, v, a.bias);
  }
  out.linear(Role::attn_output, a.num_attention_heads * a.v_head_dim, hidden, style.o_bias);
  if (a.qk_norm && style.qk_norm_all) {
    out.vector(Role::norm, q);
    out.vector(Role::norm, k);
  } else if (a.qk_norm) {
    out.vector(Role::norm, a.head_dim, 2);
  }
  if (a.sinks) out.vector(Role::vector, a.num_attention_heads);
}

// DeepSeek-V2 (arXiv:2405.04434, section 2.1) and the indexer of DeepSeek-V3.2 (arXiv:2512.02556, section 2).
void write_latent(TensorWriter& out, const LatentAttention& a, std::int64_t hidden, const Style& style) {
  const std::int64_t heads = a.num_attention_heads;
  const std::int64_t qk = a.qk_nope_head_dim + a.qk_rope_head_dim;
  if (a.q_lora_rank > 0) {
    out.matrix(Role::attn_q_a, hidden, a.q_lora_rank);
    out.vector(Role::norm, a.q_lora_rank);
    out.matrix(Role::attn_q_b, a.q_lora_rank, heads * qk);
  } else {
    out.matrix(Role::attn_q, hidden, heads * qk);
  }
  out.matrix(Role::attn_kv_a_mqa, hidden, a.kv_lora_rank + a.qk_rope_head_dim);
  out.vector(Role::norm, a.kv_lora_rank);
  if (style.split_kv_b) {
    out.cube(Role::attn_k_b, a.qk_nope_head_dim, a.kv_lora_rank, heads);
    out.cube(Role::attn_v_b, a.kv_lora_rank, a.v_head_dim, heads);
  } else {
    out.matrix(Role::attn_kv_b, a.kv_lora_rank, heads * (a.qk_nope_head_dim + a.v_head_dim));
  }
  out.matrix(Role::attn_output, heads * a.v_head_dim, hidden);
  if (a.index_n_heads > 0) {
    out.matrix(Role::indexer, a.q_lora_rank, a.index_n_heads * a.index_head_dim);
    out.matrix(Role::indexer, hidden, a.index_head_dim);
    out.matrix(Role::indexer, hidden, a.index_n_heads);
    out.vector(Role::norm, a.index_head_dim, 2);  // LayerNorm of the index keys
  }
}

void write_ffn(TensorWriter& out, const FeedForward& ffn, std::int64_t hidden, const Style& style) {
  const std::int64_t width = ffn.intermediate_size;
  if (ffn.fused_gate_up) {
    out.linear(Role::ffn_up, hidden, 2 * width, style.mlp_bias);
  } else {
    if (ffn.gated) out.linear(Role::ffn_gate, hidden, width, style.mlp_bias);
    out.linear(Role::ffn_up, hidden, width, style.mlp_bias);
  }
  out.linear(Role::ffn_down, width, hidden, style.mlp_bias);
}

void write_experts(TensorWriter& out, const Experts& e, std::int64_t hidden, const Style& style) {
  const std::int64_t width = e.moe_intermediate_size;
  const std::int64_t used = e.num_experts_per_tok;
  const std::int64_t inner = e.expert_hidden_size;
  out.matrix(Role::ffn_gate_inp, hidden, e.num_experts);
  if (style.router_bias) out.vector(Role::bias, e.num_experts);
  if (style.selection_bias) out.vector(Role::bias, e.num_experts);
  if (inner != hidden) {
    out.matrix(Role::ffn_latent_in, hidden, inner);
    out.matrix(Role::ffn_latent_out, inner, hidden);
  }
  if (style.fused_gate_up_exps) {
    out.cube(Role::ffn_gate_up_exps, inner, 2 * width, e.num_experts, used);
  } else {
    if (e.gated) out.cube(Role::ffn_gate_exps, inner, width, e.num_experts, used);
    out.cube(Role::ffn_up_exps, inner, width, e.num_experts, used);
  }
  out.cube(Role::ffn_down_exps, width, inner, e.num_experts, used);
  if (style.expert_bias) {
    if (e.gated) out.cube(Role::bias, width, 1, e.num_experts, used);
    out.cube(Role::bias, width, 1, e.num_experts, used);
    out.cube(Role::bias, inner, 1, e.num_experts, used);
  }
  if (e.shared_intermediate_size > 0) {
    if (e.gated) out.matrix(Role::ffn_gate_shexp, hidden, e.shared_intermediate_size);
    out.matrix(Role::ffn_up_shexp, hidden, e.shared_intermediate_size);
    out.matrix(Role::ffn_down_shexp, e.shared_intermediate_size, hidden);
    if (style.shared_gate) out.vector(Role::ffn_gate_inp_shexp, hidden);
  }
}

void write_layer(TensorWriter& out, const Layer& layer, std::int64_t hidden, const Style& style) {
  out.vector(Role::norm, hidden, static_cast<std::int64_t>(style.norms) * style.norm_vectors);
  if (layer.attention) write_attention(out, *layer.attention, hidden, style);
  if (layer.latent) write_latent(out, *layer.latent, hidden, style);
  if (layer.state) write_state(out, *layer.state, hidden, style);
  if (layer.ffn) write_ffn(out, *layer.ffn, hidden, style);
  if (layer.experts) write_experts(out, *layer.experts, hidden, style);
}

}  // namespace vram::read
