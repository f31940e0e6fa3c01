// Encoders: all tokens see all tokens, nothing is cached. Source: llama.cpp v0.5.0 (de3ff81), src/models/bert.cpp.
#include "llm/engines/llama_cpp/architectures.hpp"

namespace vram::llama_cpp {

using ggml::f32;
using ggml::Tensor;

bool build_encoder(GraphBuilder& b) {
  const bool bert = b.model.gguf_arch == "bert", nomic = b.model.gguf_arch == "nomic-bert";
  if (!bert && !nomic) return false;
  Tensor cur = b.embed();
  b.at_layer(0);
  const Tensor types = b.g.external(f32(), {b.n_embd, 2, 1, 1}, b.placement.gpus, true);
  cur = b.g.inplace(cur, b.g.view(types, {b.n_embd, 1, 1, 1}, {types.nb[1], types.nb[2], types.nb[3]}));
  if (bert) {
    const Tensor table = b.g.external(f32(), {b.n_embd, b.model.max_position_embeddings, 1, 1}, b.placement.gpus, true);
    cur = b.g.inplace(b.g.get_rows(table, b.positions()), cur);
  }
  cur = b.norm(cur, false, true);
  for (const std::size_t i : b.layers()) {
    b.at_layer(i);
    const Layer& layer = b.layer();
    const Attention& a = *layer.attention;
    Tensor in = cur;
    GraphBuilder::Qkv qkv = b.project_qkv(a, in);
    if (nomic) {
      qkv.q = b.rope(qkv.q);
      qkv.k = b.rope(qkv.k);
    }
    cur = b.attend_uncached(a, qkv, bert);
    if (b.is_last()) {
      cur = b.output_rows(cur);
      in = b.output_rows(in);
    }
    const Tensor middle = b.norm(b.g.inplace(cur, in), false, true);
    const Tensor fed = b.feed_forward(middle, layer.ffn->intermediate_size, bert ? Activation::unary : Activation::glu,
                                      bert, layer.ffn->gated);
    cur = b.norm(b.g.inplace(fed, middle), false, true);
  }
  b.g.mark_output(cur);
  b.g.expand(cur);
  return true;
}

}  // namespace vram::llama_cpp
