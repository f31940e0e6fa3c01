// vLLM 0.11: vllm/model_executor/layers/linear.py (ColumnParallelLinear, RowParallelLinear, QKVParallelLinear),
// vocab_parallel_embedding.py (DEFAULT_VOCAB_PADDING_SIZE = 64), fused_moe/layer.py (experts split by intermediate
// size), vllm/distributed/utils.py (get_pp_indices).
#include "llm/engines/vllm_shard.hpp"

#include <algorithm>

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

}  // namespace

Tensor shard(const Model& model, const Tensor& tensor, std::int64_t tp) {
  Tensor part = tensor;
  if (tp == 1 && tensor.role != Role::token_embd && tensor.role != Role::output) return part;
  const Layer* layer = layer_of(model, tensor);
  const Attention* attention = layer && layer->attention ? &*layer->attention : nullptr;
  switch (tensor.role) {
    case Role::token_embd:
    case Role::output:
    case Role::per_layer_token_embd:
      part.ne1 = round_up(tensor.ne1, kVocabPadding) / tp + (round_up(tensor.ne1, kVocabPadding) % tp != 0);
      break;
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
    case Role::attn_q:
    case Role::attn_gate:
    case Role::attn_q_b:
    case Role::attn_k_b:
    case Role::attn_v_b:
    case Role::attn_kv_b:
    case Role::ffn_gate:
    case Role::ffn_up:
    case Role::ffn_gate_exps:
    case Role::ffn_up_exps:
    case Role::ffn_gate_up_exps:
    case Role::ffn_gate_shexp:
    case Role::ffn_up_shexp:
    case Role::ssm_in:
    case Role::ssm_beta_alpha:
    case Role::ssm_conv1d:
    case Role::shortconv_in:
    case Role::shortconv_conv: part.ne1 = ceil_div(tensor.ne1, tp); break;
    case Role::attn_output:
    case Role::ffn_down:
    case Role::ffn_down_exps:
    case Role::ffn_down_shexp:
    case Role::ssm_x:
    case Role::ssm_out:
    case Role::shortconv_out: part.ne0 = ceil_div(tensor.ne0, tp); break;
    case Role::opaque: part.ne0 = ceil_div(tensor.ne0, tp); break;
    default: break;
  }
  return part;
}

int stage_of_layer(std::int64_t layer, std::int64_t layers, std::int64_t pp) {
  const std::int64_t each = layers / pp;
  const std::int64_t left = layers % pp;
  // Stages pp-1-left .. pp-2 (0-based) hold one layer more.
  std::int64_t first = 0;
  for (std::int64_t stage = 0; stage < pp; ++stage) {
    const bool larger = stage <= pp - 2 && stage >= pp - 1 - left;
    first += each + (larger ? 1 : 0);
    if (layer < first) return static_cast<int>(stage);
  }
  return static_cast<int>(pp - 1);
}

Bytes rank_weight_bytes(const LlmRequest& request, Part part, std::int64_t tp, std::int64_t pp, int stage) {
  const Model& model = *request.model;
  const auto layers = static_cast<std::int64_t>(model.layers.size());
  Bytes sum = 0;
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part != part) continue;
    const bool embedding = tensor.role == Role::token_embd;
    bool here = true;
    if (pp > 1 && tensor.role != Role::opaque) {
      if (tensor.part != Part::text) {
        here = stage == 0;
      } else if (tensor.layer >= 0) {
        here = stage_of_layer(tensor.layer, layers, pp) == stage;
      } else if (tensor.role == Role::output || tensor.role == Role::output_norm) {
        here = stage == pp - 1;
      } else {
        here = stage == 0 || (embedding && model.tie_word_embeddings && stage == pp - 1);
      }
    }
    if (!here) continue;
    const Bytes bytes = stored_bytes(request.weights, model, shard(model, tensor, tp));
    sum = add(sum, tensor.role == Role::opaque ? ceil_div(bytes, pp) : bytes);
  }
  return sum;
}

}  // namespace vram
