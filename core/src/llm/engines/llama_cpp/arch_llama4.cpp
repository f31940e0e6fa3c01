// Llama 4: chunked layers with positions, every fourth without; experts in every or every second layer.
// Source: llama.cpp v0.5.0 (de3ff81), src/models/llama4.cpp.
#include "llm/engines/llama_cpp/architectures.hpp"

namespace vram::llama_cpp {

using ggml::Tensor;

bool build_llama4(GraphBuilder& b) {
  if (b.model.gguf_arch != "llama4") return false;
  const Routing routing{.scores = Routing::Scores::sigmoid, .normalize = false, .weight_before = true};
  Tensor cur = b.embed();
  const Tensor scale = b.g.input(ggml::f32(), 1, 1, b.n_tokens);
  for (const std::size_t i : b.layers()) {
    b.at_layer(i);
    const Layer& layer = b.layer();
    const Attention& a = *layer.attention;
    Tensor in = cur;
    GraphBuilder::Qkv qkv = b.project_qkv(a, b.norm(in));
    if (a.span != Span::full) {
      qkv.q = b.rope(qkv.q);
      qkv.k = b.rope(qkv.k);
      if (a.qk_norm) {  // without a weight
        qkv.q = b.g.inplace(qkv.q);
        qkv.k = b.g.inplace(qkv.k);
      }
    } else {
      qkv.q = b.g.inplace(qkv.q, scale);
    }
    cur = b.attend(a, qkv.q, qkv.k, qkv.v);
    if (b.is_last()) {
      cur = b.output_rows(cur);
      in = b.output_rows(in);
    }
    const Tensor middle = b.g.inplace(cur, in);
    cur = feed_forward_of(b, layer, b.norm(middle), Activation::glu, routing);
    cur = b.g.inplace(cur, middle);
  }
  b.finish(cur);
  return true;
}

}  // namespace vram::llama_cpp
