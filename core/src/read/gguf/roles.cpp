// GGUF tensor names. Source: llama.cpp v0.5.0 src/llama-arch.cpp (LLM_TENSOR_NAMES).
#include "read/gguf/model.hpp"

namespace vram::read {
namespace {

struct NamedRole {
  std::string_view name;
  Role role;
};

constexpr NamedRole kLayerRoles[] = {
    {"attn_q", Role::attn_q},
    {"attn_k", Role::attn_k},
    {"attn_v", Role::attn_v},
    {"attn_qkv", Role::attn_qkv},
    {"attn_output", Role::attn_output},
    {"attn_gate", Role::attn_gate},
    {"attn_q_a", Role::attn_q_a},
    {"attn_q_b", Role::attn_q_b},
    {"attn_kv_a_mqa", Role::attn_kv_a_mqa},
    {"attn_k_b", Role::attn_k_b},
    {"attn_v_b", Role::attn_v_b},
    {"attn_kv_b", Role::attn_kv_b},
    {"ffn_gate", Role::ffn_gate},
    {"ffn_up", Role::ffn_up},
    {"ffn_down", Role::ffn_down},
    {"ffn_gate_exps", Role::ffn_gate_exps},
    {"ffn_up_exps", Role::ffn_up_exps},
    {"ffn_down_exps", Role::ffn_down_exps},
    {"ffn_gate_up_exps", Role::ffn_gate_up_exps},
    {"ffn_gate.*", Role::ffn_gate_exps},
    {"ffn_up.*", Role::ffn_up_exps},
    {"ffn_down.*", Role::ffn_down_exps},
    {"ffn_gate_shexp", Role::ffn_gate_shexp},
    {"ffn_up_shexp", Role::ffn_up_shexp},
    {"ffn_down_shexp", Role::ffn_down_shexp},
    {"ffn_gate_inp", Role::ffn_gate_inp},
    {"ffn_gate_inp_shexp", Role::ffn_gate_inp_shexp},
    {"ffn_latent_down", Role::ffn_latent_in},
    {"ffn_latent_up", Role::ffn_latent_out},
    {"ssm_in", Role::ssm_in},
    {"ssm_x", Role::ssm_x},
    {"ssm_dt", Role::ssm_dt},
    {"ssm_conv1d", Role::ssm_conv1d},
    {"ssm_conv1d_q", Role::ssm_conv1d},
    {"ssm_conv1d_k", Role::ssm_conv1d},
    {"ssm_conv1d_v", Role::ssm_conv1d},
    {"ssm_a", Role::ssm_a},
    {"ssm_d", Role::ssm_d},
    {"ssm_out", Role::ssm_out},
    {"ssm_ba", Role::ssm_beta_alpha},
    {"ssm_beta", Role::ssm_beta_alpha},
    {"ssm_alpha", Role::ssm_beta_alpha},
    {"shortconv.in_proj", Role::shortconv_in},
    {"shortconv.conv", Role::shortconv_conv},
    {"shortconv.out_proj", Role::shortconv_out},
    {"inp_gate", Role::per_layer_inp_gate},
    {"proj", Role::per_layer_proj},
    {"altup_router", Role::altup_router},
    {"altup_correct_coef", Role::altup_coef},
    {"altup_predict_coef", Role::altup_coef},
    {"laurel_l", Role::laurel_l},
    {"laurel_r", Role::laurel_r},
};

constexpr NamedRole kOuterRoles[] = {
    {"token_embd", Role::token_embd},
    {"position_embd", Role::position_embd},
    {"token_types", Role::token_types},
    {"per_layer_token_embd", Role::per_layer_token_embd},
    {"per_layer_model_proj", Role::per_layer_model_proj},
    {"output", Role::output},
    {"output_norm", Role::output_norm},
    {"altup_proj", Role::altup_proj},
    {"altup_unembd_proj", Role::altup_proj},
    {"rope_freqs", Role::rope_factors},
    {"rope_factors_long", Role::rope_factors},
    {"rope_factors_short", Role::rope_factors},
};

}  // namespace

Role role_of(std::string_view name, bool in_layer, std::size_t dimensions) {
  const bool bias = name.ends_with(".bias");
  std::string_view stem = name;
  if (bias) stem.remove_suffix(5);
  if (stem.ends_with(".weight")) stem.remove_suffix(7);
  if (bias && stem != "token_embd") return Role::bias;
  if (in_layer) {
    for (const NamedRole& row : kLayerRoles) {
      if (row.name == stem) return row.role;
    }
    if (stem.starts_with("indexer.") && dimensions > 1) return Role::indexer;
    if (stem.starts_with("time_mix") || stem.starts_with("channel_mix")) {
      return dimensions > 1 ? Role::time_mix : Role::vector;
    }
  } else {
    for (const NamedRole& row : kOuterRoles) {
      if (row.name == stem) return row.role;
    }
  }
  if (stem.find("norm") != stem.npos) return Role::norm;
  return dimensions > 1 ? Role::matrix : Role::vector;
}

}  // namespace vram::read
