// vLLM 0.11: vllm/lora/layers/base_linear.py (create_lora_weights), vllm/v1/spec_decode/eagle.py (load_model);
// 0.7.3: vllm/attention/backends/mla/common.py (process_weights_after_loading).
#include "llm/engines/vllm_extras.hpp"

#include "llm/parts.hpp"
#include "llm/sharding.hpp"

namespace vram {
namespace {

// A (inputs x rank) on every rank for layers split by outputs, B (rank x outputs) for those split by inputs: both have
// the size of the part of the matrix that the rank holds.
Bytes adapter_bytes(const VllmOptions& o, const Tensor& held, std::int64_t outputs) {
  return product({o.max_loras, o.max_lora_rank, add(held.ne0, outputs), held.ne2, held.count, 2});
}

bool is_adapted(const Tensor& tensor) {
  if (tensor.layer < 0 || tensor.is_1d() || tensor.ne2 > 1 || is_routed_expert(tensor.role)) return false;
  switch (tensor.role) {
    case Role::attn_q:
    case Role::attn_k:
    case Role::attn_v:
    case Role::attn_qkv:
    case Role::attn_output:
    case Role::attn_q_a:
    case Role::attn_q_b:
    case Role::attn_kv_a_mqa:
    case Role::attn_kv_b:
    case Role::ffn_gate:
    case Role::ffn_up:
    case Role::ffn_down:
    case Role::ffn_gate_shexp:
    case Role::ffn_up_shexp:
    case Role::ffn_down_shexp: return true;
    default: return false;
  }
}

}  // namespace

Split split_of(const VllmOptions& o) {
  return {o.tensor_parallel_size, mul(o.tensor_parallel_size, o.data_parallel_size), o.enable_expert_parallel,
          o.pipeline_parallel_size};
}

Interval lora_bytes(const LlmRequest& request, const VllmOptions& o, int stage) {
  if (!o.enable_lora) return {};
  const Model& model = *request.model;
  const Split split = split_of(o);
  Bytes sum = 0;
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part != Part::text || !is_adapted(tensor) || !on_stage(model, tensor, split, stage)) continue;
    const Tensor held = shard(model, tensor, split);
    sum = add(sum, adapter_bytes(o, held, held.ne1));
    if (tensor.role == Role::attn_qkv) {  // three A
      sum = add(sum, product({2, o.max_loras, o.max_lora_rank, held.ne0, held.count, 2}));
    }
  }
  const Bytes vocabulary = product({o.max_loras, o.max_lora_rank, add(model.vocab_size, model.hidden_size), 2});
  const std::int64_t ends = (stage == 0 ? 1 : 0) + (stage == o.pipeline_parallel_size - 1 ? 1 : 0);
  return {sum, sum, add(sum, mul(vocabulary, ends))};
}

Bytes latent_bytes(const LlmRequest& request, const VllmRules& rules, const VllmOptions& o, int stage) {
  if (!rules.latent_absorbed) return 0;
  const Model& model = *request.model;
  const StageLayers own =
      layers_of_stage(stage, static_cast<std::int64_t>(model.layers.size()), o.pipeline_parallel_size);
  using Scheme = WeightFormat::Scheme;
  const bool bytes = request.weights.scheme == Scheme::fp8_tensor || request.weights.scheme == Scheme::fp8_block;
  Bytes sum = 0;
  for (std::int64_t i = own.first; i < own.last; ++i) {
    const Layer& layer = model.layers[static_cast<std::size_t>(i)];
    if (!layer.latent) continue;
    const LatentAttention& a = *layer.latent;
    const std::int64_t heads = ceil_div(a.num_attention_heads, o.tensor_parallel_size);
    const std::int64_t in = a.q_lora_rank > 0 ? a.q_lora_rank : model.hidden_size;
    sum = add(sum, product({in, heads, a.qk_rope_head_dim, 2}));                         // W_QR
    const Bytes absorbed = mul(mul(heads, a.kv_lora_rank), add(in, model.hidden_size));  // W_Q_UK, W_UV_O
    sum = add(sum, mul(absorbed, bytes ? 1 : 2));
  }
  return sum;
}

LlmRequest draft_request(const LlmRequest& request, const Model& draft) {
  LlmRequest own = request;
  own.model = &draft;
  const WeightFormat* format = find_weight_format(draft.native_weights);
  own.weights = format != nullptr ? *format : *find_weight_format("bf16");
  return own;
}

Bytes draft_bytes(const LlmRequest& request, const VllmOptions& o, int stage) {
  using Method = Speculation::Method;
  if (stage != o.pipeline_parallel_size - 1) return 0;
  if (o.speculative_config.method == Method::mtp) return rank_weight_bytes(request, split_of(o), Part::mtp, stage);
  if (!o.speculative_config.draft) return 0;
  const Model& draft = *o.speculative_config.draft;
  Split one_stage = split_of(o);
  one_stage.stages = 1;
  return add(rank_weight_bytes(draft_request(request, draft), one_stage, Part::text, 0), rotary_bytes(draft));
}

}  // namespace vram
