// Recurrent mixers of a GGUF. State sizes: llama.cpp v0.5.0 src/llama-hparams.cpp (n_embd_r, n_embd_s).
#include "read/gguf/model.hpp"
#include "read/keys.hpp"

namespace vram::read {

bool has_state(const LayerTensors& tensors) {
  return tensors.has_prefix("ssm_") || tensors.has_prefix("shortconv.") || tensors.has_prefix("time_mix");
}

StateMixer state_of(const std::string& architecture, const Hyperparameters& hp, const LayerTensors& tensors,
                    std::size_t layer, std::int64_t hidden) {
  using Kind = StateMixer::Kind;
  StateMixer m;
  if (tensors.has_prefix("time_mix")) {
    m.kind = Kind::rwkv;
    const std::int64_t head = hp.number("wkv.head_size", 1, 8192, 64);
    m.d_inner = hidden;
    m.in_proj = 4 * hidden;
    m.conv_channels = hidden;
    m.head_k_dim = m.head_v_dim = m.d_state = head;
    m.n_heads = std::max<std::int64_t>(hidden / head, 1);
    m.state_elements = hidden * head;
    m.conv_elements = hidden * hp.number("token_shift_count", 0, 16, 2);
    return m;
  }
  if (tensors.has_prefix("shortconv.")) {
    m.kind = Kind::short_conv;
    m.d_conv = hp.number("shortconv.l_cache", 1, 256, 3);
    m.d_inner = m.conv_channels = hidden;
    m.in_proj = 3 * hidden;
    m.conv_elements = hidden * (m.d_conv - 1);
    return m;
  }
  m.d_conv = hp.number("ssm.conv_kernel", 1, 256, 4);
  if (hp.has("kda.head_dim")) {
    m.kind = Kind::kda;
    m.n_heads = hp.at_layer("attention.head_count", layer, 1, kMaxHeads, 1);
    m.head_k_dim = m.head_v_dim = m.d_state = hp.number("kda.head_dim", 1, 8192, 128);
    m.n_groups = tensors.has_prefix("ssm_g_a") ? 0 : 1;
    m.d_inner = mul(m.n_heads, m.head_v_dim);
    m.conv_channels = 3 * m.d_inner;
    m.in_proj = 4 * m.d_inner;
    m.state_elements = mul(m.d_inner, m.head_k_dim);
    m.conv_elements = m.conv_channels * (m.d_conv - 1);
    return m;
  }
  m.d_inner = hp.number("ssm.inner_size", 1, kMaxWidth, 2 * hidden);
  m.d_state = hp.number("ssm.state_size", 1, 65536, 16);
  m.n_heads = hp.number("ssm.time_step_rank", 1, kMaxWidth, std::max<std::int64_t>(hidden / 16, 1));
  m.n_groups = hp.number("ssm.group_count", 0, kMaxHeads, 0);
  m.conv_channels = m.d_inner + 2 * m.n_groups * m.d_state;
  m.state_elements = mul(m.d_inner, m.d_state);
  if (tensors.has_prefix("ssm_ba.") || tensors.has_prefix("ssm_beta.") || tensors.has_prefix("ssm_alpha.")) {
    m.kind = Kind::gated_delta_net;
    m.head_k_dim = m.d_state;
    m.head_v_dim = std::max<std::int64_t>(m.d_inner / m.n_heads, 1);
    m.in_proj = m.conv_channels + m.d_inner;
  } else if (tensors.has("ssm_x.weight") && !architecture.starts_with("plamo")) {
    m.kind = Kind::mamba1;
    m.in_proj = 2 * m.d_inner;
  } else {
    m.kind = Kind::mamba2;
    m.head_k_dim = m.d_state;
    m.head_v_dim = std::max<std::int64_t>(m.d_inner / m.n_heads, 1);
    m.in_proj = m.d_inner + m.conv_channels + m.n_heads;
  }
  m.conv_elements = m.conv_channels * (m.d_conv - 1);
  return m;
}

}  // namespace vram::read
