// Mixers whose state does not grow with the context, and latent attention.
// Mamba: arXiv:2312.00752; Mamba-2: arXiv:2405.21060; gated delta net: arXiv:2412.06464; Kimi delta attention:
// arXiv:2510.26692; lightning attention: arXiv:2501.08313. Shapes as in the transformers classes of those names.
// Convolution state is d_conv - 1 columns, as llama.cpp and vLLM keep it (transformers keeps d_conv).
#include <algorithm>

#include "read/shape.hpp"
#include "vram/bytes.hpp"

namespace vram::read {
namespace {

constexpr std::string_view kExpand[] = {"expand", "mamba_expand"};
constexpr std::string_view kConv[] = {"conv_kernel", "mamba_d_conv"};
constexpr std::string_view kConvBias[] = {"use_conv_bias", "mamba_conv_bias"};
constexpr std::string_view kProjBias[] = {"mamba_proj_bias", "use_bias"};

std::int64_t expanded(const Keys& text, std::int64_t hidden) {
  const std::string_view key = text.first(kExpand);
  const double factor = key.empty() ? 2.0 : text.number_or(key, 1.0 / 16, 64, 2.0);
  return static_cast<std::int64_t>(factor * static_cast<double>(hidden));
}

}  // namespace

LatentAttention read_latent(const Keys& text, const Shape& shape, std::int64_t layer) {
  LatentAttention a;
  text.first(kKvHeads);  // every head has keys and values of its own, expanded from the latent vector
  text.first(kHeadDim);
  a.num_attention_heads = shape.heads;
  a.q_lora_rank = text.integer_or("q_lora_rank", 0, kMaxWidth, 0);
  a.kv_lora_rank = text.integer("kv_lora_rank", 1, kMaxWidth);
  a.qk_nope_head_dim = text.integer("qk_nope_head_dim", 1, kMaxHeadDim);
  a.qk_rope_head_dim = text.integer("qk_rope_head_dim", 0, kMaxHeadDim);
  a.v_head_dim = text.integer_or("v_head_dim", 1, kMaxHeadDim, std::max<std::int64_t>(1, shape.hidden / shape.heads));
  if (text.has("index_n_heads") && text.has("index_topk")) {
    a.index_topk = text.integer("index_topk", 1, kMaxPositions);
    // GLM-5.2 shares one indexer among several layers: only "full" ones have weights and index keys.
    const Json* types = text.list("indexer_types");
    const auto at = static_cast<std::size_t>(layer);
    if (types == nullptr || at >= types->size() || (*types)[at] == "full") {
      if (a.q_lora_rank == 0) text.refuse_at("index_n_heads", "an indexer needs q_lora_rank", "q_lora_rank > 0");
      a.index_n_heads = text.integer("index_n_heads", 1, kMaxHeads);
      a.index_head_dim = text.integer("index_head_dim", 1, kMaxHeadDim);
    }
  }
  return a;
}

StateMixer read_mamba1(const Keys& text, const Shape& shape, bool is_jamba, Style& style) {
  constexpr std::string_view inner[] = {"intermediate_size", "d_inner"};
  constexpr std::string_view states[] = {"state_size", "mamba_d_state"};
  constexpr std::string_view ranks[] = {"time_step_rank", "mamba_dt_rank"};
  StateMixer m;
  m.kind = StateMixer::Kind::mamba1;
  m.d_inner =
      is_jamba ? expanded(text, shape.hidden) : text.integer_or(inner, 1, kMaxWidth, expanded(text, shape.hidden));
  m.d_state = text.integer_or(states, 1, 65536, 16);
  m.d_conv = text.integer_or(kConv, 1, 256, 4);
  const std::string_view rank = text.first(ranks);
  const bool automatic = rank.empty() || *text.find(rank) == "auto";
  m.n_heads = automatic ? ceil_div(shape.hidden, 16) : text.integer(rank, 1, kMaxWidth);
  m.conv_channels = m.d_inner;
  m.in_proj = 2 * m.d_inner;
  m.state_elements = m.d_inner * m.d_state;
  m.conv_elements = m.conv_channels * (m.d_conv - 1);
  style.mamba_conv_bias = text.flag(kConvBias, true);
  style.mamba_bias = text.flag(kProjBias, false);
  style.mamba_dt_norms = is_jamba;
  return m;
}

StateMixer read_mamba2(const Keys& text, const Shape& shape, bool needs_flag_for_norm, Style& style) {
  constexpr std::string_view heads[] = {"mamba_n_heads", "mamba_num_heads", "num_heads"};
  constexpr std::string_view dims[] = {"mamba_d_head", "mamba_head_dim", "head_dim"};
  constexpr std::string_view states[] = {"mamba_d_state", "ssm_state_size", "state_size"};
  constexpr std::string_view groups[] = {"mamba_n_groups", "n_groups"};
  if (text.json().value("mamba_ssm_cache_dtype", Json("float32")) == "float32") text.has("mamba_ssm_cache_dtype");
  StateMixer m;
  m.kind = StateMixer::Kind::mamba2;
  // The first alias that is present decides: in a hybrid, head_dim and num_heads are those of attention.
  const auto first_of = [&](Aliases aliases) -> std::string_view {
    for (const std::string_view key : aliases) {
      if (text.has(key)) return key;
    }
    return {};
  };
  const std::string_view head_key = first_of(heads);
  m.n_heads = text.integer(head_key.empty() ? heads[0] : head_key, 1, kMaxHeads);
  const std::string_view dim_key = first_of(dims);
  const bool automatic = dim_key.empty() || *text.find(dim_key) == "auto";
  if (text.has("mamba_d_ssm")) {
    m.d_inner = text.integer("mamba_d_ssm", 1, kMaxWidth);
  } else {
    m.d_inner = automatic ? expanded(text, shape.hidden) : m.n_heads * text.integer(dim_key, 1, kMaxHeadDim);
  }
  if (m.d_inner > kMaxWidth) text.refuse_at(head_key, "these heads are too wide together", "at most 4194304");
  if (m.d_inner % m.n_heads != 0) {
    text.refuse_at(head_key, std::string(head_key) + " must divide the inner width",
                   "a divisor of " + std::to_string(m.d_inner));
  }
  m.head_v_dim = m.d_inner / m.n_heads;
  m.d_state = text.integer_or(states, 1, 65536, 128);
  m.head_k_dim = m.d_state;
  m.n_groups = text.integer_or(groups, 1, kMaxHeads, 1);
  m.d_conv = text.integer_or(kConv, 1, 256, 4);
  m.conv_channels = m.d_inner + 2 * m.n_groups * m.d_state;
  m.in_proj = m.d_inner + m.conv_channels + m.n_heads;
  m.state_elements = m.d_inner * m.d_state;
  m.conv_elements = m.conv_channels * (m.d_conv - 1);
  style.mamba_conv_bias = text.flag(kConvBias, true);
  style.mamba_bias = text.flag(kProjBias, false);
  style.mamba_norm = !needs_flag_for_norm || text.flag("mamba_rms_norm", false);
  return m;
}

StateMixer read_delta_net(const Keys& text) {
  StateMixer m;
  m.kind = StateMixer::Kind::gated_delta_net;
  m.n_groups = text.integer("linear_num_key_heads", 1, kMaxHeads);
  m.n_heads = text.integer("linear_num_value_heads", 1, kMaxHeads);
  m.head_k_dim = text.integer("linear_key_head_dim", 1, 8192);
  m.head_v_dim = text.integer("linear_value_head_dim", 1, 8192);
  m.d_conv = text.integer("linear_conv_kernel_dim", 1, 256);
  m.d_state = m.head_k_dim;
  m.d_inner = m.n_heads * m.head_v_dim;
  m.conv_channels = 2 * m.n_groups * m.head_k_dim + m.d_inner;
  m.in_proj = m.conv_channels + m.d_inner;
  m.state_elements = m.n_heads * m.head_k_dim * m.head_v_dim;
  m.conv_elements = m.conv_channels * (m.d_conv - 1);
  return m;
}

StateMixer read_kda(const Keys& text) {
  const Keys keys(*text.find("linear_attn_config"), text.path_of("linear_attn_config"));
  StateMixer m;
  m.kind = StateMixer::Kind::kda;
  m.n_heads = keys.integer("num_heads", 1, kMaxHeads);
  m.head_k_dim = m.head_v_dim = keys.integer("head_dim", 1, 8192);
  m.d_conv = keys.integer("short_conv_kernel_size", 1, 256);
  m.n_groups = keys.flag("use_full_rank_gate", false) ? 1 : 0;  // 1: the gate is one matrix, 0: two of low rank
  m.d_state = m.head_k_dim;
  m.d_inner = m.n_heads * m.head_v_dim;
  m.conv_channels = 3 * m.d_inner;
  m.in_proj = 4 * m.d_inner;
  m.state_elements = m.n_heads * m.head_k_dim * m.head_v_dim;
  m.conv_elements = m.conv_channels * (m.d_conv - 1);
  return m;
}

StateMixer read_lightning(const Shape& shape) {
  StateMixer m;
  m.kind = StateMixer::Kind::lightning;
  m.n_heads = shape.heads;
  m.head_k_dim = m.head_v_dim = shape.head_dim;
  m.d_inner = shape.heads * shape.head_dim;
  m.d_state = shape.head_dim;
  m.in_proj = 4 * m.d_inner;
  m.state_elements = mul(m.d_inner, shape.head_dim);
  return m;
}

StateMixer read_short_conv(const Keys& text, const Shape& shape) {
  StateMixer m;
  m.kind = StateMixer::Kind::short_conv;
  m.d_conv = text.integer("conv_L_cache", 1, 256);
  m.d_inner = m.conv_channels = shape.hidden;
  m.in_proj = 3 * shape.hidden;
  m.conv_elements = shape.hidden * (m.d_conv - 1);
  return m;
}

void write_state(TensorWriter& out, const StateMixer& m, std::int64_t hidden, const Style& style) {
  switch (m.kind) {
    case StateMixer::Kind::mamba1:
      out.linear(Role::ssm_in, hidden, m.in_proj, style.mamba_bias);
      out.linear(Role::ssm_conv1d, m.d_conv, m.d_inner, style.mamba_conv_bias);
      out.matrix(Role::ssm_x, m.d_inner, m.n_heads + 2 * m.d_state);
      out.linear(Role::ssm_dt, m.n_heads, m.d_inner, true);
      out.matrix(Role::ssm_a, m.d_state, m.d_inner);
      out.vector(Role::ssm_d, m.d_inner);
      out.linear(Role::ssm_out, m.d_inner, hidden, style.mamba_bias);
      if (style.mamba_dt_norms) {
        out.vector(Role::norm, m.n_heads);
        out.vector(Role::norm, m.d_state, 2);
      }
      break;
    case StateMixer::Kind::mamba2:
      out.linear(Role::ssm_in, hidden, m.in_proj, style.mamba_bias);
      out.linear(Role::ssm_conv1d, m.d_conv, m.conv_channels, style.mamba_conv_bias);
      out.vector(Role::bias, m.n_heads);  // dt
      out.vector(Role::ssm_a, m.n_heads);
      out.vector(Role::ssm_d, m.n_heads);
      if (style.mamba_norm) out.vector(Role::norm, m.d_inner);
      out.linear(Role::ssm_out, m.d_inner, hidden, style.mamba_bias);
      break;
    case StateMixer::Kind::gated_delta_net:
      out.matrix(Role::attn_qkv, hidden, m.conv_channels);
      out.matrix(Role::attn_gate, hidden, m.d_inner);
      if (style.split_beta_alpha) {
        out.matrix(Role::ssm_beta_alpha, hidden, m.n_heads, 2);
      } else {
        out.matrix(Role::ssm_beta_alpha, hidden, 2 * m.n_heads);
      }
      out.matrix(Role::ssm_conv1d, m.d_conv, m.conv_channels);
      out.vector(Role::bias, m.n_heads);  // dt
      out.vector(Role::ssm_a, m.n_heads);
      out.vector(Role::norm, m.head_v_dim);
      out.matrix(Role::ssm_out, m.d_inner, hidden);
      break;
    case StateMixer::Kind::kda:
      out.matrix(Role::attn_q, hidden, m.d_inner);
      out.matrix(Role::attn_k, hidden, m.d_inner);
      out.matrix(Role::attn_v, hidden, m.d_inner);
      out.matrix(Role::ssm_conv1d, m.d_conv, m.d_inner, 3);
      if (m.n_groups == 1) {
        out.matrix(Role::attn_gate, hidden, m.d_inner);
      } else {
        out.matrix(Role::attn_gate, hidden, m.head_k_dim);
        out.matrix(Role::attn_gate, m.head_k_dim, m.d_inner);
      }
      out.matrix(Role::ssm_dt, hidden, m.head_k_dim);  // decay, low rank
      out.matrix(Role::ssm_dt, m.head_k_dim, m.d_inner);
      out.matrix(Role::ssm_beta_alpha, hidden, m.n_heads);
      out.vector(Role::bias, m.d_inner);  // dt
      out.vector(Role::ssm_a, m.n_heads);
      out.vector(Role::norm, m.head_v_dim);
      out.matrix(Role::attn_output, m.d_inner, hidden);
      break;
    case StateMixer::Kind::lightning:
      out.matrix(Role::attn_qkv, hidden, 3 * m.d_inner);
      out.matrix(Role::attn_gate, hidden, m.d_inner);
      out.vector(Role::norm, m.d_inner);
      out.matrix(Role::attn_output, m.d_inner, hidden);
      break;
    case StateMixer::Kind::short_conv:
      out.linear(Role::shortconv_in, hidden, 3 * hidden, style.mamba_bias);
      out.matrix(Role::shortconv_conv, m.d_conv, hidden);
      out.linear(Role::shortconv_out, hidden, hidden, style.mamba_bias);
      break;
    case StateMixer::Kind::rwkv: break;  // written by its own reader
  }
}

}  // namespace vram::read
