// Graphs of the decoders in decoders.hpp. Source: llama.cpp v0.5.0 (de3ff81), src/models/<file>.
#include <algorithm>

#include "llm/engines/llama_cpp/architectures.hpp"
#include "llm/engines/llama_cpp/decoders.hpp"

namespace vram::llama_cpp {

using ggml::Tensor;

namespace {

const Decoder* find_decoder(std::string_view arch) {
  const auto found = std::find_if(kDecoders.begin(), kDecoders.end(), [&](const Decoder& d) { return d.arch == arch; });
  return found == kDecoders.end() ? nullptr : &*found;
}

Tensor attention(GraphBuilder& b, const Decoder& d, const Attention& a, const Tensor& x) {
  GraphBuilder::Qkv qkv = b.project_qkv(a, x);
  const bool turned = d.unturned_every == 0 || (b.layer_index() + 1) % d.unturned_every != 0;
  // Models without any window turn all of their layers.
  const bool windowed = (a.span != Span::full && a.window > 0) || !b.has_windows();
  if (a.qk_norm && !d.norm_after_rope) {
    qkv.q = b.norm(qkv.q);
    qkv.k = b.norm(qkv.k);
  }
  const bool small = b.model.layers.size() == 32;  // Baichuan 7B
  if ((d.rope == Rope::all && turned) || (d.rope == Rope::windowed && windowed) || (d.rope == Rope::of_7b && small)) {
    qkv.q = b.rope(qkv.q);
    qkv.k = b.rope(qkv.k);
  }
  if (a.qk_norm && d.norm_after_rope) {
    qkv.k = b.norm(qkv.k);
    qkv.q = b.norm(qkv.q);
  }
  if (d.scale_queries) qkv.q = b.g.inplace(qkv.q);
  const Tensor attended = b.attend(a, qkv.q, qkv.k, qkv.v, true, d.o_bias, d.soft_cap);
  return d.scale_attention ? b.g.inplace(attended) : attended;
}

Tensor layer_of(GraphBuilder& b, const Decoder& d, Tensor in) {
  const Layer& layer = b.layer();
  const bool gather = b.is_last() && !d.gather_late;
  Tensor middle;
  if (layer.attention) {
    Tensor cur = d.pre_norm ? b.norm(in, d.rms, d.norm_bias) : in;
    cur = attention(b, d, *layer.attention, cur);
    if (gather) {
      cur = b.output_rows(cur);
      in = b.output_rows(in);
    }
    if (d.attn_post_norm) cur = b.norm(cur);
    if (d.residual_scale) cur = b.g.inplace(cur);
    middle = b.g.inplace(cur, in);
  } else {  // layers that a search left out (Nemotron Super)
    middle = gather ? b.output_rows(in) : in;
  }
  Tensor cur = d.pre_norm ? b.norm(middle, d.rms, d.norm_bias) : middle;
  const Routing routing = d.config_routing && layer.experts ? deepseek_routing(*layer.experts) : d.routing;
  cur = feed_forward_of(b, layer, cur, d.activation, routing, d.shared_gate, d.ffn_bias);
  if (d.ffn_post_norm) cur = d.post_norm_loose ? b.loose_norm(cur) : b.norm(cur);
  if (d.residual_scale) cur = b.g.inplace(cur);
  return d.residual_first ? b.g.inplace(middle, cur) : b.g.inplace(cur, middle);
}

}  // namespace

Tensor feed_forward_of(GraphBuilder& b, const Layer& layer, const Tensor& x, Activation activation,
                       const Routing& routing, bool shared_gate, bool bias) {
  if (!layer.experts) {
    return b.feed_forward(x, layer.ffn->intermediate_size, activation, bias, layer.ffn->gated,
                          layer.ffn->fused_gate_up);
  }
  const Experts& e = *layer.experts;
  const Tensor routed = b.experts(x, e, routing, activation);
  if (e.shared_intermediate_size == 0) return routed;
  Tensor shared = b.shared_expert(x, e.shared_intermediate_size, activation, e.gated);
  if (shared_gate) {
    const Tensor gate = b.g.inplace(b.linear(Role::ffn_gate_inp_shexp, x, 1));
    shared = b.g.inplace(shared, gate);
  }
  return b.g.inplace(routed, shared);
}

bool build_decoder(GraphBuilder& b) {
  const Decoder* d = find_decoder(b.model.gguf_arch);
  if (d == nullptr) return false;
  const Tensor embedded = b.embed(1 + d->deepstack);
  const auto own_part = [&] {
    return d->deepstack == 0
               ? embedded
               : b.g.view(embedded, {b.n_embd, b.n_tokens, 1, 1}, {embedded.nb[1], embedded.nb[2], embedded.nb[3]});
  };
  Tensor cur = own_part();
  if (d->scale_embedding) cur = b.g.inplace(cur);
  if (d->residual_scale) b.g.expand(cur);  // Granite scales while it embeds
  if (d->position_table) {
    const Tensor table = b.g.external(ggml::f32(), {b.n_embd, 1024, 1, 1}, b.placement.gpus, true);
    cur = b.g.inplace(cur, b.g.get_rows(table, b.positions()));
  }
  if (d->norm_embedding) {
    b.at_layer(b.layers().front());
    cur = b.norm(cur, d->rms, d->norm_bias);
  }
  for (const std::size_t i : b.layers()) {
    b.at_layer(i);
    cur = layer_of(b, *d, cur);
    if (static_cast<std::int64_t>(i) < d->deepstack) cur = b.g.inplace(cur, own_part());
  }
  b.finish(cur, {.gather = d->gather_late ? Head::Gather::before_norm : Head::Gather::in_last_layer,
                 .rms = d->rms,
                 .norm_bias = d->norm_bias,
                 .output_bias = d->output_bias,
                 .logit_ops = d->logit_ops,
                 .keeps_hidden = d->gather_late});
  return true;
}

}  // namespace vram::llama_cpp
