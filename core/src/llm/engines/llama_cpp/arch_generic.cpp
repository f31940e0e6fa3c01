// Stands in for architectures without a description of their own: the parts that a layer has, one after the other, as
// most decoders run them. The result is an estimate of the compute buffer, not the engine's own graph.
#include <algorithm>

#include "llm/engines/llama_cpp/architectures.hpp"

namespace vram::llama_cpp {

using ggml::f32;
using ggml::Tensor;

namespace {

constexpr std::int64_t kUsualVocabulary = 128256;  // where only a parameter count is known
constexpr std::int64_t kUsualWidening = 4;         // intermediate_size over hidden_size, unknown

// A recurrent mixer by the sizes that all of them have.
Tensor any_mixer(GraphBuilder& b, const StateMixer& m, const Tensor& x) {
  const std::int64_t inner = std::max<std::int64_t>(m.d_inner, 1), wide = std::max(m.in_proj, inner);
  const Tensor projected = b.linear(Role::ssm_in, x, wide);
  const std::int64_t channels = std::max<std::int64_t>(m.conv_channels, inner);
  const Tensor mixed = b.g.make(Op::general, f32(), {channels, b.n_tokens, 1, 1}, {projected});
  const Tensor active = b.g.inplace(mixed);
  const std::int64_t state = m.state_elements * b.n_seqs;
  const Tensor out = b.g.make(Op::general, f32(), {inner * b.n_tokens + state, 1, 1, 1}, {active, projected});
  const Tensor y =
      b.g.view(out, {inner, b.n_tokens, 1, 1}, {4 * inner, 4 * inner * b.n_tokens, 4 * inner * b.n_tokens});
  return b.linear(Role::ssm_out, b.g.make(Op::general, f32(), y.ne, {y, projected}), b.n_embd);
}

Tensor any_attention(GraphBuilder& b, const Attention& a, const Tensor& x) {
  GraphBuilder::Qkv qkv = b.project_qkv(a, x);
  if (a.qk_norm) {
    qkv.q = b.norm(qkv.q);
    qkv.k = b.norm(qkv.k);
  }
  return b.attend(a, b.rope(qkv.q), b.rope(qkv.k), qkv.v);
}

Tensor any_layer(GraphBuilder& b, Tensor in) {
  const Layer& layer = b.layer();
  Tensor cur = in;
  if (layer.attention) cur = any_attention(b, *layer.attention, b.norm(in));
  if (layer.latent) cur = latent_attention(b, *layer.latent, b.norm(in));
  if (layer.compressed) {
    const CompressedAttention& c = *layer.compressed;
    const std::int64_t width = c.num_attention_heads * c.head_dim;
    const Tensor q = b.linear(Role::attn_q_b, b.norm(in), width);
    cur = b.linear(Role::attn_output, b.g.general(q), b.n_embd);
  }
  if (layer.state) {
    const Tensor mixed = any_mixer(b, *layer.state, b.norm(in));
    cur = layer.attention ? b.g.inplace(cur, mixed) : mixed;
  }
  if (b.is_last()) {
    cur = b.output_rows(cur);
    in = b.output_rows(in);
  }
  const Tensor middle = b.g.inplace(cur, in);
  const bool known = layer.ffn || layer.experts;
  if (!known && b.model.model_type != "manual") return middle;
  const Tensor normed = b.norm(middle);
  const Tensor fed = known ? feed_forward_of(b, layer, normed, Activation::glu,
                                             layer.experts ? deepseek_routing(*layer.experts) : Routing{})
                           : b.feed_forward(normed, kUsualWidening * b.n_embd, Activation::glu);
  return b.g.inplace(fed, middle);
}

}  // namespace

void build_generic(GraphBuilder& b) {
  if (b.n_embd == 0) {
    for (const Layer& layer : b.model.layers) {
      if (layer.attention)
        b.n_embd = std::max(b.n_embd, layer.attention->num_attention_heads * layer.attention->head_dim);
    }
  }
  if (b.n_vocab == 0) b.n_vocab = kUsualVocabulary;
  Tensor cur = b.embed();
  for (const std::size_t i : b.layers()) {
    b.at_layer(i);
    cur = any_layer(b, cur);
  }
  b.finish(cur);
}

}  // namespace vram::llama_cpp
