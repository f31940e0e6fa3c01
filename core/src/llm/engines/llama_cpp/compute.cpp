#include "llm/engines/llama_cpp/compute.hpp"

#include <algorithm>

#include "vram/tape.hpp"

namespace vram::llama_cpp {
namespace {

// A decoder layer and the head as one short tape, with the widest layer's sizes.
Bytes generic_peak(const Model& model, const Settings& s) {
  std::int64_t ff = 0, q = 0, experts = 0, expert_ff = 0, heads = 0;
  for (const Layer& layer : model.layers) {
    if (layer.attention) {
      q = std::max(q, layer.attention->num_attention_heads * layer.attention->head_dim);
      heads = std::max(heads, layer.attention->num_attention_heads);
    }
    if (layer.latent) {
      q = std::max(q, layer.latent->num_attention_heads * (layer.latent->kv_lora_rank + layer.latent->qk_rope_head_dim));
      heads = std::max(heads, layer.latent->num_attention_heads);
    }
    if (layer.ffn) ff = std::max(ff, layer.ffn->intermediate_size);
    if (layer.experts) {
      experts = std::max(experts, layer.experts->num_experts_per_tok);
      expert_ff = std::max(expert_ff, layer.experts->moe_intermediate_size);
    }
    if (layer.state) ff = std::max(ff, layer.state->in_proj);
  }
  const std::int64_t e = std::max<std::int64_t>(model.hidden_size, q);
  const auto f32 = [&](std::int64_t width) { return product({4, width, s.n_tokens}); };
  Tape tape;
  const TapeId mask = tape.input("mask", product({s.flash_attn ? 2 : 4, s.n_tokens, s.n_ctx_seq}));
  const TapeId residual = tape.op("residual", f32(e), {});
  const TapeId query = tape.op("q", f32(q), {residual});
  if (!s.flash_attn) {
    const TapeId scores = tape.op("scores", product({4, heads, s.n_tokens, s.n_ctx_seq}), {query, mask});
    tape.op("attention", f32(q), {scores});
  } else {
    tape.op("attention", f32(q), {query, mask});
  }
  const TapeId norm = tape.op("norm", f32(e), {residual});
  const std::int64_t width = std::max(ff, experts * std::max(expert_ff, e));
  const TapeId gate = tape.op("gate", f32(width), {norm});
  const TapeId up = tape.op("up", f32(width), {norm});
  const TapeId product_ = tape.op("gate * up", f32(width), {gate, up});
  tape.op("down", f32(e), {product_, residual, mask});
  const TapeId head = tape.op("last rows", product({4, s.n_outputs, e}), {});
  tape.op("logits", product({4, s.n_outputs, model.vocab_size}), {head});
  return replay_ggml(tape, 128).peak_bytes;
}

}  // namespace

ComputeBuffers compute_buffers(const LlmRequest& request, const Settings& s, const Placement& placement,
                               const WeightPlan&) {
  const Bytes peak = generic_peak(*request.model, s);
  ComputeBuffers buffers;
  buffers.known_graph = false;
  buffers.gpu.assign(static_cast<std::size_t>(placement.gpus), {peak / 2, peak, add(peak, peak)});
  const Bytes host = add(product({8, request.model->hidden_size, s.n_tokens}), product({4, s.n_tokens, s.n_ctx_seq}));
  buffers.host = {host / 2, host, add(host, host)};
  return buffers;
}

}  // namespace vram::llama_cpp
