// One layer of a decoder as servers run it, fused projections and all: vLLM 0.11, vllm/model_executor/models/llama.py,
// deepseek_v2.py, qwen3_next.py and layers/fused_moe/fused_moe.py (intermediate caches 1 and 3 share memory).
#include "llm/decoder_tape.hpp"

#include <algorithm>

#include "llm/parts.hpp"
#include "vram/tape.hpp"

namespace vram {
namespace {

constexpr Bytes kActivation = 2;  // bytes: servers compute in 16 bits, 32-bit checkpoints included

struct Sizes : DecoderPass {
  std::int64_t hidden = 0;

  Bytes of(std::int64_t width) const { return product({tokens, width, kActivation}); }
  Bytes split(std::int64_t width) const { return of(ceil_div(width, ranks)); }
};

TapeId attention(Tape& tape, const Sizes& s, const Attention& a, TapeId x) {
  const std::int64_t q = mul(a.num_attention_heads, a.head_dim);
  const std::int64_t kv = mul(std::max(a.num_key_value_heads, s.ranks), a.head_dim + a.v_head_dim);
  const TapeId qkv = tape.op("qkv_proj", s.split((a.output_gate ? 2 * q : q) + kv), {x});
  const TapeId out = tape.op("attention", s.split(mul(a.num_attention_heads, a.v_head_dim)), {qkv});
  return tape.op("o_proj", s.of(s.hidden), {out});
}

// Prefill expands the latent into full keys and values, values padded to the width of the keys.
TapeId latent(Tape& tape, const Sizes& s, const LatentAttention& a, TapeId x) {
  const std::int64_t qk = a.qk_nope_head_dim + a.qk_rope_head_dim;
  const TapeId down = tape.op("kv_a_proj", s.of(a.q_lora_rank + a.kv_lora_rank + a.qk_rope_head_dim), {x});
  const TapeId q = tape.op("q_proj", s.split(mul(a.num_attention_heads, qk)), {down});
  const TapeId kv =
      tape.op("kv_b_proj", s.split(mul(a.num_attention_heads, a.qk_nope_head_dim + a.v_head_dim)), {down});
  const TapeId k = tape.op("keys", s.split(mul(a.num_attention_heads, qk)), {kv, down});
  const TapeId v = tape.op("padded values", s.split(mul(a.num_attention_heads, qk)), {kv});
  const TapeId out = tape.op("attention", s.split(mul(a.num_attention_heads, qk)), {q, k, v});
  return tape.op("o_proj", s.of(s.hidden), {out});
}

TapeId compressed(Tape& tape, const Sizes& s, const CompressedAttention& a, TapeId x) {
  const TapeId q = tape.op("q_proj", s.split(mul(a.num_attention_heads, a.head_dim)), {x});
  const TapeId kv = tape.op("kv_proj", s.of(a.head_dim), {x});
  const TapeId out = tape.op("attention", s.split(mul(a.num_attention_heads, a.head_dim)), {q, kv});
  return tape.op("o_proj", s.of(s.hidden), {out});
}

// Chunked scan: one state per chunk of 256 (Mamba-2) or 64 tokens (delta nets).
TapeId mixer(Tape& tape, const Sizes& s, const StateMixer& m, TapeId x) {
  const std::int64_t chunk = m.kind == StateMixer::Kind::mamba2 ? 256 : 64;
  const TapeId in = tape.op("in_proj", s.split(m.in_proj), {x});
  const TapeId conv = tape.op("conv1d", s.split(m.conv_channels), {in});
  const TapeId states = tape.op(
      "chunk states", product({ceil_div(s.tokens, chunk), ceil_div(m.state_elements, s.ranks), kActivation}), {conv});
  const TapeId out = tape.op("scan", s.split(m.d_inner), {in, conv, states});
  return tape.op("out_proj", s.of(s.hidden), {out});
}

TapeId dense(Tape& tape, const Sizes& s, std::int64_t width, bool gated, TapeId x) {
  const TapeId up = tape.op("gate_up_proj", s.split(gated ? 2 * width : width), {x});
  const TapeId act = tape.op("act_fn", s.split(width), {up});
  return tape.op("down_proj", s.of(s.hidden), {act});
}

TapeId routed(Tape& tape, const Sizes& s, const Experts& e, TapeId x) {
  constexpr std::int64_t kChunk = 32768;  // VLLM_FUSED_MOE_CHUNK_SIZE
  const std::int64_t rows = mul(std::min(s.expert_tokens, kChunk), e.num_experts_per_tok);
  const std::int64_t width = ceil_div(e.moe_intermediate_size, s.expert_split);
  const std::int64_t inner = e.expert_hidden_size > 0 ? e.expert_hidden_size : s.hidden;
  const TapeId router = tape.op("router logits", product({s.expert_tokens, e.num_experts, 4}), {x});
  const TapeId wide = tape.op("expert caches 1 and 3",
                              product({rows, std::max((e.gated ? 2 : 1) * width, inner), kActivation}), {x, router});
  const TapeId act = tape.op("expert cache 2", product({rows, width, kActivation}), {wide});
  return tape.op("expert output", product({s.expert_tokens, s.hidden, kActivation}), {act, wide, x});
}

Bytes layer_peak(const Sizes& s, const Layer& layer) {
  Tape tape;
  const TapeId residual = tape.input("residual", s.of(s.hidden));
  TapeId x = tape.op("input_layernorm", s.of(s.hidden), {residual});
  if (layer.attention) x = attention(tape, s, *layer.attention, x);
  if (layer.latent) x = latent(tape, s, *layer.latent, x);
  if (layer.compressed) x = compressed(tape, s, *layer.compressed, x);
  if (layer.state) x = mixer(tape, s, *layer.state, x);
  if (layer.experts) {
    const TapeId before = x;
    x = routed(tape, s, *layer.experts, x);
    if (layer.experts->shared_intermediate_size > 0) {
      const TapeId shared = dense(tape, s, layer.experts->shared_intermediate_size, layer.experts->gated, before);
      x = tape.op("add", s.of(s.hidden), {x, shared});
    }
  } else if (layer.ffn) {
    x = dense(tape, s, layer.ffn->intermediate_size, layer.ffn->gated, x);
  }
  tape.mark_output(residual);
  tape.mark_output(x);
  return replay_live_bytes(tape).peak_bytes;
}

}  // namespace

Bytes decoder_peak_bytes(const Model& model, const DecoderPass& pass, std::int64_t first, std::int64_t last) {
  Sizes sizes;
  static_cast<DecoderPass&>(sizes) = pass;
  sizes.hidden = model.hidden_size;
  Bytes peak = 0;
  for (const Layer* layer : distinct_layers(model, first, last)) peak = std::max(peak, layer_peak(sizes, *layer));
  return peak;
}

}  // namespace vram
