// vLLM 0.11: vllm/v1/worker/gpu_model_runner.py (profile_run, _dummy_sampler_run with top-k and top-p),
// vllm/v1/sample/ops/topk_topp_sampler.py; the layers in vllm/model_executor/models/llama.py, deepseek_v2.py,
// qwen3_next.py and layers/fused_moe/fused_moe.py (intermediate caches 1 and 3 share memory).
// What the sort takes: pytorch/pytorch aten/src/ATen/native/cuda/SortStable.cu. Checked on the peak activation of 17
// start-up logs (vLLM 0.6.4 to 0.11, 128 to 1024 sequences, vocabularies of 128,256 to 262,208): within 1 % in 15.
#include "llm/engines/vllm_activations.hpp"

#include <algorithm>
#include "llm/parts.hpp"
#include "vram/tape.hpp"

namespace vram {
namespace {

constexpr Bytes kActivation = 2;  // bytes: vLLM computes in 16 bits, 32-bit checkpoints included

struct Sizes {
  std::int64_t tokens;
  std::int64_t hidden;
  std::int64_t tp;

  Bytes of(std::int64_t width) const { return product({tokens, width, kActivation}); }
  Bytes split(std::int64_t width) const { return of(ceil_div(width, tp)); }
};

TapeId attention(Tape& tape, const Sizes& s, const Attention& a, TapeId x) {
  const std::int64_t q = mul(a.num_attention_heads, a.head_dim);
  const std::int64_t kv = mul(std::max(a.num_key_value_heads, s.tp), a.head_dim + a.v_head_dim);
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
      "chunk states", product({ceil_div(s.tokens, chunk), ceil_div(m.state_elements, s.tp), kActivation}), {conv});
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
  const std::int64_t rows = mul(std::min(s.tokens, kChunk), e.num_experts_per_tok);
  const std::int64_t width = ceil_div(e.moe_intermediate_size, s.tp);
  const std::int64_t inner = e.expert_hidden_size > 0 ? e.expert_hidden_size : s.hidden;
  const TapeId router = tape.op("router logits", product({s.tokens, e.num_experts, 4}), {x});
  const TapeId wide = tape.op("expert caches 1 and 3",
                              product({rows, std::max((e.gated ? 2 : 1) * width, inner), kActivation}), {x, router});
  const TapeId act = tape.op("expert cache 2", product({rows, width, kActivation}), {wide});
  return tape.op("expert output", s.of(s.hidden), {act, wide, x});
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

std::int64_t sampled_rows(const VllmOptions& options) {
  return std::min(options.max_num_seqs, options.max_num_batched_tokens);
}

}  // namespace

Bytes forward_peak_bytes(const Model& model, const VllmOptions& options, std::int64_t first, std::int64_t last) {
  const Sizes sizes{options.max_num_batched_tokens, model.hidden_size, options.tensor_parallel_size};
  Bytes peak = 0;
  for (const Layer* layer : distinct_layers(model, first, last)) peak = std::max(peak, layer_peak(sizes, *layer));
  return peak;
}

Bytes sampler_peak_bytes(const Model& model, const VllmOptions& options) {
  const std::int64_t rows = sampled_rows(options);
  const Bytes elements = mul(rows, model.vocab_size);
  Tape tape;
  const TapeId hidden =
      tape.input("hidden_states", product({options.max_num_batched_tokens, model.hidden_size, kActivation}));
  const TapeId last = tape.op("last hidden states", product({rows, model.hidden_size, kActivation}), {hidden});
  const TapeId logits = tape.op("logits", mul(elements, kActivation), {last});
  const TapeId logits32 = tape.op("logits in 32 bits", mul(elements, 4), {logits});
  const TapeId values = tape.op("sorted values", mul(elements, 4), {logits32});
  const TapeId indices = tape.op("sorted indices", mul(elements, 8), {logits32});
  // From 128 rows on a segmented radix sort: int64 source indices and a second buffer for keys and indices.
  // Fewer rows are sorted as one: two buffers of (index, segment) and one of keys besides.
  const TapeId source = tape.op("sort: source indices", mul(elements, 8), {logits32});
  const TapeId other = tape.op("sort: second buffers", mul(elements, rows >= 128 ? 0 : 12), {source});
  tape.op("sort: scratch", mul(elements, 12), {logits32, values, indices, source, other});
  for (const TapeId kept : {hidden, last, logits, logits32, values, indices, source, other}) tape.mark_output(kept);
  return replay_live_bytes(tape).peak_bytes;
}

Bytes sampler_without_sort_bytes(const Model& model, const VllmOptions& options) {
  const std::int64_t rows = sampled_rows(options);
  return add(mul(mul(rows, model.vocab_size), kActivation + 4),
             product({options.max_num_batched_tokens, model.hidden_size, kActivation}));
}

Bytes cublas_workspace_bytes(const Gpu& gpu) {
  // pytorch/pytorch aten/src/ATen/cuda/CublasHandlePool.cpp: 32 MiB from compute capability 9.0, else 8 MiB and 128
  // KiB.
  const bool large =
      gpu.compute_capability.size() > 3 || (!gpu.compute_capability.empty() && gpu.compute_capability[0] >= '9');
  return large ? 32 * kMiB : 8 * kMiB + 128 * kKiB;
}

}  // namespace vram
