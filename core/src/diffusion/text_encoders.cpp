// Text encoders of transformers (v5.0): CLIP, T5 and UMT5, eager attention.
#include "diffusion/layers.hpp"
#include "diffusion/models.hpp"

namespace vram::diffusion {

namespace {

// models/clip/modeling_clip.py
void clip_text(Trace& t, const Settings& s, const TextInput& in, bool projected) {
  const Size width = s.integer("hidden_size", 768), inner = s.integer("intermediate_size", 3072);
  const Size layers = s.integer("num_hidden_layers", 12), heads = s.integer("num_attention_heads", 12);
  const Tensor ids = t.input({in.batch, in.tokens}, DType::i64, "token ids");
  Tensor x = embed(ids, s.integer("vocab_size", 49408), width, in.dtype);
  t.count(s.integer("max_position_embeddings", 77) * width);
  x = like(std::move(x));
  const Tensor mask = t.make({in.batch, 1, in.tokens, in.tokens}, in.dtype, "causal mask");
  // The pipelines ask for all hidden states.
  std::vector<Tensor> states;
  for (Size i = 0; i < layers; ++i) states.push_back(t.make(x.shape(), in.dtype, "hidden states"));
  AttnOptions o;
  o.heads = heads;
  o.head_dim = width / heads;
  o.bias = true;
  t.stack("layers", layers, [&] {
    const Tensor residual = x;
    Tensor normed = layer_norm(residual);
    Tensor attended = attention_2_0(normed, {}, o);
    Tensor sum = el(residual, attended);
    normed = layer_norm(sum);
    const Tensor ff = feed_forward(normed, inner, width, Act::gelu);
    x = el(sum, ff);
  });
  x = layer_norm(x);
  if (projected) {
    const Tensor pooled = t.make({in.batch, width}, in.dtype, "pooled text");
    linear(pooled, s.integer("projection_dim", 512), false);
  }
}

// models/t5/modeling_t5.py, models/umt5/modeling_umt5.py: UMT5 has a position bias in every layer.
void t5(Trace& t, const Settings& s, const TextInput& in, bool own_bias) {
  const Size width = s.integer("d_model", 4096), inner = s.integer("d_ff", 10240);
  const Size layers = s.integer("num_layers", 24), heads = s.integer("num_heads", 64);
  const Size head_dim = s.integer("d_kv", 64), buckets = s.integer("relative_attention_num_buckets", 32);
  const Size rows = heads * head_dim;
  const Tensor ids = t.input({in.batch, in.tokens}, DType::i64, "token ids");
  Tensor x = embed(ids, s.integer("vocab_size", 32128), width, in.dtype);
  Tensor bias;
  if (!own_bias) {
    t.count(buckets * heads);
    bias = t.make({in.batch, heads, in.tokens, in.tokens}, in.dtype, "position bias");
  }
  t.stack("block", layers, [&] {
    const Tensor residual = x;
    Tensor normed = rms_norm_by_hand(residual);
    if (own_bias) {
      t.count(buckets * heads);
      bias = t.make({in.batch, heads, in.tokens, in.tokens}, in.dtype, "position bias");
    }
    Tensor attended;
    {
      const auto split = [&](const Tensor& y) {
        return transpose(y.view({in.batch, in.tokens, heads, head_dim}), 1, 2);
      };
      const Tensor query = split(linear(normed, rows, false));
      const Tensor key = split(linear(normed, rows, false));
      const Tensor value = split(linear(normed, rows, false));
      Tensor scores = t.make({in.batch, heads, in.tokens, in.tokens}, in.dtype, "attention scores");
      Tensor weights = like(scores, DType::f32);
      weights = like(weights);
      weights = to(weights, in.dtype);
      Tensor out = t.make({in.batch, heads, in.tokens, head_dim}, in.dtype, "attention");
      out = reshape(transpose(out, 1, 2), {in.batch, in.tokens, rows});
      attended = linear(out, width, false);
    }
    const Tensor sum = el(residual, attended);
    normed = rms_norm_by_hand(sum);
    Tensor ff;
    {
      Tensor gate = linear(normed, inner, false);
      gate = like(gate);
      const Tensor up = linear(normed, inner, false);
      Tensor wide = el(gate, up);
      t.keep_f32(inner * width);
      if (in.dtype == DType::f16) wide = to(wide, DType::f32);
      ff = linear(wide, width, false);
    }
    x = el(sum, ff);
    if (in.dtype == DType::f16) x = to(x, DType::f16);
  });
  x = rms_norm_by_hand(x);
}

}  // namespace

void trace_clip_text(Trace& t, const Settings& s, const TextInput& in) { clip_text(t, s, in, false); }
void trace_clip_text_projected(Trace& t, const Settings& s, const TextInput& in) { clip_text(t, s, in, true); }
void trace_t5(Trace& t, const Settings& s, const TextInput& in) { t5(t, s, in, false); }
void trace_umt5(Trace& t, const Settings& s, const TextInput& in) { t5(t, s, in, true); }

}  // namespace vram::diffusion
