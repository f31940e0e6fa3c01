// transformers 4.57 models/llama/modeling_llama.py and loss/loss_utils.py (ForCausalLMLoss), PEFT 0.17
// tuners/lora/layer.py, bitsandbytes 0.48 autograd/_functions.py (MatMul4Bit saves no input), with what each operation
// saves by pytorch v2.8 tools/autograd/derivatives.yaml: a product saves the factors whose partner needs a gradient,
// linear its input only when the weight is trained, softmax its result, SDPA its inputs, its output and a log-sum-exp.
#include "training/layer_tape.hpp"

#include <algorithm>

namespace vram {
namespace {

using Attn = TransformersOptions::AttnImplementation;

class Writer {
 public:
  explicit Writer(const TrainingShape& shape) : s_(shape), o_(*shape.options), tokens_(mul(shape.rows, shape.tokens)) {}

  Autograd& grad() { return g_; }
  Bytes of(std::int64_t width) const { return product({tokens_, width, s_.element}); }
  Bytes in32(std::int64_t width) const { return product({tokens_, width, 4}); }

  Var norm(Var x) {
    const bool trained = o_.method == TrainingOptions::Method::full;
    if (o_.fused_kernels) return g_.op("rms_norm", of(s_.hidden), {x}, {.inputs = {x}});
    const Var wide = s_.element == 4 ? x : g_.op("norm: float32", in32(s_.hidden), {x});
    const Var scaled = g_.op("norm: x * rsqrt", in32(s_.hidden), {wide}, {.inputs = {wide}});
    const Var narrow = s_.element == 4 ? scaled : g_.op("norm: 16 bits", of(s_.hidden), {scaled});
    return trained ? g_.op("norm: weight * x", of(s_.hidden), {narrow}, {.inputs = {narrow}})
                   : g_.op("norm: weight * x", of(s_.hidden), {narrow});
  }

  // y = x W, with an adapter beside it: B(A(x)).
  Var linear(std::string_view name, Role role, Var x, std::int64_t in, std::int64_t out) {
    return linear(name, touch_of(o_, role), x, in, out, tokens_);
  }

  Var linear(std::string_view name, Touch touch, Var x, std::int64_t in, std::int64_t out, std::int64_t tokens) {
    const Bytes result = product({tokens, out, s_.element});
    const Bytes matrix = s_.unpacks && touch != Touch::trained ? product({in, out, 2}) : 0;
    if (touch == Touch::trained) return g_.op(name, result, {x}, {.inputs = {x}});
    const Var base = g_.op(name, result, {x}, {.scratch = matrix});
    if (touch == Touch::frozen) return base;
    const Bytes e = s_.adapter_element;
    Var read = e == s_.element ? x : g_.op("adapter: input", product({tokens, in, e}), {x});
    if (o_.lora_dropout) read = g_.op("adapter: dropout", product({tokens, in, e}), {read}, {.extra = mul(tokens, in)});
    const Var a = g_.op("lora_A", product({tokens, s_.rank, e}), {read}, {.inputs = {read}});
    const Var b = g_.op("lora_B", product({tokens, out, e}), {a}, {.inputs = {a}});
    const Var scaled = g_.op("adapter: scaling", product({tokens, out, e}), {b});
    if (!o_.use_dora) return g_.sum("base + adapter", result, base, scaled);
    // tuners/lora/dora.py: the magnitude multiplies base and adapter, both of which are kept.
    const Var both =
        g_.op("dora: (mag - 1) * base + mag * adapter", result, {base, scaled}, {.inputs = {base, scaled}});
    return g_.sum("base + dora", result, base, both);
  }

  Var rotary(Var q, std::int64_t width) {
    g_.scratch("rope: x * cos, rotate_half", mul(of(width), 2));
    return g_.op("rope", of(width), {q});
  }

  Var core(Var q, Var k, Var v, std::int64_t heads, std::int64_t kv_heads, std::int64_t k_dim, std::int64_t v_dim) {
    const bool eager = o_.attn_implementation == Attn::eager;
    if (eager && heads != kv_heads) {
      k = g_.op("repeat_kv: keys", of(mul(heads, k_dim)), {k});
      v = g_.op("repeat_kv: values", of(mul(heads, v_dim)), {v});
    }
    const Bytes out = of(mul(heads, v_dim));
    if (!eager) {
      return g_.op("attention", out, {q, k, v},
                   {.inputs = {q, k, v}, .output = true, .extra = product({tokens_, heads, 4})});
    }
    const std::int64_t square = product({s_.rows, heads, s_.tokens, s_.tokens});
    const Var scores = g_.op("scores", mul(square, s_.element), {q, k}, {.inputs = {q, k}});
    const Var scaled = g_.op("scores * scaling", mul(square, s_.element), {scores});
    const Var masked = g_.op("scores + mask", mul(square, s_.element), {scaled});
    Var weights = g_.op("softmax in float32", mul(square, 4), {masked}, {.output = true});
    if (s_.element != 4) weights = g_.op("softmax in 16 bits", mul(square, s_.element), {weights});
    const Var mixed = g_.op("attention", out, {weights, v}, {.inputs = {weights, v}});
    return g_.op("contiguous", out, {mixed});
  }

