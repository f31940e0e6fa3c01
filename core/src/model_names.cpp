#include "vram/model.hpp"

namespace vram {

std::string_view name_of(Role role) {
  switch (role) {
    case Role::token_embd: return "token_embd";
    case Role::position_embd: return "position_embd";
    case Role::token_types: return "token_types";
    case Role::per_layer_token_embd: return "per_layer_token_embd";
    case Role::output: return "output";
    case Role::output_norm: return "output_norm";
    case Role::attn_q: return "attn_q";
    case Role::attn_k: return "attn_k";
    case Role::attn_v: return "attn_v";
    case Role::attn_qkv: return "attn_qkv";
    case Role::attn_output: return "attn_output";
    case Role::attn_gate: return "attn_gate";
    case Role::attn_q_a: return "attn_q_a";
    case Role::attn_q_b: return "attn_q_b";
    case Role::attn_kv_a_mqa: return "attn_kv_a_mqa";
    case Role::attn_k_b: return "attn_k_b";
    case Role::attn_v_b: return "attn_v_b";
    case Role::attn_kv_b: return "attn_kv_b";
    case Role::indexer: return "indexer";
    case Role::ffn_gate: return "ffn_gate";
    case Role::ffn_up: return "ffn_up";
    case Role::ffn_down: return "ffn_down";
    case Role::ffn_gate_exps: return "ffn_gate_exps";
    case Role::ffn_up_exps: return "ffn_up_exps";
    case Role::ffn_down_exps: return "ffn_down_exps";
    case Role::ffn_gate_up_exps: return "ffn_gate_up_exps";
    case Role::ffn_gate_shexp: return "ffn_gate_shexp";
    case Role::ffn_up_shexp: return "ffn_up_shexp";
    case Role::ffn_down_shexp: return "ffn_down_shexp";
    case Role::ffn_gate_inp: return "ffn_gate_inp";
    case Role::ffn_gate_inp_shexp: return "ffn_gate_inp_shexp";
    case Role::ffn_latent_in: return "ffn_latent_in";
    case Role::ffn_latent_out: return "ffn_latent_out";
    case Role::ssm_in: return "ssm_in";
    case Role::ssm_x: return "ssm_x";
    case Role::ssm_dt: return "ssm_dt";
    case Role::ssm_conv1d: return "ssm_conv1d";
    case Role::ssm_a: return "ssm_a";
    case Role::ssm_d: return "ssm_d";
    case Role::ssm_out: return "ssm_out";
    case Role::ssm_beta_alpha: return "ssm_beta_alpha";
    case Role::shortconv_in: return "shortconv_in";
    case Role::shortconv_conv: return "shortconv_conv";
    case Role::shortconv_out: return "shortconv_out";
    case Role::time_mix: return "time_mix";
    case Role::per_layer_model_proj: return "per_layer_model_proj";
    case Role::per_layer_inp_gate: return "per_layer_inp_gate";
    case Role::per_layer_proj: return "per_layer_proj";
    case Role::altup_proj: return "altup_proj";
    case Role::altup_router: return "altup_router";
    case Role::altup_coef: return "altup_coef";
    case Role::laurel_l: return "laurel_l";
    case Role::laurel_r: return "laurel_r";
    case Role::norm: return "norm";
    case Role::bias: return "bias";
    case Role::vector: return "vector";
    case Role::matrix: return "matrix";
    case Role::rope_factors: return "rope_factors";
    case Role::opaque: return "opaque";
  }
  return "unknown";
}

std::string_view name_of(Part part) {
  switch (part) {
    case Part::text: return "text";
    case Part::tower: return "tower";
    case Part::projector: return "projector";
    case Part::mtp: return "mtp";
  }
  return "unknown";
}

std::string_view name_of(Span span) {
  switch (span) {
    case Span::full: return "full";
    case Span::sliding: return "sliding";
    case Span::chunked: return "chunked";
    case Span::cross: return "cross";
  }
  return "unknown";
}

std::string_view name_of(StateMixer::Kind kind) {
  switch (kind) {
    case StateMixer::Kind::mamba1: return "mamba1";
    case StateMixer::Kind::mamba2: return "mamba2";
    case StateMixer::Kind::gated_delta_net: return "gated_delta_net";
    case StateMixer::Kind::kda: return "kda";
    case StateMixer::Kind::lightning: return "lightning";
    case StateMixer::Kind::short_conv: return "short_conv";
    case StateMixer::Kind::rwkv: return "rwkv";
  }
  return "unknown";
}

}  // namespace vram
