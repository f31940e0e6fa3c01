// Sparse attention of DeepSeek V3.2 and GLM 5: an indexer with keys of its own chooses the cells to attend to.
// Source: llama.cpp v0.5.0 (de3ff81), src/models/deepseek32.cpp, glm-dsa.cpp, src/llama-graph.cpp (build_attn with
// top_k), ggml-cuda/lightning-indexer.cu.
#include <algorithm>

#include "llm/engines/llama_cpp/graph_builder.hpp"

namespace vram::llama_cpp {

using ggml::f16;
using ggml::f32;
using ggml::Tensor;

namespace {

constexpr std::int64_t kKernelHead = 128;  // ggml_cuda_lightning_indexer_supported

}  // namespace

// The mask again, closed but for the chosen cells. Its zeros are a tensor of every layer.
Tensor GraphBuilder::sparse_mask(const Tensor& mask, const Tensor& top_k) {
  const Tensor closed = g.inplace(mask);
  const Tensor cells = g.view(closed, {1, mask.ne[0], mask.ne[1], mask.ne[3]}, {mask.nb[0], mask.nb[1], mask.nb[2]});
  const Tensor chosen =
      g.view(top_k, {top_k.ne[0], top_k.ne[1], top_k.ne[3], 1}, {top_k.nb[1], top_k.nb[2], top_k.ne[3] * top_k.nb[3]});
  const Tensor zeros = g.inplace(g.make(Op::none, f32(), {1, chosen.ne[0], chosen.ne[1], chosen.ne[2]}, {}));
  const Tensor open = g.write(cells, {zeros, chosen});
  const Tensor again = g.view(open, mask.ne, {mask.nb[1], mask.nb[2], mask.nb[3]});
  return g.like(Op::inplace, mask, {again, mask});
}

Tensor GraphBuilder::index_top_k(const LatentAttention& a, const Tensor& x, const Tensor& latent) {
  const std::int64_t dim = a.index_head_dim, heads = a.index_n_heads, streams = s.n_stream;
  const bool fused = dim == kKernelHead;
  if (!index_.mask) {
    index_.k_idxs = g.input(ggml::kI64, n_tokens);
    index_.mask = g.input(fused ? f16() : f32(), s.n_ctx_seq, n_tokens / streams, 1, streams);
    index_.k_rot = g.input(f32(), dim, dim);
  }
  Tensor q = rope(g.reshape(g.mul_mat(weight(Role::indexer, latent.ne[0], heads * dim), latent), dim, heads, n_tokens));
  Tensor k = norm(g.mul_mat(weight(Role::indexer, n_embd, dim), x), false, true);
  k = rope(g.reshape(k, dim, 1, n_tokens));
  q = g.mul_mat(index_.k_rot, q);
  k = g.mul_mat(index_.k_rot, k);
  const int where = s.offload_kqv ? place_ : cpu();
  const Tensor cache = g.external(*s.type_k, {dim, s.n_ctx_seq, streams, 1}, where, false);
  const Tensor rows = g.view(k, {dim, n_tokens, 1, 1}, {k.nb[2], k.nb[2] * n_tokens, k.nb[2] * n_tokens});
  g.expand(g.write(cache, {rows, index_.k_idxs}));
  Tensor weights_of_heads = g.mul_mat(weight(Role::indexer, n_embd, heads), x);
  const Bytes row = row_bytes(*s.type_k, dim, 1);
  Tensor keys = g.view(cache, {dim, 1, s.n_ctx_seq, streams}, {row, row, row * s.n_ctx_seq});
  q = g.view(q, {dim, heads, n_tokens / streams, streams}, {q.nb[1], q.nb[2], q.nb[3] / streams});
  weights_of_heads =
      g.inplace(g.view(weights_of_heads, {heads, n_tokens / streams, 1, streams},
                       {weights_of_heads.nb[1], weights_of_heads.nb[2] / streams, weights_of_heads.nb[3] / streams}));
  Tensor score;
  if (fused) {
    score = g.make(Op::general, f32(), {s.n_ctx_seq, n_tokens / streams, 1, streams},
                   {q, keys, weights_of_heads, index_.mask});
  } else {
    q = g.permute(q, 0, 2, 1, 3);
    keys = g.permute(keys, 0, 2, 1, 3);
    const Tensor kq = g.make(Op::mul_mat, f32(), {keys.ne[1], q.ne[1], q.ne[2], q.ne[3]}, {keys, q});
    score = g.inplace(g.inplace(g.cont(g.permute(kq, 2, 1, 0, 3))), weights_of_heads);
    score = g.make(Op::general, f32(), {1, score.ne[1], score.ne[2], score.ne[3]}, {score});
    score = g.inplace(g.cont(g.permute(score, 2, 1, 0, 3)), index_.mask);
  }
  const std::int64_t n = std::min(s.n_ctx_seq, a.index_topk);
  return g.cont(g.make(Op::general, ggml::kI32, {n, score.ne[1], score.ne[2], score.ne[3]}, {score}));
}

}  // namespace vram::llama_cpp
