// DeepSeek's latent attention, queries and keys absorbed into the latent space.
// Source: llama.cpp v0.5.0 (de3ff81), src/models/deepseek2.cpp, deepseek32.cpp, glm-dsa.cpp.
#include "llm/engines/llama_cpp/architectures.hpp"

namespace vram::llama_cpp {

using ggml::Tensor;

Tensor latent_attention(GraphBuilder& b, const LatentAttention& a, const Tensor& x, Tensor* top_k) {
  const std::int64_t heads = a.num_attention_heads, rank = a.kv_lora_rank, rope = a.qk_rope_head_dim;
  const std::int64_t nope = a.qk_nope_head_dim, width = nope + rope, tokens = b.n_tokens;
  Tensor q;
  if (a.q_lora_rank > 0) {
    q = b.norm(b.linear(Role::attn_q_a, x, a.q_lora_rank));
    if (top_k != nullptr && a.index_n_heads > 0) *top_k = b.index_top_k(a, x, q);
    q = b.linear(Role::attn_q_b, q, heads * width);
  } else {
    q = b.linear(Role::attn_q, x, heads * width);
  }
  q = b.g.reshape(q, width, heads, tokens);
  const Tensor both = b.linear(Role::attn_kv_a_mqa, x, rank + rope);
  Tensor latent = b.g.view(both, {rank, tokens, 1, 1}, {both.nb[1], both.nb[2], both.nb[3]});
  Tensor k_rope = b.g.view(both, {rope, 1, tokens, 1}, {both.nb[1], both.nb[1], both.nb[2]});
  k_rope = b.rope(k_rope);
  latent = b.norm(latent);
  Tensor q_nope = b.g.view(q, {nope, heads, tokens, 1}, {q.nb[1], q.nb[2], q.nb[3]});
  Tensor q_rope = b.g.view(q, {rope, heads, tokens, 1}, {q.nb[1], q.nb[2], q.nb[3]});
  q_rope = b.rope(q_rope);
  q_nope = b.g.permute(q_nope, 0, 2, 1, 3);
  Tensor absorbed = b.g.mul_mat(b.weight(Role::attn_k_b, nope, rank, heads), q_nope);
  absorbed = b.g.permute(absorbed, 0, 2, 1, 3);
  const Tensor query = b.g.concat(absorbed, q_rope, 0);
  const Tensor value = b.g.reshape(latent, rank, 1, tokens);
  const Tensor key = b.g.concat(value, k_rope, 0);
  return b.attend_latent(a, query, key, value, top_k == nullptr ? Tensor{} : *top_k);
}

Routing deepseek_routing(const Experts& e) {
  return {.scores = e.selection_bias ? Routing::Scores::sigmoid : Routing::Scores::softmax,
          .normalize = e.norm_topk_prob,
          .scale = e.routed_scaling_factor != 0 && e.routed_scaling_factor != 1,
          .selection_bias = e.selection_bias,
          .n_group = e.n_group,
          .topk_group = e.topk_group};
}

bool build_latent(GraphBuilder& b) {
  const std::string& arch = b.model.gguf_arch;
  const bool sparse = arch == "deepseek32" || arch == "glm-dsa";
  if (arch != "deepseek2" && !sparse) return false;
  Tensor cur = b.embed();
  Tensor top_k;  // of the last layer with an indexer
  for (const std::size_t i : b.layers()) {
    b.at_layer(i);
    const Layer& layer = b.layer();
    Tensor in = cur;
    cur = latent_attention(b, *layer.latent, b.norm(in), sparse ? &top_k : nullptr);
    if (b.is_last()) {
      cur = b.output_rows(cur);
      in = b.output_rows(in);
    }
    const Tensor middle = b.g.inplace(cur, in);
    const Routing routing = layer.experts ? deepseek_routing(*layer.experts) : Routing{};
    cur = feed_forward_of(b, layer, b.norm(middle), Activation::glu, routing);
    cur = b.g.inplace(cur, middle);
  }
  b.finish(cur);
  return true;
}

}  // namespace vram::llama_cpp
