// Recurrent state: rows of this batch's sequences are gathered, used, and written back.
#include "llm/engines/llama_cpp/graph_builder.hpp"

namespace vram::llama_cpp {

using ggml::f32;
using ggml::Tensor;

Tensor GraphBuilder::state(std::int64_t size) {
  return g.external(f32(), {size, n_seqs, 1, 1}, s.offload_kqv ? place_ : cpu(), false);
}

Tensor GraphBuilder::state_input() {
  if (!s_copy_main_) {
    const Tensor all = g.input(ggml::kI32, n_seqs);
    s_copy_main_ = g.view(all, {n_seqs, 1, 1, 1}, {4 * n_seqs, 4 * n_seqs, 4 * n_seqs});
    s_copy_extra_ = g.view(all, {0, 1, 1, 1}, {0, 0, 0});
  }
  return s_copy_main_;
}

Tensor GraphBuilder::state_rows(const Tensor& state, std::int64_t size) {
  return state_through(state, size, [&](const Tensor& states, const Tensor& ids) { return g.get_rows(states, ids); });
}

void GraphBuilder::write_state(const Tensor& state, const Tensor& rows, std::int64_t size) {
  g.expand(g.write(g.view(state, {size, n_seqs, 1, 1}, {state.nb[1], state.nb[2], state.nb[3]}), {rows}));
}

Tensor GraphBuilder::ssm_conv(const Tensor& x, std::int64_t d_conv) {
  const std::int64_t channels = x.ne[1];
  const Tensor out =
      g.make(Op::general, f32(), {channels, x.ne[0] - d_conv + 1, x.ne[2], 1}, {x, vector(d_conv, channels)});
  g.set_gpu_supported(out, channels % 128 == 0);  // ggml-cuda.cu, supports_op
  return out;
}

// Columns of the convolution before this batch, then the batch's own; the last d_conv - 1 are kept.
Tensor GraphBuilder::conv_input(const Tensor& x, std::int64_t d_conv, std::int64_t channels) {
  const std::int64_t size = (d_conv - 1) * channels;
  const Tensor kept = state(size);
  const Tensor before = g.reshape(state_rows(kept, size), d_conv - 1, channels, n_seqs);
  const Tensor all = g.concat(before, g.transpose(x), 0);
  write_state(kept, g.view(all, {d_conv - 1, channels, n_seqs, 1}, {all.nb[1], all.nb[2], all.nb[3]}), size);
  return all;
}

}  // namespace vram::llama_cpp
