// Quantized checkpoints that are no GGUF: which tensors are packed, and what travels with them.
// Layouts: casper-hansen/AutoAWQ awq/modules/linear/gemm.py; AutoGPTQ nn_modules/qlinear/qlinear_cuda.py;
// bitsandbytes nn/modules.py and functional.py (Int8Params, Params4bit, QuantState); neuralmagic/compressed-tensors
// (float-quantized, channel strategy); deepseek-ai/DeepSeek-V3 inference/fp8_cast_bf16.py (weight_scale_inv);
// openai/gpt-oss (gate_up_proj_blocks, _scales); NVIDIA/TensorRT-Model-Optimizer (NVFP4: weight_scale, weight_scale_2,
// input_scale); turboderp/exllamav2 (bits per weight of the linear layers, head_bits 6).
#include <algorithm>
#include <cmath>

#include "storage/schemes.hpp"

namespace vram {
namespace {

bool is_linear(Role role) {
  switch (role) {
    case Role::attn_q:
    case Role::attn_k:
    case Role::attn_v:
    case Role::attn_qkv:
    case Role::attn_output:
    case Role::attn_gate:
    case Role::attn_q_a:
    case Role::attn_q_b:
    case Role::attn_kv_a_mqa:
    case Role::attn_k_b:
    case Role::attn_v_b:
    case Role::attn_kv_b:
    case Role::indexer:
    case Role::ffn_gate:
    case Role::ffn_up:
    case Role::ffn_down:
    case Role::ffn_gate_exps:
    case Role::ffn_up_exps:
    case Role::ffn_down_exps:
    case Role::ffn_gate_up_exps:
    case Role::ffn_gate_shexp:
    case Role::ffn_up_shexp:
    case Role::ffn_down_shexp:
    case Role::ffn_latent_in:
    case Role::ffn_latent_out:
    case Role::ssm_in:
    case Role::ssm_x:
    case Role::ssm_dt:
    case Role::ssm_out:
    case Role::shortconv_in:
    case Role::shortconv_out:
    case Role::time_mix:
    case Role::per_layer_model_proj:
    case Role::per_layer_inp_gate:
    case Role::per_layer_proj:
    case Role::laurel_l:
    case Role::laurel_r:
    case Role::matrix: return true;
    default: return false;
  }
}

bool is_routed_expert(Role role) {
  return role == Role::ffn_gate_exps || role == Role::ffn_up_exps || role == Role::ffn_down_exps ||
         role == Role::ffn_gate_up_exps;
}

bool has_experts(const Model& model) {
  return std::any_of(model.layers.begin(), model.layers.end(), [](const Layer& l) { return l.experts.has_value(); });
}

bool is_quantized(const WeightFormat& format, const Model& model, const Tensor& tensor) {
  using Scheme = WeightFormat::Scheme;
  if (tensor.is_1d()) return false;
  // mlx nn.quantize: every module that can be quantized, embeddings and head included (mlx-lm 0.32 utils.py).
  if (format.scheme == Scheme::mlx) {
    const bool group = tensor.ne0 % format.group_size == 0;
    return tensor.part == Part::text && group &&
           (is_linear(tensor.role) || tensor.role == Role::token_embd || tensor.role == Role::output ||
            tensor.role == Role::ffn_gate_inp);
  }
  const bool bitsandbytes = format.scheme == Scheme::bnb_int8 || format.scheme == Scheme::bnb_nf4;
  // bitsandbytes replaces every nn.Linear but the head while loading; the others quantize the text model's layers only.
  if (tensor.part != Part::text && tensor.part != Part::mtp && !bitsandbytes) return false;
  if (tensor.role == Role::ffn_gate_inp) return bitsandbytes;
  if (format.scheme == Scheme::mxfp4 && has_experts(model)) return is_routed_expert(tensor.role);
  if (format.scheme == Scheme::exl && tensor.role == Role::output) return true;
  return is_linear(tensor.role);
}

constexpr int kHeadBits = 6;  // exllamav2 convert.py --head_bits

// One matrix of `out` rows of `in` elements.
Bytes matrix_bytes(const WeightFormat& format, Role role, std::int64_t in, std::int64_t out) {
  using Scheme = WeightFormat::Scheme;
  const Bytes elements = mul(in, out);
  const std::int64_t groups = format.group_size > 0 ? ceil_div(in, format.group_size) : 1;
  const auto packed = [&](int bits) { return ceil_div(mul(elements, bits), 8); };
  const Bytes scales_and_zeros =
      add(product({groups, out, 2}), ceil_div(product({groups, out, format.bits}), 8));  // FP16, packed integers
  switch (format.scheme) {
    case Scheme::awq: return add(packed(format.bits), scales_and_zeros);
    case Scheme::gptq: return add(add(packed(format.bits), scales_and_zeros), mul(in, 4));  // g_idx
    case Scheme::bnb_int8: return add(elements, mul(out, 4));                               // CB and SCB
    case Scheme::bnb_nf4: {
      const Bytes blocks = ceil_div(elements, 64);
      constexpr Bytes kMap = 16 * 4;  // quant_map
      if (!format.double_quant) return add(add(packed(4), mul(blocks, 4)), kMap);
      constexpr Bytes kNested = 256 * 4 + 4;  // nested_quant_map, offset
      return add(add(packed(4), blocks), add(mul(ceil_div(blocks, 256), 4), kMap + kNested));
    }
    case Scheme::mlx: return add(packed(format.bits), product({groups, out, 4}));  // 16-bit scale and bias
    case Scheme::fp8_tensor: return add(elements, mul(out, 4));
    case Scheme::fp8_block: return add(elements, product({ceil_div(in, 128), ceil_div(out, 128), 4}));
    case Scheme::mxfp4: return product({ceil_div(in, 32), 17, out});
    case Scheme::nvfp4: return add(product({ceil_div(in, 16), 9, out}), 8);
    case Scheme::exl: {
      const double bits =
          role == Role::output ? std::max<double>(kHeadBits, format.bits_per_weight) : format.bits_per_weight;
      return static_cast<Bytes>(std::ceil(static_cast<double>(elements) * bits / 8));
    }
    case Scheme::plain:
    case Scheme::gguf: break;
  }
  return mul(elements, 2);
}

}  // namespace

Bytes quantizer_tensor_bytes(const WeightFormat& format, const Model& model, const Tensor& tensor) {
  if (!is_quantized(format, model, tensor)) return mul(tensor.elements(), model.torch_dtype == "f32" ? 4 : 2);
  return product({matrix_bytes(format, tensor.role, tensor.ne0, tensor.ne1), tensor.ne2, tensor.count});
}

}  // namespace vram
