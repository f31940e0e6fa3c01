// Gemma 3n: four parallel residual streams, per-layer embeddings, low-rank side paths.
// Source: llama.cpp v0.5.0 (de3ff81), src/models/gemma3n.cpp.
#include "llm/engines/llama_cpp/architectures.hpp"

namespace vram::llama_cpp {

using ggml::f32;
using ggml::Tensor;

namespace {

constexpr std::int64_t kStreams = 4;  // altup_num_inputs of every released model
constexpr std::int64_t kPerLayerWidth = 256;
constexpr std::int64_t kLaurelRank = 64;
constexpr std::size_t kSparseLayers = 10;  // n_layer_sparsity

class Gemma3n {
 public:
  explicit Gemma3n(GraphBuilder& builder) : b(builder), g(builder.g), t(builder.n_tokens), width(builder.n_embd) {}

  void build() {
    const auto layers = static_cast<std::int64_t>(b.model.layers.size());
    Tensor cur = g.inplace(b.embed());
    const Tensor tokens = g.input(ggml::kI32, t);
    const Tensor table =
        g.external(*b.weights.per_layer_embd_type, {kPerLayerWidth * layers, b.n_vocab, 1, 1}, b.placement.gpus, true);
    Tensor per_layer = g.inplace(g.reshape(g.get_rows(table, tokens), kPerLayerWidth, layers, t));
    g.expand(per_layer);
    per_layer = project(cur, per_layer, layers);
    const Tensor target = magnitude(cur);
    const Tensor repeated = g.make(Op::general, f32(), {width, t, kStreams - 1, 1}, {cur});
    Tensor added = g.make(Op::mul_mat, f32(), {width, t, kStreams - 1, 1}, {projection(kStreams - 1), repeated});
    const Tensor size = magnitude(added);
    added = g.inplace(g.inplace(added, target), size);
    cur = g.concat(cur, added, 2);
    for (const std::size_t i : b.layers()) {
      b.at_layer(i);
      cur = layer(cur, per_layer, i);
    }
    finish(cur);
  }

 private:
  Tensor projection(std::int64_t n) { return g.external(ggml::f16(), {width, width, n, 1}, b.output_backend(), true); }
  Tensor magnitude(const Tensor& x) {
    const Tensor squared = g.inplace(x);
    return g.inplace(g.make(Op::general, f32(), {1, x.ne[1], x.ne[2], x.ne[3]}, {squared}));
  }
  Tensor slice(const Tensor& x) { return g.view(x, {x.ne[0], x.ne[1], 1, 1}, {x.nb[1], x.nb[2], x.nb[2]}); }

  Tensor project(const Tensor& in, const Tensor& per_layer, std::int64_t layers) {
    b.at_layer(0);
    Tensor cur =
        g.mul_mat(g.external(ggml::f16(), {width, kPerLayerWidth * layers, 1, 1}, b.layer_backend(), true), in);
    cur = g.reshape(g.inplace(cur), kPerLayerWidth, layers, t);
    cur = b.loose_norm(cur);
    cur = g.inplace(g.inplace(cur, per_layer));
    return g.cont(g.permute(cur, 0, 2, 1, 3));
  }

  Tensor router(const Tensor& x) {
    const Tensor in = g.inplace(b.norm(x));
    return g.inplace(g.mul_mat(b.weight(Role::altup_router, width, kStreams), in));
  }

  Tensor predict(const Tensor& cur) {
    const Tensor modalities = router(slice(cur));
    Tensor coefs = g.mul_mat(b.weight(Role::altup_coef, kStreams, kStreams * kStreams), modalities);
    coefs = g.reshape(coefs, kStreams, kStreams, t);
    const Tensor permuted = g.cont(g.permute(cur, 1, 2, 0, 3));
    Tensor out = g.make(Op::mul_mat, f32(), {permuted.ne[1], coefs.ne[1], coefs.ne[2], 1}, {permuted, coefs});
    out = g.cont(g.permute(out, 0, 2, 1, 3));
    return g.inplace(out, cur);
  }

  Tensor correct(const Tensor& predictions, const Tensor& activated) {
    const Tensor modalities = router(activated);
    Tensor innovation = g.inplace(activated, slice(predictions));
    Tensor coefs = g.inplace(g.mul_mat(b.weight(Role::altup_coef, kStreams, kStreams), modalities));
    coefs = g.make(Op::general, f32(), {1, t, kStreams, 1}, {g.transpose(coefs)});
    innovation = g.make(Op::general, f32(), {width, t, kStreams, 1}, {innovation});
    return g.inplace(g.inplace(innovation, coefs), predictions);
  }

