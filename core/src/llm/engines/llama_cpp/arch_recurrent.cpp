// Mamba, Mamba-2 and their hybrids with attention. Source: llama.cpp v0.5.0 (de3ff81), src/models/mamba-base.cpp,
// mamba.cpp, granite-hybrid.cpp, nemotron-h.cpp, falcon-h1.cpp, jamba.cpp.
#include <algorithm>

#include "llm/engines/llama_cpp/architectures.hpp"

namespace vram::llama_cpp {

using ggml::f32;
using ggml::Tensor;

namespace {

// Jamba and Falcon Mamba normalize the step and both projections of the state, the latter without weights.
bool has_step_norms(const GraphBuilder& b) {
  return b.model.gguf_arch == "jamba" || b.model.model_type == "falcon_mamba";
}

Tensor step_norm(GraphBuilder& b, const Tensor& x) { return b.model.gguf_arch == "jamba" ? b.norm(x) : b.bare_norm(x); }

Tensor mamba1(GraphBuilder& b, const StateMixer& m, const Tensor& in) {
  const std::int64_t inner = m.d_inner, state = m.d_state, rank = m.n_heads, t = b.n_seq_tokens, n = b.n_seqs;
  // The convolution state is gathered before the input is projected.
  const std::int64_t conv_size = (m.d_conv - 1) * inner;
  const Tensor kept = b.state(conv_size);
  const Tensor before = b.g.reshape(b.state_rows(kept, conv_size), m.d_conv - 1, inner, n);
  const Tensor xz = b.linear(Role::ssm_in, b.g.reshape(in, in.ne[0], t, n), 2 * inner);
  Tensor x = b.g.view(xz, {inner, t, n, 1}, {xz.nb[1], xz.nb[2], xz.nb[3]});
  const Tensor z = b.g.view(xz, {inner, t, n, 1}, {xz.nb[1], xz.nb[2], xz.nb[3]});
  const Tensor conv = b.g.concat(before, b.g.transpose(x), 0);
  b.write_state(kept, b.g.view(conv, {m.d_conv - 1, inner, n, 1}, {conv.nb[1], conv.nb[2], conv.nb[3]}), conv_size);
  x = b.ssm_conv(conv, m.d_conv);
  x = b.g.inplace(b.g.inplace(x, b.vector(inner)));
  const Tensor x_db = b.linear(Role::ssm_x, x, rank + 2 * state);
  const auto part = [&](std::int64_t size) {
    return b.g.view(x_db, {size, 1, t, n}, {4 * state, x_db.nb[1], x_db.nb[2]});
  };
  Tensor dt = b.g.view(x_db, {rank, t, n, 1}, {x_db.nb[1], x_db.nb[2], x_db.nb[3]});
  Tensor B = part(state), C = part(state);
  if (has_step_norms(b)) {
    dt = step_norm(b, dt);
    B = step_norm(b, B);
    C = step_norm(b, C);
  } else {
    dt = b.g.cont(dt);
  }
  dt = b.g.inplace(b.linear(Role::ssm_dt, dt, inner), b.vector(inner));
  const Tensor flat = x;
  x = b.g.reshape(x, 1, inner, t, n);
  const Tensor A = b.vector(state, inner);
  const std::int64_t size = state * inner;
  const Tensor states = b.state(size);
  const Tensor y_all = b.state_through(states, size, [&](const Tensor& rows, const Tensor& ids) {
    const Tensor ssm = b.g.reshape(rows, state, 1, inner, n);
    const Tensor out = b.g.make(Op::general, f32(), {inner * t * n + size * n, 1, 1, 1}, {ssm, x, dt, A, B, C, ids});
    b.g.set_gpu_supported(out, state == 16 && inner % 128 == 0);  // ggml-cuda.cu, supports_op
    return out;
  });
  b.write_state(states, b.g.view(y_all, {size * n, 1, 1, 1}, {y_all.nb[1], y_all.nb[2], y_all.nb[3]}), size);
  Tensor y = b.g.view(y_all, {inner, t, n, 1}, {x.nb[2], x.nb[3], x.nb[3]});
  y = b.g.inplace(y, b.g.inplace(flat, b.vector(inner)));
  y = b.g.like(Op::general, y, {b.g.cont(z), y});
  const Tensor out = b.linear(Role::ssm_out, y, b.n_embd);
  return b.g.reshape(out, b.n_embd, b.n_tokens);
}

bool has_gated_norm(const GraphBuilder& b, std::size_t index, std::int64_t inner) {
  return std::any_of(b.model.tensors.begin(), b.model.tensors.end(), [&](const vram::Tensor& t) {
    return t.layer == static_cast<std::int32_t>(index) && t.role == Role::norm && t.ne0 * t.ne1 == inner &&
           inner != b.n_embd;
  });
}

Tensor mamba2(GraphBuilder& b, const StateMixer& m, const Tensor& in, bool gated_norm) {
  const std::int64_t inner = m.d_inner, state = m.d_state, heads = m.n_heads, groups = m.n_groups;
  const std::int64_t dim = inner / heads, t = b.n_seq_tokens, n = b.n_seqs, channels = inner + 2 * groups * state;
  const std::int64_t conv_size = (m.d_conv - 1) * channels;
  const Tensor kept = b.state(conv_size);
  const Tensor before = b.g.reshape(b.state_rows(kept, conv_size), m.d_conv - 1, channels, n);
  Tensor all = b.linear(Role::ssm_in, in, 2 * inner + 2 * groups * state + heads);
  all = b.g.reshape(all, all.ne[0], t, n);
  const Tensor z = b.g.view(all, {dim, heads, t, n}, {4 * dim, all.nb[1], all.nb[2]});
  Tensor xbc = b.g.view(all, {channels, t, n, 1}, {all.nb[1], all.nb[2], all.nb[3]});
  Tensor dt = b.g.view(all, {heads, t, n, 1}, {all.nb[1], all.nb[2], all.nb[3]});
  const Tensor conv = b.g.concat(before, b.g.transpose(xbc), 0);
  b.write_state(kept, b.g.view(conv, {m.d_conv - 1, channels, n, 1}, {conv.nb[1], conv.nb[2], conv.nb[3]}), conv_size);
  xbc = b.ssm_conv(conv, m.d_conv);
  xbc = b.g.inplace(b.g.inplace(xbc, b.vector(channels)));
  const Tensor x = b.g.view(xbc, {dim, heads, t, n}, {4 * dim, xbc.nb[1], xbc.nb[2]});
  const Tensor B = b.g.view(xbc, {state, groups, t, n}, {4 * state, xbc.nb[1], xbc.nb[2]});
  const Tensor C = b.g.view(xbc, {state, groups, t, n}, {4 * state, xbc.nb[1], xbc.nb[2]});
  dt = b.g.inplace(b.g.cont(dt), b.vector(heads));
  const Tensor A = b.vector(1, heads);
  const std::int64_t size = state * inner;
  const Tensor states = b.state(size);
  const Tensor y_all = b.state_through(states, size, [&](const Tensor& rows, const Tensor& ids) {
    const Tensor ssm = b.g.reshape(rows, state, dim, heads, n);
    const Tensor out = b.g.make(Op::general, f32(), {inner * t * n + size * n, 1, 1, 1}, {ssm, x, dt, A, B, C, ids});
    b.g.set_gpu_supported(out, (state == 128 || state == 256) && dim % 16 == 0);  // ggml-cuda.cu, supports_op
    return out;
  });
  b.write_state(states, b.g.view(y_all, {size, n, 1, 1}, {4 * size, 4 * size * n, 4 * size * n}), size);
  Tensor y = b.g.view(y_all, {dim, heads, t, n}, {4 * dim, 4 * inner, 4 * inner * t});
  y = b.g.inplace(y, b.g.inplace(x, b.vector(1, heads)));
  y = b.g.like(Op::general, y, {b.g.cont(z), y});
  if (gated_norm) y = b.norm(b.g.reshape(y, inner / groups, groups, t, n));
  y = b.g.reshape(y, inner, t * n);
  return b.linear(Role::ssm_out, y, b.n_embd);
}

Tensor mixer(GraphBuilder& b, std::size_t i, const Tensor& x) {
  const StateMixer& m = *b.layer().state;
  return m.kind == StateMixer::Kind::mamba1 ? mamba1(b, m, x) : mamba2(b, m, x, has_gated_norm(b, i, m.d_inner));
}

Tensor plain_attention(GraphBuilder& b, const Tensor& x, bool rope) {
  const Attention& a = *b.layer().attention;
  GraphBuilder::Qkv qkv = b.project_qkv(a, x);
  if (rope) {
    qkv.q = b.rope(qkv.q);
    qkv.k = b.rope(qkv.k);
  }
  return b.attend(a, qkv.q, qkv.k, qkv.v);
}

Tensor mamba_layer(GraphBuilder& b, std::size_t i, Tensor in) {
  Tensor cur = mixer(b, i, b.norm(in));
  if (b.is_last()) {
    cur = b.output_rows(cur);
    in = b.output_rows(in);
  }
  return b.g.inplace(cur, in);
}

Tensor granite_layer(GraphBuilder& b, std::size_t i, Tensor in) {
  Tensor cur = b.norm(in);
  cur = b.layer().state ? mixer(b, i, cur) : plain_attention(b, cur, false);
  if (b.is_last()) {
    cur = b.output_rows(cur);
    in = b.output_rows(in);
  }
  const Tensor middle = b.g.inplace(b.g.inplace(cur), in);
  cur = feed_forward_of(b, b.layer(), b.norm(middle), Activation::glu, {});
  return b.g.inplace(b.g.inplace(cur), middle);
}

Tensor jamba_layer(GraphBuilder& b, std::size_t i, Tensor in) {
  Tensor cur = b.norm(in);
  cur = b.layer().state ? mixer(b, i, cur) : plain_attention(b, cur, false);
  if (b.is_last()) {
    cur = b.output_rows(cur);
    in = b.output_rows(in);
  }
  const Tensor middle = b.g.inplace(in, cur);
  cur = feed_forward_of(b, b.layer(), b.norm(middle), Activation::glu, {.normalize = false});
  return b.g.inplace(middle, cur);
}

Tensor nemotron_layer(GraphBuilder& b, std::size_t i, const Tensor& in) {
  const Layer& layer = b.layer();
  Tensor cur = b.norm(in);
  if (layer.state) {
    cur = mixer(b, i, cur);
  } else if (layer.attention) {
    cur = plain_attention(b, cur, false);
  } else {
    const Routing routing{.scores = Routing::Scores::sigmoid, .scale = true, .selection_bias = true};
    cur = feed_forward_of(b, layer, cur, Activation::relu_squared, routing);
  }
  return b.g.inplace(cur, in);
}

Tensor falcon_layer(GraphBuilder& b, std::size_t i, Tensor in) {
  const Tensor attended = plain_attention(b, b.norm(in), true);
  const Tensor mixed = mixer(b, i, b.norm(in));
  const Tensor cur = b.g.inplace(attended, mixed);
  in = b.g.inplace(cur, in);
  if (b.is_last()) in = b.output_rows(in);
  const Tensor fed = feed_forward_of(b, b.layer(), b.norm(in), Activation::glu, {});
  return b.g.inplace(fed, in);
}

}  // namespace

bool build_recurrent(GraphBuilder& b) {
  const std::string& arch = b.model.gguf_arch;
  const bool granite = arch == "granitehybrid", nemotron = arch == "nemotron_h" || arch == "nemotron_h_moe";
  const bool falcon = arch == "falcon-h1", mamba = arch == "mamba" || arch == "mamba2", jamba = arch == "jamba";
  if (!granite && !nemotron && !falcon && !mamba && !jamba) return false;
  Tensor cur = b.embed();
  if (granite) {
    cur = b.g.inplace(cur);
    b.g.expand(cur);
  }
  for (const std::size_t i : b.layers()) {
    b.at_layer(i);
    cur = granite    ? granite_layer(b, i, cur)
          : nemotron ? nemotron_layer(b, i, cur)
          : falcon   ? falcon_layer(b, i, cur)
          : jamba    ? jamba_layer(b, i, cur)
                     : mamba_layer(b, i, cur);
  }
  b.finish(cur, {.gather = nemotron ? Head::Gather::after_norm : Head::Gather::in_last_layer,
                 .logit_ops = granite ? 1 : 0,
                 .keeps_hidden = nemotron});
  return true;
}

}  // namespace vram::llama_cpp