  Var attention(const Attention& a, Var x) {
    const std::int64_t q_width = mul(a.num_attention_heads, a.head_dim);
    const std::int64_t k_width = mul(a.num_key_value_heads, a.head_dim);
    const std::int64_t v_width = mul(a.num_key_value_heads, a.v_head_dim);
    const Var q = linear("q_proj", Role::attn_q, x, s_.hidden, a.output_gate ? 2 * q_width : q_width);
    const Var k = linear("k_proj", Role::attn_k, x, s_.hidden, k_width);
    const Var v = linear("v_proj", Role::attn_v, x, s_.hidden, v_width);
    const Var out = core(rotary(q, q_width), rotary(k, k_width), v, a.num_attention_heads, a.num_key_value_heads,
                         a.head_dim, a.v_head_dim);
    return linear("o_proj", Role::attn_output, out, mul(a.num_attention_heads, a.v_head_dim), s_.hidden);
  }

  Var latent(const LatentAttention& a, Var x) {
    const std::int64_t heads = a.num_attention_heads;
    const std::int64_t qk = a.qk_nope_head_dim + a.qk_rope_head_dim;
    Var down = x;
    std::int64_t in = s_.hidden;
    if (a.q_lora_rank > 0) {
      down = linear("q_a_proj", Role::attn_q_a, x, s_.hidden, a.q_lora_rank);
      in = a.q_lora_rank;
    }
    const Var q = linear("q_proj", Role::attn_q, down, in, mul(heads, qk));
    const Var kv_a = linear("kv_a_proj", Role::attn_kv_a_mqa, x, s_.hidden, a.kv_lora_rank + a.qk_rope_head_dim);
    const Var kv =
        linear("kv_b_proj", Role::attn_kv_b, kv_a, a.kv_lora_rank, mul(heads, a.qk_nope_head_dim + a.v_head_dim));
    const Var queries = g_.op("query_states", of(mul(heads, qk)), {q});
    const Var keys = g_.op("key_states", of(mul(heads, qk)), {kv, kv_a});
    const Var values = g_.op("value_states", of(mul(heads, a.v_head_dim)), {kv});
    const Var out = core(queries, keys, values, heads, heads, qk, a.v_head_dim);
    return linear("o_proj", Role::attn_output, out, mul(heads, a.v_head_dim), s_.hidden);
  }

  Var compressed(const CompressedAttention& a, Var x) {
    const std::int64_t width = mul(a.num_attention_heads, a.head_dim);
    const Var q = linear("q_proj", Role::attn_q, x, s_.hidden, width);
    const Var kv = linear("kv_proj", Role::attn_k, x, s_.hidden, a.head_dim);
    return linear("o_proj", Role::attn_output, core(q, kv, kv, a.num_attention_heads, 1, a.head_dim, a.head_dim), width,
                  s_.hidden);
  }

  // Fused scans keep their inputs and a state per chunk; the kernels recompute the rest.
  Var mixer(const StateMixer& m, Var x) {
    const std::int64_t chunk = m.kind == StateMixer::Kind::mamba2 ? 256 : 64;
    const Var in = linear("in_proj", Role::ssm_in, x, s_.hidden, m.in_proj);
    const Var conv = g_.op("conv1d", of(m.conv_channels), {in}, {.inputs = {in}});
    const Bytes states = product({s_.rows, ceil_div(s_.tokens, chunk), m.state_elements, 4});
    const Var out = g_.op("scan", of(m.d_inner), {conv, in}, {.inputs = {conv, in}, .output = true, .extra = states});
    return linear("out_proj", Role::ssm_out, out, m.d_inner, s_.hidden);
  }

  // down_proj(act_fn(gate_proj(x)) * up_proj(x)) on `tokens` rows.
  Var feed_forward(Touch gate_touch, Touch down_touch, bool gated, Var x, std::int64_t in, std::int64_t width,
                   std::int64_t tokens) {
    const Bytes inner = product({tokens, width, s_.element});
    const Var gate = linear("gate_proj", gate_touch, x, in, width, tokens);
    if (gated && o_.fused_kernels) {
      const Var up = linear("up_proj", gate_touch, x, in, width, tokens);
      return linear("down_proj", down_touch, g_.op("swiglu", inner, {gate, up}, {.inputs = {gate, up}}), width, in,
                    tokens);
    }
    Var act = g_.op("act_fn", inner, {gate}, {.inputs = {gate}});
    if (gated) {
      const Var up = linear("up_proj", gate_touch, x, in, width, tokens);
      act = g_.op("act * up", inner, {act, up}, {.inputs = {act, up}});
    }
    return linear("down_proj", down_touch, act, width, in, tokens);
  }

  Var dense(std::int64_t width, bool gated, Var x) {
    return feed_forward(touch_of(o_, Role::ffn_gate), touch_of(o_, Role::ffn_down), gated, x, s_.hidden, width,
                        tokens_);
  }

