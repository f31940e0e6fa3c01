// vLLM 0.11: vllm/model_executor/layers/linear.py (ColumnParallelLinear, RowParallelLinear, QKVParallelLinear),
// vocab_parallel_embedding.py (DEFAULT_VOCAB_PADDING_SIZE = 64), fused_moe/layer.py (experts split by intermediate
// size or, with expert parallelism, by number, over all tensor and data parallel ranks: FusedMoEParallelConfig.make),
// vllm/distributed/utils.py (get_pp_indices).
#include "llm/sharding.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "llm/parts.hpp"

namespace vram {
namespace {

constexpr std::int64_t kVocabPadding = 64;

const Layer* layer_of(const Model& model, const Tensor& tensor) {
  const auto index = static_cast<std::size_t>(tensor.layer);
  return tensor.layer >= 0 && index < model.layers.size() ? &model.layers[index] : nullptr;
}

std::int64_t kv_rows(std::int64_t rows, std::int64_t heads, std::int64_t tp) {
  return heads > 0 && tp > heads ? ceil_div(rows, heads) : ceil_div(rows, tp);
}

// MXFP4 experts are padded for their kernels (quantization/mxfp4.py): the hidden size to 256, and the intermediate size
// of a rank to 128 (Marlin) or 256 (FlashInfer, compute capability 10); the Triton kernels of 9.0 keep it.
Tensor padded_for_mxfp4(const Gpu& gpu, Tensor tensor) {
  const bool down = tensor.role == Role::ffn_down_exps;
  std::int64_t& hidden = down ? tensor.ne1 : tensor.ne0;
  std::int64_t& intermediate = down ? tensor.ne0 : tensor.ne1;
  hidden = round_up(hidden, 256);
  if (gpu.compute_capability.rfind("9.", 0) == 0) return tensor;
  const bool two_digits = gpu.compute_capability.size() > 3;
  intermediate = round_up(intermediate, two_digits ? 256 : 128);
  return tensor;
}

}  // namespace

bool is_routed_expert(Role role) {
  return role == Role::ffn_gate_exps || role == Role::ffn_up_exps || role == Role::ffn_down_exps ||
         role == Role::ffn_gate_up_exps;
}

Tensor shard(const Model& model, const Tensor& tensor, const Split& split) {
  Tensor part = tensor;
  const std::int64_t tp = split.tensor;
  if (is_routed_expert(tensor.role)) {
    if (split.whole_experts) {
      part.ne2 = ceil_div(tensor.ne2, split.experts);
    } else {
      std::int64_t& width = tensor.role == Role::ffn_down_exps ? part.ne0 : part.ne1;
      width = ceil_div(width, split.experts);
    }
    return part;
  }
  if (tp == 1 && tensor.role != Role::token_embd && tensor.role != Role::output) return part;
  const Layer* layer = layer_of(model, tensor);
  const Attention* attention = layer && layer->attention ? &*layer->attention : nullptr;
  switch (tensor.role) {
    case Role::token_embd:
    case Role::output:
    case Role::per_layer_token_embd: part.ne1 = ceil_div(round_up(tensor.ne1, kVocabPadding), tp); break;
    case Role::attn_k:
    case Role::attn_v: part.ne1 = kv_rows(tensor.ne1, attention ? attention->num_key_value_heads : 0, tp); break;
    case Role::attn_qkv:
      if (attention) {
        const std::int64_t kv = mul(attention->num_key_value_heads, attention->head_dim + attention->v_head_dim);
        if (kv < tensor.ne1) {
          part.ne1 = ceil_div(tensor.ne1 - kv, tp) + kv_rows(kv, attention->num_key_value_heads, tp);
          break;
        }
      }
      part.ne1 = ceil_div(tensor.ne1, tp);
      break;
    case Role::attn_k_b:
    case Role::attn_v_b:  // one matrix per head where the checkpoint keeps them apart
      (tensor.ne2 > 1 ? part.ne2 : part.ne1) = ceil_div(tensor.ne2 > 1 ? tensor.ne2 : tensor.ne1, tp);
      break;
    case Role::attn_q:
    case Role::attn_gate:
    case Role::attn_q_b:
    case Role::attn_kv_b:
    case Role::ffn_gate:
    case Role::ffn_up:
    case Role::ffn_gate_shexp:
    case Role::ffn_up_shexp:
    case Role::ssm_in:
    case Role::ssm_beta_alpha:
    case Role::ssm_conv1d:
    case Role::shortconv_in:
    case Role::shortconv_conv: part.ne1 = ceil_div(tensor.ne1, tp); break;
    case Role::attn_output:
    case Role::ffn_down:
    case Role::ffn_down_shexp:
    case Role::ssm_x:
    case Role::ssm_out:
    case Role::shortconv_out: part.ne0 = ceil_div(tensor.ne0, tp); break;
    case Role::opaque: part.ne0 = ceil_div(tensor.ne0, tp); break;
    default: break;
  }
  return part;
}

StageLayers layers_of_stage(int stage, std::int64_t layers, std::int64_t pp) {
  const std::int64_t each = layers / pp;
  const std::int64_t left = layers % pp;
  StageLayers result;
  for (std::int64_t i = 0; i <= stage; ++i) {
    result.first = result.last;
    // The last stage has the head already: what is left over goes to the `left` stages before it.
    const bool larger = i <= pp - 2 && i >= pp - 1 - left;
    result.last += each + (larger ? 1 : 0);
  }
  return result;
}

bool on_stage(const Model& model, const Tensor& tensor, const Split& split, int stage) {
  const std::int64_t pp = split.stages;
  if (pp <= 1 || tensor.role == Role::opaque) return true;
  if (tensor.part == Part::mtp) return stage == pp - 1;
  if (tensor.part != Part::text) return stage == 0;
  if (tensor.layer >= 0) {
    const StageLayers own = layers_of_stage(stage, static_cast<std::int64_t>(model.layers.size()), pp);
    return tensor.layer >= own.first && tensor.layer < own.last;
  }
  if (tensor.role == Role::output || tensor.role == Role::output_norm) return stage == pp - 1;
  return stage == 0 || (tensor.role == Role::token_embd && model.tie_word_embeddings && stage == pp - 1);
}

namespace {

// Matrices that servers keep as one: queries with keys and values, gate with up.
enum Fused : std::size_t { qkv, gate_up, shared_gate_up, expert_gate_up, alone };
Fused fused(Role role) {
  switch (role) {
    case Role::attn_q:
    case Role::attn_k:
    case Role::attn_v:
    case Role::attn_qkv: return qkv;
    case Role::ffn_gate:
    case Role::ffn_up: return gate_up;
    case Role::ffn_gate_shexp:
    case Role::ffn_up_shexp: return shared_gate_up;
    case Role::ffn_gate_exps:
    case Role::ffn_up_exps:
    case Role::ffn_gate_up_exps: return expert_gate_up;
    default: return alone;
  }
}

// PyTorch's caching allocator (c10/cuda/CUDACachingAllocator.cpp): from 10 MiB on a tensor gets a segment of whole
// 2 MiB, and what is left of it is not split off below 1 MiB. 28 layers of Qwen2-7B hold 57 MiB more that way.
Bytes allocated(Bytes bytes) {
  if (bytes < 10 * kMiB) return bytes;
  const Bytes segment = round_up(bytes, 2 * kMiB);
  return segment - bytes <= kMiB ? segment : bytes;
}

}  // namespace

Bytes rank_weight_bytes(const LlmRequest& request, const Split& split, Part part, int stage, bool latent_copies) {
  const Model& model = *request.model;
  if (request.weights.scheme == WeightFormat::Scheme::plain) latent_copies = false;
  Bytes sum = 0;
  std::vector<std::array<Bytes, alone>> together(part == Part::text ? model.layers.size() : 0);
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part != part || !on_stage(model, tensor, split, stage)) continue;
    Tensor held = shard(model, tensor, split);
    if (tensor.stored_bytes >= 0 && tensor.elements() > 0) {
      const double share = static_cast<double>(held.elements()) / static_cast<double>(tensor.elements());
      held.stored_bytes = static_cast<Bytes>(std::ceil(static_cast<double>(tensor.stored_bytes) * share));
    }
    if (request.weights.scheme == WeightFormat::Scheme::mxfp4 && is_routed_expert(tensor.role)) {
      held = padded_for_mxfp4(request.machine.gpu, held);
    }
    Bytes bytes = stored_bytes(request.weights, model, held);
    if (tensor.role == Role::attn_kv_b && latent_copies) bytes = add(bytes, mul(held.elements(), 2));
    if (tensor.role == Role::opaque) bytes = ceil_div(bytes, split.stages);
    // Towers and their projectors are split like the text model (config/multimodal.py, mm_encoder_tp_mode "weights").
    if ((part == Part::tower || part == Part::projector) && !tensor.is_1d()) bytes = ceil_div(bytes, split.tensor);
    const Fused group = fused(tensor.role);
    const auto layer = static_cast<std::size_t>(std::max(0, tensor.layer));
    if (group != alone && tensor.layer >= 0 && layer < together.size()) {
      together[layer][group] = add(together[layer][group], bytes);
    } else {
      sum = add(sum, tensor.role == Role::opaque
                         ? bytes
                         : mul(allocated(bytes / tensor.count), tensor.count) + bytes % tensor.count);
    }
  }
  for (const std::array<Bytes, alone>& layer : together) {
    for (const Bytes bytes : layer) sum = add(sum, allocated(bytes));
  }
  return sum;
}

Bytes rotary_bytes(const Model& model) {
  for (const Layer& layer : model.layers) {
    if (layer.attention) return product({model.max_position_embeddings, layer.attention->head_dim, 2});
    if (layer.latent) return product({model.max_position_embeddings, layer.latent->qk_rope_head_dim, 4});
  }
  return 0;
}

}  // namespace vram
