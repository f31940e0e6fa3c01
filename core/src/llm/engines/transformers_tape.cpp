// transformers 4.57: models/llama/modeling_llama.py (LlamaRMSNorm, apply_rotary_pos_emb, eager_attention_forward,
// LlamaMLP), integrations/sdpa_attention.py (repeat_kv), models/mixtral/modeling_mixtral.py (loop over experts),
// models/deepseek_v3/modeling_deepseek_v3.py (keys and values expanded before the cache), generation/utils.py.
// Every line of Python that makes a tensor is one operation here; a name that is assigned again frees its old tensor.
#include "llm/engines/transformers_tape.hpp"

#include <algorithm>

namespace vram {
namespace {

using Attn = TransformersOptions::AttnImplementation;

class Writer {
 public:
  explicit Writer(const Prefill& prefill)
      : p_(prefill),
        tokens_(mul(prefill.rows, prefill.tokens)),
        keys_(prefill.keys > 0 ? prefill.keys : prefill.tokens) {}

  Tape& tape() { return tape_; }
  Bytes of(std::int64_t width) const { return product({tokens_, width, p_.element}); }
  Bytes in32(std::int64_t width) const { return product({tokens_, width, 4}); }
  Bytes cached(std::int64_t width) const { return product({p_.rows, keys_, width, p_.element}); }

  // x.to(float32), its square, x * rsqrt(...), back to 16 bits, times the weight.
  TapeId norm(TapeId x) {
    const TapeId wide = tape_.op("norm: float32", in32(p_.hidden), {x});
    tape_.op("norm: square", in32(p_.hidden), {wide});
    const TapeId scaled = tape_.op("norm: scaled", in32(p_.hidden), {wide});
    const TapeId narrow = tape_.op("norm: 16 bits", of(p_.hidden), {scaled, wide});
    return tape_.op("norm: weighted", of(p_.hidden), {narrow});
  }

  // q * cos + rotate_half(q) * sin
  TapeId rotary(TapeId q, std::int64_t width) {
    const TapeId cosine = tape_.op("rope: x * cos", of(width), {q});
    const TapeId half = tape_.op("rope: negated half", of(width / 2), {q});
    const TapeId turned = tape_.op("rope: rotate_half", of(width), {q, half});
    const TapeId sine = tape_.op("rope: rotated * sin", of(width), {turned});
    return tape_.op("rope: sum", of(width), {cosine, sine, q, turned});
  }

  // `k` and `v` as cached; repeated to the query heads unless the kernel reads them as they are.
  TapeId core_attention(TapeId q, TapeId k, TapeId v, std::int64_t heads, std::int64_t kv_heads, std::int64_t k_dim,
                        std::int64_t v_dim) {
    const bool eager = p_.attention == Attn::eager;
    const bool repeats = heads != kv_heads && (eager || (p_.attention == Attn::sdpa && p_.repeats_keys));
    const TapeId keys = repeats ? tape_.op("repeat_kv: keys", cached(mul(heads, k_dim)), {k}) : k;
    const TapeId values = repeats ? tape_.op("repeat_kv: values", cached(mul(heads, v_dim)), {v}) : v;
    const std::int64_t pairs = product({p_.rows, p_.tokens, keys_});
    TapeId weights = q;
    if (eager) {
      const Bytes square = mul(pairs, heads);
      const TapeId mask = tape_.input("causal mask", mul(pairs, p_.element));
      const TapeId scores = tape_.op("scores", mul(square, p_.element), {q, keys});
      const TapeId scaled = tape_.op("scores * scaling", mul(square, p_.element), {scores});
      const TapeId masked = tape_.op("scores + mask", mul(square, p_.element), {scaled, mask});
      const TapeId softmax = tape_.op("softmax in float32", mul(square, 4), {masked});
      weights = tape_.op("softmax in 16 bits", mul(square, p_.element), {softmax, masked});
    } else if (p_.attention == Attn::sdpa && p_.masked) {
      const TapeId mask = tape_.input("padding and causal mask", pairs);
      weights = tape_.op("mask as bias", mul(pairs, p_.element), {mask, q});
    }
    const TapeId out = tape_.op("attention", of(mul(heads, v_dim)), {weights, q, keys, values, k, v});
    return eager ? tape_.op("contiguous", of(mul(heads, v_dim)), {out}) : out;
  }

