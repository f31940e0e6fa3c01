// Attention and feed-forward side by side. Source: llama.cpp v0.5.0 (de3ff81), src/models/command-r.cpp, cohere2.cpp,
// falcon.cpp, phi2.cpp, gptneox.cpp.
#include <algorithm>
#include <array>

#include "llm/engines/llama_cpp/architectures.hpp"

namespace vram::llama_cpp {

using ggml::Tensor;

namespace {

struct Parallel {
  std::string_view arch;
  bool windowed_rope = false;  // only layers with a window have rotary positions
  bool norm_bias = false;
  bool o_bias = false;
  bool ffn_bias = false;
  Activation activation = Activation::unary;
  bool scale_queries = false;
  // The order of the sums: ((attention + feed-forward) + residual), else ((feed-forward + residual) + attention).
  enum class Sum : std::uint8_t { feed_forward_residual, feed_forward_attention, attention_feed_forward } sum{};
  bool second_norm = false;  // the feed-forward has its own, made after the attention
  bool output_bias = false;
  int logit_ops = 0;
};

using Sum = Parallel::Sum;

constexpr std::array kParallel = {
    Parallel{.arch = "command-r", .activation = Activation::glu, .logit_ops = 1},
    Parallel{.arch = "cohere2", .windowed_rope = true, .activation = Activation::glu, .logit_ops = 1},
    Parallel{.arch = "falcon", .norm_bias = true, .sum = Sum::feed_forward_attention},
    Parallel{.arch = "phi2",
             .norm_bias = true,
             .o_bias = true,
             .ffn_bias = true,
             .scale_queries = true,
             .sum = Sum::attention_feed_forward,
             .output_bias = true},
    Parallel{.arch = "gptneox", .norm_bias = true, .o_bias = true, .ffn_bias = true, .second_norm = true},
};

// Falcon's larger models normalize for the attention by itself: two norms of two vectors.
bool has_attention_norm(const GraphBuilder& b) {
  std::int64_t elements = 0;
  for (const vram::Tensor& t : b.model.tensors) {
    if (t.layer == 0 && t.role == Role::norm) elements += t.elements();
  }
  return b.model.gguf_arch == "falcon" && elements > 2 * b.n_embd;
}

Tensor layer_of(GraphBuilder& b, const Parallel& p, bool attention_norm, Tensor in) {
  const Layer& layer = b.layer();
  const Attention& a = *layer.attention;
  Tensor normed = b.norm(in, false, p.norm_bias);
  const Tensor own = attention_norm ? b.norm(in, false, p.norm_bias) : normed;
  GraphBuilder::Qkv qkv = b.project_qkv(a, own);
  if (a.qk_norm) {
    qkv.q = b.norm(qkv.q, false);
    qkv.k = b.norm(qkv.k, false);
  }
  if (!p.windowed_rope || a.span != Span::full) {
    qkv.q = b.rope(qkv.q);
    qkv.k = b.rope(qkv.k);
  }
  if (p.scale_queries) qkv.q = b.g.inplace(qkv.q);
  Tensor attended = b.attend(a, qkv.q, qkv.k, qkv.v, true, p.o_bias);
  if (b.is_last()) {
    attended = b.output_rows(attended);
    in = b.output_rows(in);
    if (!p.second_norm) normed = b.output_rows(normed);
  }
  if (p.second_norm) normed = b.norm(in, false, p.norm_bias);
  const Tensor fed = feed_forward_of(b, layer, normed, p.activation, {}, false, p.ffn_bias);
  switch (p.sum) {
    case Sum::feed_forward_attention: return b.g.inplace(b.g.inplace(fed, attended), in);
    case Sum::attention_feed_forward: return b.g.inplace(b.g.inplace(attended, fed), in);
    case Sum::feed_forward_residual: break;
  }
  return b.g.inplace(b.g.inplace(fed, in), attended);
}

}  // namespace

bool build_parallel(GraphBuilder& b) {
  const auto* p = std::find_if(kParallel.begin(), kParallel.end(),
                               [&](const Parallel& row) { return row.arch == b.model.gguf_arch; });
  if (p == kParallel.end() || !b.model.parallel_residual) return false;
  const bool attention_norm = has_attention_norm(b);
  Tensor cur = b.embed();
  for (const std::size_t i : b.layers()) {
    b.at_layer(i);
    cur = layer_of(b, *p, attention_norm, cur);
  }
  b.finish(cur, {.rms = false, .norm_bias = p->norm_bias, .output_bias = p->output_bias, .logit_ops = p->logit_ops});
  return true;
}

}  // namespace vram::llama_cpp