  Tensor laurel(const Tensor& x) {
    Tensor cur = g.mul_mat(b.weight(Role::laurel_l, width, kLaurelRank), x);
    cur = g.mul_mat(b.weight(Role::laurel_r, kLaurelRank, width), cur);
    return g.inplace(b.norm(cur), x);
  }

  // Keeps what lies above mean plus a multiple of the deviation.
  Tensor top_gaussian(const Tensor& x) {
    const auto rows = [&](const Tensor& y) { return g.make(Op::general, f32(), {1, y.ne[1], y.ne[2], y.ne[3]}, {y}); };
    const Tensor mean = rows(x);
    const Tensor deviation = g.inplace(g.inplace(rows(g.inplace(g.inplace(x, mean)))));
    const Tensor cutoff = g.inplace(mean, g.inplace(deviation));
    return g.inplace(g.inplace(x, cutoff));
  }

  Tensor attention(const Attention& a, const Tensor& x) {
    if (a.caches) {
      GraphBuilder::Qkv qkv = b.project_qkv(a, x);
      qkv.q = b.norm(qkv.q);
      qkv.k = b.norm(qkv.k);
      const Tensor v = g.inplace(qkv.v);
      return b.attend(a, b.rope(qkv.q), b.rope(qkv.k), v);
    }
    Tensor q = b.linear(Role::attn_q, x, a.num_attention_heads * a.head_dim);
    q = b.rope(b.norm(g.reshape(q, a.head_dim, a.num_attention_heads, t)));
    return b.attend(a, q, {}, {});
  }

  Tensor layer(const Tensor& in, const Tensor& per_layer, std::size_t index) {
    const Layer& l = b.layer();
    const Tensor predictions = predict(in);
    const Tensor active = slice(predictions);
    Tensor cur = b.norm(active);
    const Tensor side = laurel(cur);
    cur = attention(*l.attention, cur);
    cur = b.norm(cur);
    cur = g.inplace(cur, active);
    const Tensor both = g.inplace(g.inplace(cur, side));
    cur = b.norm(both);
    const std::int64_t ff = l.ffn->intermediate_size;
    const Tensor up = b.linear(Role::ffn_up, cur, ff);
    Tensor gate = b.linear(Role::ffn_gate, cur, ff);
    if (index < kSparseLayers) gate = top_gaussian(gate);
    gate = g.inplace(gate);
    cur = b.linear(Role::ffn_down, g.inplace(up, gate), width);
    cur = b.loose_norm(cur);
    const Tensor gated = g.inplace(cur, both);
    const Tensor corrected = correct(predictions, gated);
    Tensor first = g.inplace(slice(corrected), b.vector(width));
    first = g.inplace(g.mul_mat(b.weight(Role::per_layer_inp_gate, width, kPerLayerWidth), first));
    first = g.inplace(first, slice(per_layer));
    first = g.mul_mat(b.weight(Role::per_layer_proj, kPerLayerWidth, width), first);
    first = b.norm(first);
    const Tensor rest =
        g.view(corrected, {width, t, kStreams - 1, 1}, {corrected.nb[1], corrected.nb[2], corrected.nb[3]});
    return g.concat(slice(corrected), g.inplace(rest, first), 2);
  }

  void finish(const Tensor& last) {
    const Tensor target = magnitude(slice(last));
    const Tensor rest = g.view(last, {width, t, kStreams - 1, 1}, {last.nb[1], last.nb[2], last.nb[3]});
    Tensor merged = g.make(Op::mul_mat, f32(), {width, t, kStreams - 1, 1}, {projection(kStreams - 1), rest});
    const Tensor size = magnitude(merged);
    merged = g.inplace(g.inplace(merged, target), size);
    Tensor cur = slice(last);
    for (std::int64_t i = 0; i < kStreams - 1; ++i) cur = g.inplace(cur, slice(merged));
    cur = g.inplace(cur);
    b.finish(cur, {.gather = Head::Gather::before_norm, .logit_ops = 3});
  }

  GraphBuilder& b;
  Graph& g;
  std::int64_t t, width;
};

}  // namespace

bool build_gemma3n(GraphBuilder& b) {
  if (b.model.gguf_arch != "gemma3n") return false;
  Gemma3n(b).build();
  return true;
}

}  // namespace vram::llama_cpp