  // Every token's copies go through their experts; all of them are kept.
  Var routed(const Experts& e, Var x) {
    const std::int64_t copies = mul(tokens_, e.num_experts_per_tok);
    const std::int64_t inner = e.expert_hidden_size > 0 ? e.expert_hidden_size : s_.hidden;
    const Var logits = g_.op("router logits", of(e.num_experts), {x}, {.inputs = {x}});
    const Var weights = g_.op("router softmax", in32(e.num_experts), {logits}, {.output = true});
    const Var gathered = g_.op("experts: tokens", product({copies, inner, s_.element}), {x});
    const Touch touch = touch_of(o_, Role::ffn_gate_exps);
    const Var down = feed_forward(touch, touch_of(o_, Role::ffn_down_exps), e.gated, gathered, inner,
                                  e.moe_intermediate_size, copies);
    const Var weighted =
        g_.op("experts: weighted", product({copies, inner, s_.element}), {down, weights}, {.inputs = {down}});
    const Var out = g_.op("experts: sum", of(s_.hidden), {weighted});
    if (e.shared_intermediate_size == 0) return out;
    return g_.sum("add", of(s_.hidden), out, dense(e.shared_intermediate_size, e.gated, x));
  }

 private:
  TrainingShape s_;
  const TrainingOptions& o_;
  std::int64_t tokens_;
  Autograd g_;
};

}  // namespace

Autograd::Profile layer_profile(const TrainingShape& shape, const Layer& layer) {
  Writer w(shape);
  Var x = w.grad().input("hidden_states", w.of(shape.hidden), true);
  const auto block = [&](auto&& run) { x = w.grad().sum("residual", w.of(shape.hidden), x, run(w.norm(x))); };
  if (layer.attention) block([&](Var v) { return w.attention(*layer.attention, v); });
  if (layer.latent) block([&](Var v) { return w.latent(*layer.latent, v); });
  if (layer.compressed) block([&](Var v) { return w.compressed(*layer.compressed, v); });
  if (layer.state) block([&](Var v) { return w.mixer(*layer.state, v); });
  if (layer.experts) {
    block([&](Var v) { return w.routed(*layer.experts, v); });
  } else if (layer.ffn) {
    block([&](Var v) { return w.dense(layer.ffn->intermediate_size, layer.ffn->gated, v); });
  }
  w.grad().backward(x);
  return w.grad().profile(x);
}

Autograd::Profile head_profile(const TrainingShape& shape, std::int64_t vocab_size, bool head_trained) {
  Writer w(shape);
  const TrainingOptions& o = *shape.options;
  Autograd& g = w.grad();
  const Var hidden = g.input("hidden_states", w.of(shape.hidden), true);
  const Var x = w.norm(hidden);
  const std::int64_t tokens = mul(shape.rows, shape.tokens);
  const std::int64_t chunks = o.loss == TrainingOptions::Loss::chunked ? 8 : 1;
  if (o.loss == TrainingOptions::Loss::fused_linear) {
    // Liger ops/fused_linear_cross_entropy.py: as many tokens at a time as make the logits no larger than the input;
    // the gradients of input and weight are made in the forward pass.
    const std::int64_t inc = ceil_div(vocab_size, std::max<std::int64_t>(1, shape.hidden));
    std::int64_t chunk = 1;
    while (chunk < ceil_div(tokens, inc)) chunk *= 2;
    const Bytes weight = head_trained ? product({vocab_size, shape.hidden, shape.element}) : 0;
    const Bytes logits = product({std::min(chunk, tokens), vocab_size, shape.element + 4});
    const Var loss =
        g.op("fused linear cross entropy", 512, {x}, {.extra = add(w.of(shape.hidden), weight), .scratch = logits});
    g.backward(loss);
    return g.profile(loss);
  }
  const Var logits =
      head_trained ? g.op("lm_head", w.of(vocab_size), {x}, {.inputs = {x}}) : g.op("lm_head", w.of(vocab_size), {x});
  const Bytes part = product({ceil_div(tokens, chunks), vocab_size, 4});
  if (o.fused_kernels) {
    // Compiled, or Liger's cross entropy: 32 bits exist inside a kernel only, or for one chunk.
    const Bytes scratch = chunks > 1 ? part : 0;
    const Var loss = g.op("fused cross entropy", 512, {logits}, {.inputs = {logits}, .scratch = scratch});
    g.backward(loss);
    return g.profile(loss);
  }
  // The model's output holds the logits until the step is over.
  Var wide = logits;
  if (shape.element != 4) wide = g.op("logits in float32", part, {logits});
  const Var softmax = g.op("log_softmax", part, {wide}, {.inputs = {}, .output = true, .extra = mul(part, chunks - 1)});
  const Var loss = g.op("nll_loss", 512, {softmax}, {.inputs = {logits}});
  g.backward(loss);
  return g.profile(loss);
}

}  // namespace vram