  TapeId attention(const Attention& a, TapeId x) {
    const std::int64_t q_width = mul(a.num_attention_heads, a.head_dim);
    const TapeId q = tape_.op("q_proj", of(a.output_gate ? 2 * q_width : q_width), {x});
    const TapeId k = tape_.op("k_proj", of(mul(a.num_key_value_heads, a.head_dim)), {x});
    const TapeId v = tape_.op("v_proj", of(mul(a.num_key_value_heads, a.v_head_dim)), {x});
    const TapeId q_turned = rotary(q, q_width);
    const TapeId k_turned = rotary(k, mul(a.num_key_value_heads, a.head_dim));
    // From here on the attention reads what the cache holds, which is counted there.
    const TapeId cache = tape_.op("past_key_values.update", 0, {k_turned, v});
    const TapeId out =
        core_attention(q_turned, cache, cache, a.num_attention_heads, a.num_key_value_heads, a.head_dim, a.v_head_dim);
    return tape_.op("o_proj", of(p_.hidden), {out, x});
  }

  TapeId latent(const LatentAttention& a, TapeId x) {
    const std::int64_t heads = a.num_attention_heads;
    const std::int64_t qk = a.qk_nope_head_dim + a.qk_rope_head_dim;
    const TapeId q = tape_.op("q_proj", of(mul(heads, qk)), {x});
    const TapeId down = tape_.op("kv_a_proj", of(a.kv_lora_rank + a.qk_rope_head_dim), {x});
    const TapeId up = tape_.op("kv_b_proj", of(mul(heads, a.qk_nope_head_dim + a.v_head_dim)), {down});
    const TapeId queries = tape_.op("query_states", of(mul(heads, qk)), {q});
    const TapeId keys = tape_.op("key_states", of(mul(heads, qk)), {up, down});
    const TapeId cache = tape_.op("past_key_values.update", 0, {keys, up});
    const TapeId out = core_attention(queries, cache, cache, heads, heads, qk, a.v_head_dim);
    return tape_.op("o_proj", of(p_.hidden), {out, x});
  }

  TapeId compressed(const CompressedAttention& a, TapeId x) {
    const TapeId q = tape_.op("q_proj", of(mul(a.num_attention_heads, a.head_dim)), {x});
    const TapeId kv = tape_.op("kv_proj", of(a.head_dim), {x});
    const TapeId cache = tape_.op("past_key_values.update", 0, {kv});
    const TapeId out = core_attention(q, cache, cache, a.num_attention_heads, 1, a.head_dim, a.head_dim);
    return tape_.op("o_proj", of(p_.hidden), {out, x});
  }

  // The fused kernels of mamba-ssm and flash-linear-attention: one state per chunk of 256 or 64 tokens.
  TapeId mixer(const StateMixer& m, TapeId x) {
    const std::int64_t chunk = m.kind == StateMixer::Kind::mamba2 ? 256 : 64;
    const TapeId in = tape_.op("in_proj", of(m.in_proj), {x});
    const TapeId conv = tape_.op("conv1d", of(m.conv_channels), {in});
    const TapeId states =
        tape_.op("chunk states", product({p_.rows, ceil_div(p_.tokens, chunk), m.state_elements, 4}), {conv});
    const TapeId out = tape_.op("scan", of(m.d_inner), {in, conv, states});
    return tape_.op("out_proj", of(p_.hidden), {out, x});
  }

  // down_proj(act_fn(gate_proj(x)) * up_proj(x))
  TapeId dense(std::int64_t width, bool gated, TapeId x) {
    const TapeId gate = tape_.op("gate_proj", of(width), {x});
    TapeId inner = tape_.op("act_fn", of(width), {gate});
    if (gated) {
      const TapeId up = tape_.op("up_proj", of(width), {x});
      inner = tape_.op("act * up", of(width), {inner, up});
    }
    return tape_.op("down_proj", of(p_.hidden), {inner, x});
  }

