// Attention over the cache: what is written, what is read, and the operations between.
#include <algorithm>

#include "llm/engines/llama_cpp/graph_builder.hpp"

namespace vram::llama_cpp {

using ggml::f16;
using ggml::f32;
using ggml::Tensor;

namespace {

// The largest power of two from 64 that divides the head, for keys; values are always rotated in blocks of 64.
std::int64_t key_rotation(std::int64_t head_dim) {
  std::int64_t n = 64;
  while (head_dim % (2 * n) == 0) n *= 2;
  return n;
}

bool quantized(const TensorType& type) { return type.block_elements > 1; }

// Head sizes that ggml-cuda has flash-attention kernels for (fattn.cu, ggml_cuda_get_best_fattn_kernel). Others run on
// the CPU. Caches are padded to 256 cells and have masks, so the grouped kernels apply where heads are grouped.
bool has_flash_kernel(std::int64_t k, std::int64_t v, std::int64_t group) {
  switch (k) {
    case 40:
    case 64:
    case 72:
    case 80:
    case 96:
    case 112:
    case 128:
    case 256: return v == k;
    case 192: return v == 128 && group % 8 == 0;
    case 320: return v == 256 && group % 32 == 0;
    case 512: return v == k && group >= 2;
    case 576: return v == 512 && group >= 2;
    default: return false;
  }
}

}  // namespace

bool has_flash_kernels(const Model& model) {
  return std::all_of(model.layers.begin(), model.layers.end(), [](const Layer& layer) {
    if (layer.attention) {
      const Attention& a = *layer.attention;
      const std::int64_t kv = std::max<std::int64_t>(a.num_key_value_heads, 1);
      return has_flash_kernel(a.head_dim, a.v_head_dim, a.num_attention_heads / kv);
    }
    if (!layer.latent) return true;
    return has_flash_kernel(layer.latent->kv_lora_rank + layer.latent->qk_rope_head_dim, layer.latent->kv_lora_rank,
                            layer.latent->num_attention_heads);
  });
}

Tensor GraphBuilder::make_mask(std::int64_t cells) {
  return g.input(s.flash_attn ? f16() : f32(), cells, n_tokens / s.n_stream, 1, s.n_stream);
}

GraphBuilder::AttentionInputs& GraphBuilder::inputs_of(const Attention& a) {
  const bool windowed = a.window > 0 && a.span != Span::full && honours_window(model);
  AttentionInputs& in = windowed ? window_ : full_;
  bool& have = windowed ? have_window_ : have_full_;
  if (have) return in;
  have = true;
  const std::int64_t cells = windowed ? window_cells(s, a.window) : s.n_ctx_seq;
  in.k_idxs = g.input(ggml::kI64, n_tokens);
  in.v_idxs = g.input(ggml::kI64, s.flash_attn ? n_tokens : n_tokens * widest_v_);
  in.mask = make_mask(cells);
  if (quantized(*s.type_k) && a.head_dim % 64 == 0) {
    const std::int64_t n = key_rotation(a.head_dim);
    in.k_rot = g.input(f32(), n, n);
  }
  if (quantized(*s.type_v) && a.v_head_dim % 64 == 0) in.v_rot = g.input(f32(), 64, 64);
  return in;
}

// A Hadamard rotation spreads outliers before a quantized cache is written.
Tensor GraphBuilder::rotate(const Tensor& t, const Tensor& rotation) {
  const std::int64_t n = rotation.ne[0];
  const Tensor flat = is_contiguous(t) ? g.reshape(t, n, elements(t) / n) : g.cont_2d(t, n, elements(t) / n);
  return g.reshape(g.mul_mat(rotation, flat), t.ne[0], t.ne[1], t.ne[2], t.ne[3]);
}

Tensor GraphBuilder::flash(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, const Tensor& sinks,
                           bool shared_kv) {
  const Tensor cur = g.make(Op::flash_attn, f32(), {v.ne[0], q.ne[2], q.ne[1], q.ne[3]}, {q, k, v, mask, sinks});
  // The CUDA kernels read F16: other cache types are converted in scratch that belongs to the result.
  ggml::Node& n = g.node(cur.id);
  Bytes end = n.bytes;
  if (k.type != &f16()) end = add(round_up(end, 128), mul(elements(k), 2));
  if (v.type != &f16() && !(shared_kv && k.type != &f16())) end = add(round_up(end, 128), mul(elements(v), 2));
  n.gpu_extra = end - n.bytes;
  n.gpu_supported = has_flash_kernel(k.ne[0], v.ne[0], q.ne[2] / std::max<std::int64_t>(k.ne[2], 1));
  if (!n.gpu_supported) flash_on_cpu = true;
  return cur;
}

Tensor GraphBuilder::core_attention(Tensor q, Tensor k, Tensor v, const Tensor& mask, const Tensor& sinks,
                                    const Tensor& v_mla, bool v_trans, bool shared_kv, bool soft_cap) {
  const std::int64_t streams = k.ne[3];
  q = g.view(q, {q.ne[0], q.ne[1], q.ne[2] / streams, streams}, {q.nb[1], q.nb[2], q.nb[3] / streams});
  q = g.permute(q, 0, 2, 1, 3);
  k = g.permute(k, 0, 2, 1, 3);
  v = g.permute(v, 0, 2, 1, 3);
  Tensor cur;
  if (s.flash_attn) {
    if (k.type == &f32()) k = g.cast(k, f16());
    if (v.type == &f32()) v = g.cast(v, f16());
    cur = flash(q, k, v, mask, sinks, shared_kv);
    if (v_mla) {
      cur = g.permute(cur, 0, 2, 1, 3);
      cur = g.mul_mat(v_mla, cur);
      cur = g.permute(cur, 0, 2, 1, 3);
      cur = g.cont(cur);
    }
    cur = g.reshape(cur, cur.ne[0] * cur.ne[1], cur.ne[2] * cur.ne[3]);
  } else {
    Tensor kq = g.make(Op::mul_mat, f32(), {k.ne[1], q.ne[1], q.ne[2], q.ne[3]}, {k, q});
    if (soft_cap) kq = g.inplace(g.inplace(g.inplace(kq)));
    kq = g.like(Op::inplace, kq, {kq, mask, sinks});
    if (!v_trans) v = g.cont(g.transpose(v));
    Tensor kqv = g.make(Op::mul_mat, f32(), {v.ne[1], kq.ne[1], kq.ne[2], kq.ne[3]}, {v, kq});
    if (v_mla) kqv = g.mul_mat(v_mla, kqv);
    cur = g.permute(kqv, 0, 2, 1, 3);
    cur = g.cont_2d(cur, cur.ne[0] * cur.ne[1], cur.ne[2] * cur.ne[3]);
    if (!s.offload_kqv) g.pin(cur, cpu());
  }
  g.expand(cur);
  return cur;
}

Tensor GraphBuilder::attend(const Attention& a, Tensor q, Tensor k, Tensor v, bool output_projection, bool output_bias,
                            bool soft_cap) {
  AttentionInputs& in = inputs_of(a);
  if (in.k_rot) {
    q = rotate(q, in.k_rot);
    if (k) k = rotate(k, in.k_rot);
  }
  if (in.v_rot && v) v = rotate(v, in.v_rot);
  // With a window cache beside the full one, keys come before values.
  g.expand(q);
  if (v && !have_window_cache_) g.expand(v);
  if (k) g.expand(k);
  if (v) g.expand(v);

  const std::int64_t cells = in.mask.ne[0], streams = s.n_stream;
  const std::int64_t k_width = a.num_key_value_heads * a.head_dim, v_width = a.num_key_value_heads * a.v_head_dim;
  const bool v_trans = !s.flash_attn;
  const std::int64_t v_cached = v_trans ? widest_v_ : v_width;
  const int where = s.offload_kqv ? place_ : cpu();
  const Tensor cache_k = g.external(*s.type_k, {k_width, cells, streams, 1}, where, false);
  const Tensor cache_v = g.external(*s.type_v, {v_cached, cells, streams, 1}, where, false);
  if (k) {
    const Tensor rows = g.view(k, {k_width, n_tokens, 1, 1}, {k.nb[2], k.nb[2] * n_tokens, k.nb[2] * n_tokens});
    g.expand(g.write(cache_k, {rows, in.k_idxs}));
    Tensor values;
    if (!v_trans) {
      values = g.view(v, {v_width, n_tokens, 1, 1}, {v.nb[2], v.nb[2] * n_tokens, v.nb[2] * n_tokens});
    } else {
      values = 4 * v_width == v.nb[2] ? g.reshape(v, v_width, n_tokens) : g.cont_2d(v, v_width, n_tokens);
      if (v_width < v_cached) values = g.make(Op::general, f32(), {v_cached, n_tokens, 1, 1}, {values});
      values = g.reshape(values, 1, v_cached * n_tokens);
    }
    g.expand(g.write(cache_v, {values, in.v_idxs}));
  }

  const auto row = [](const TensorType& type, std::int64_t n) { return row_bytes(type, n, 1); };
  const Tensor keys = g.view(cache_k, {a.head_dim, a.num_key_value_heads, cells, streams},
                             {row(*s.type_k, a.head_dim), row(*s.type_k, k_width), row(*s.type_k, k_width * cells)});
  const Tensor values =
      v_trans ? g.view(cache_v, {cells, a.num_key_value_heads, a.v_head_dim, streams},
                       {row(*s.type_v, cells * a.v_head_dim), row(*s.type_v, cells), row(*s.type_v, cells * v_cached)})
              : g.view(cache_v, {a.v_head_dim, a.num_key_value_heads, cells, streams},
                       {row(*s.type_v, a.v_head_dim), row(*s.type_v, v_width), row(*s.type_v, v_width * cells)});
  const Tensor sinks = a.sinks ? vector(a.num_attention_heads) : Tensor{};
  Tensor cur = core_attention(q, keys, values, in.mask, sinks, {}, v_trans, false, soft_cap);
  if (in.v_rot) cur = rotate(cur, in.v_rot);
  if (!output_projection) return cur;
  return linear(Role::attn_output, cur, n_embd, output_bias);
}

Tensor GraphBuilder::attend_uncached(const Attention& a, const Qkv& qkv, bool output_bias) {
  g.expand(qkv.q);
  g.expand(qkv.k);
  g.expand(qkv.v);
  if (!have_full_) {
    have_full_ = true;
    full_.mask = g.input(s.flash_attn ? f16() : f32(), n_tokens, n_tokens);
  }
  const Tensor cur = core_attention(qkv.q, qkv.k, qkv.v, full_.mask, {}, {}, false, false, false);
  return linear(Role::attn_output, cur, n_embd, output_bias || a.bias);
}

// DeepSeek's latent attention with absorbed projections: one key head, whose first part is the value.
Tensor GraphBuilder::attend_latent(const LatentAttention& a, const Tensor& q, const Tensor& k, const Tensor& v,
                                   const Tensor& top_k) {
  g.expand(q);
  g.expand(v);
  g.expand(k);
  if (!have_full_) {
    have_full_ = true;
    full_.k_idxs = g.input(ggml::kI64, n_tokens);
    full_.mask = make_mask(s.n_ctx_seq);
  }
  const std::int64_t width = a.kv_lora_rank + a.qk_rope_head_dim;
  const int where = s.offload_kqv ? place_ : cpu();
  const Tensor cache = g.external(*s.type_k, {width, s.n_ctx_seq, s.n_stream, 1}, where, false);
  const Tensor rows = g.view(k, {width, n_tokens, 1, 1}, {k.nb[2], k.nb[2] * n_tokens, k.nb[2] * n_tokens});
  g.expand(g.write(cache, {rows, full_.k_idxs}));
  const Bytes row = row_bytes(*s.type_k, width, 1);
  const Tensor keys = g.view(cache, {width, 1, s.n_ctx_seq, s.n_stream}, {row, row, row * s.n_ctx_seq});
  const Tensor values =
      g.view(keys, {a.kv_lora_rank, 1, s.n_ctx_seq, s.n_stream}, {keys.nb[1], keys.nb[2], keys.nb[3]});
  const Tensor mask = top_k ? sparse_mask(full_.mask, top_k) : full_.mask;
  const Tensor v_b = weight(Role::attn_v_b, a.kv_lora_rank, a.v_head_dim, a.num_attention_heads);
  const Tensor cur = core_attention(q, keys, values, mask, {}, v_b, false, true, false);
  return linear(Role::attn_output, cur, n_embd);
}

}  // namespace vram::llama_cpp
