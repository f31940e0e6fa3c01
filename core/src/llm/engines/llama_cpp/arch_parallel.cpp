// Attention and feed-forward side by side on one norm. Source: llama.cpp v0.5.0 (de3ff81), src/models/command-r.cpp,
// cohere2.cpp.
#include "llm/engines/llama_cpp/architectures.hpp"

namespace vram::llama_cpp {

using ggml::Tensor;

bool build_parallel(GraphBuilder& b) {
  const bool windows = b.model.gguf_arch == "cohere2";
  if (!windows && b.model.gguf_arch != "command-r") return false;
  Tensor cur = b.embed();
  for (const std::size_t i : b.layers()) {
    b.at_layer(i);
    const Layer& layer = b.layer();
    const Attention& a = *layer.attention;
    Tensor in = cur;
    Tensor normed = b.norm(in, false);
    GraphBuilder::Qkv qkv = b.project_qkv(a, normed);
    if (a.qk_norm) {
      qkv.q = b.norm(qkv.q, false);
      qkv.k = b.norm(qkv.k, false);
    }
    if (!windows || a.span != Span::full) {
      qkv.q = b.rope(qkv.q);
      qkv.k = b.rope(qkv.k);
    }
    Tensor attended = b.attend(a, qkv.q, qkv.k, qkv.v);
    if (b.is_last()) {
      attended = b.output_rows(attended);
      in = b.output_rows(in);
      normed = b.output_rows(normed);
    }
    const Tensor fed = feed_forward_of(b, layer, normed, Activation::glu, {});
    cur = b.g.inplace(b.g.inplace(fed, in), attended);
  }
  b.finish(cur, {.rms = false, .logit_ops = 1});
  return true;
}

}  // namespace vram::llama_cpp
