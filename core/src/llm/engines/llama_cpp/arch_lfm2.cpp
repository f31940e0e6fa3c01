// LFM2: short gated convolutions between attention layers. Source: llama.cpp v0.5.0 (de3ff81), src/models/lfm2.cpp.
#include "llm/engines/llama_cpp/architectures.hpp"

namespace vram::llama_cpp {

using ggml::f32;
using ggml::Tensor;

namespace {

Tensor short_conv(GraphBuilder& b, const Tensor& x) {
  const std::int64_t keep = b.layer().state->d_conv - 1, t = b.n_seq_tokens, n = b.n_seqs, width = b.n_embd;
  const Tensor all = b.linear(Role::shortconv_in, b.g.reshape(x, width, t, n), 3 * width);
  const auto part = [&] { return b.g.view(all, {width, t, n, 1}, {all.nb[1], all.nb[2], all.nb[3]}); };
  const Tensor gate_in = part(), gate_out = part(), value = part();
  const Tensor gated = b.g.transpose(b.g.inplace(gate_in, value));
  const std::int64_t size = keep * width;
  const Tensor kept = b.state(size);
  const Tensor before = b.g.reshape(b.state_rows(kept, size), keep, width, n);
  const Tensor conv = b.g.concat(before, gated, 0);
  b.write_state(kept, b.g.view(conv, {keep, width, n, 1}, {conv.nb[1], conv.nb[2], conv.nb[3]}), size);
  const Tensor out = b.ssm_conv(conv, keep + 1);
  const Tensor y = b.linear(Role::shortconv_out, b.g.inplace(gate_out, out), width);
  return b.g.reshape(y, width, t * n);
}

Tensor attention(GraphBuilder& b, const Tensor& x) {
  const Attention& a = *b.layer().attention;
  const GraphBuilder::Qkv qkv = b.project_qkv(a, x);
  return b.attend(a, b.rope(b.norm(qkv.q)), b.rope(b.norm(qkv.k)), qkv.v);
}

}  // namespace

bool build_lfm2(GraphBuilder& b) {
  if (b.model.gguf_arch != "lfm2" && b.model.gguf_arch != "lfm2moe") return false;
  const Routing routing{.scores = Routing::Scores::sigmoid, .selection_bias = true};
  Tensor cur = b.embed();
  for (const std::size_t i : b.layers()) {
    b.at_layer(i);
    Tensor in = cur;
    cur = b.norm(in);
    cur = b.layer().state ? short_conv(b, cur) : attention(b, cur);
    if (b.is_last()) {
      cur = b.output_rows(cur);
      in = b.output_rows(in);
    }
    cur = b.g.inplace(in, cur);
    cur = b.g.inplace(cur, feed_forward_of(b, b.layer(), b.norm(cur), Activation::glu, routing));
  }
  b.finish(cur);
  return true;
}

}  // namespace vram::llama_cpp