  // The router, a one-hot mask in int64, and one expert after the other on its even share of the tokens.
  TapeId routed(const Experts& e, TapeId x) {
    const std::int64_t share = ceil_div(mul(tokens_, e.num_experts_per_tok), std::max<std::int64_t>(1, e.num_experts));
    const std::int64_t inner = e.expert_hidden_size > 0 ? e.expert_hidden_size : p_.hidden;
    const auto shared_out = [&](std::int64_t width) { return product({share, width, p_.element}); };
    const TapeId logits = tape_.op("router logits", of(e.num_experts), {x});
    const TapeId weights = tape_.op("router softmax", in32(e.num_experts), {logits});
    const TapeId mask = tape_.op("expert_mask", product({tokens_, e.num_experts_per_tok, e.num_experts, 8}), {weights});
    const TapeId sum = tape_.op("final_hidden_states", of(inner), {x});
    const TapeId tokens = tape_.op("expert: tokens", shared_out(inner), {x, mask});
    const TapeId gate = tape_.op("expert: gate", shared_out(e.moe_intermediate_size), {tokens});
    const TapeId act = tape_.op("expert: act", shared_out(e.moe_intermediate_size), {gate});
    const TapeId up = tape_.op("expert: up", shared_out(e.moe_intermediate_size), {tokens});
    const TapeId both = tape_.op("expert: act * up", shared_out(e.moe_intermediate_size), {act, up});
    const TapeId down = tape_.op("expert: down", shared_out(inner), {both});
    const TapeId out = tape_.op_inplace("index_add_", of(p_.hidden), {sum, down, mask, x});
    if (e.shared_intermediate_size == 0) return out;
    const TapeId shared = dense(e.shared_intermediate_size, e.gated, x);
    return tape_.op("add", of(p_.hidden), {out, shared});
  }

 private:
  Prefill p_;
  std::int64_t tokens_;
  std::int64_t keys_;
  Tape tape_;
};

}  // namespace

Tape prefill_tape(const Prefill& prefill, const Layer& layer) {
  Writer w(prefill);
  // The model's forward() holds the embeddings and the input of each layer while the layer runs.
  w.tape().mark_output(w.tape().input("inputs_embeds", w.of(prefill.hidden)));
  TapeId residual = w.tape().input("hidden_states", w.of(prefill.hidden));
  w.tape().mark_output(residual);
  const auto block = [&](auto&& run) {
    const TapeId out = run(w.norm(residual));
    residual = w.tape().op("residual + hidden_states", w.of(prefill.hidden), {residual, out});
  };
  if (layer.attention) block([&](TapeId x) { return w.attention(*layer.attention, x); });
  if (layer.latent) block([&](TapeId x) { return w.latent(*layer.latent, x); });
  if (layer.compressed) block([&](TapeId x) { return w.compressed(*layer.compressed, x); });
  if (layer.state) block([&](TapeId x) { return w.mixer(*layer.state, x); });
  if (layer.experts) {
    block([&](TapeId x) { return w.routed(*layer.experts, x); });
  } else if (layer.ffn) {
    block([&](TapeId x) { return w.dense(layer.ffn->intermediate_size, layer.ffn->gated, x); });
  }
  w.tape().mark_output(residual);
  return std::move(w.tape());
}

Tape logits_tape(const Prefill& prefill, std::int64_t vocab_size, bool whole_prompt) {
  Tape tape;
  const std::int64_t tokens = mul(prefill.rows, prefill.tokens);
  const TapeId hidden = tape.input("hidden_states", product({tokens, prefill.hidden, prefill.element}));
  const std::int64_t rows = whole_prompt ? tokens : prefill.rows;
  const TapeId logits = tape.op("lm_head", product({rows, vocab_size, prefill.element}), {hidden});
  const TapeId wide = tape.op("logits in float32", product({rows, vocab_size, 4}), {logits});
  tape.op("scores of the last token", product({prefill.rows, vocab_size, 4}), {wide});
  tape.mark_output(hidden);
  return tape;
}

}  // namespace vram
