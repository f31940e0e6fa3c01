// Gemma 3n and Gemma 4: embeddings per layer, layers that share an earlier layer's cache.
// transformers gemma3n/modeling_gemma3n.py and gemma4/modeling_gemma4.py.
#include "read/readers.hpp"
#include "read/shape.hpp"

namespace vram::read {
namespace {

void write_per_layer_inputs(TensorWriter& out, const Keys& text, const Shape& shape, std::int64_t width) {
  out.matrix(Role::per_layer_token_embd, shape.layers * width,
             text.integer("vocab_size_per_layer_input", 1, kMaxVocab));
  out.matrix(Role::per_layer_model_proj, shape.hidden, shape.layers * width);
  out.vector(Role::norm, width);
}

void write_per_layer_block(TensorWriter& out, std::int64_t hidden, std::int64_t width) {
  out.matrix(Role::per_layer_inp_gate, hidden, width);
  out.matrix(Role::per_layer_proj, width, hidden);
  out.vector(Role::norm, hidden);
}

std::int64_t shared_layers(const Keys& text, const Shape& shape) {
  return text.integer_or("num_kv_shared_layers", 0, shape.layers - 1, 0);
}

Attention plain_attention(const Shape& shape) {
  Attention a;
  a.num_attention_heads = shape.heads;
  a.num_key_value_heads = shape.kv_heads;
  a.head_dim = a.v_head_dim = shape.head_dim;
  a.qk_norm = true;
  return a;
}

}  // namespace

void read_gemma3n(Reading& reading) {
  const Keys& text = reading.text;
  Model& model = reading.model;
  const Json* sizes = text.find("intermediate_size");
  const bool listed = sizes != nullptr && sizes->is_array();
  Shape shape = read_sizes(reading);
  read_heads(reading, shape);
  const std::vector<LayerKind> kinds = layer_kinds(reading, shape.layers);
  const std::int64_t width = text.integer("hidden_size_per_layer_input", 1, 65536);
  const std::int64_t streams = text.integer("altup_num_inputs", 1, 64);
  const std::int64_t rank = text.integer("laurel_rank", 1, kMaxWidth);
  const std::int64_t cached = shape.layers - shared_layers(text, shape);
  const std::int64_t hidden = shape.hidden;

  TensorWriter out(model, text.path());
  model.tensors.reserve(20 * kinds.size() + 8);
  write_ends(out, reading, shape);
  write_per_layer_inputs(out, text, shape, width);
  if (streams > 1) out.matrix(Role::altup_proj, hidden, hidden, 2 * (streams - 1));
  Style style;
  style.norms = 4;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    Layer layer;
    layer.attention = plain_attention(shape);
    layer.attention->span = kinds[i].span;
    layer.attention->window = kinds[i].span == Span::sliding ? window_of(reading) : 0;
    layer.attention->caches = static_cast<std::int64_t>(i) < cached;
    layer.ffn = FeedForward{listed ? text.item("intermediate_size", i, 1, kMaxWidth) : shape.intermediate, true, false};
    out.at(Part::text, static_cast<std::int64_t>(i));
    write_layer(out, layer, hidden, style);
    out.vector(Role::vector, hidden);  // scale of the corrected output
    out.matrix(Role::altup_coef, streams, streams);
    out.matrix(Role::altup_coef, streams, streams * streams);
    out.matrix(Role::altup_router, hidden, streams);
    out.vector(Role::norm, hidden);
    out.matrix(Role::laurel_l, hidden, rank);
    out.matrix(Role::laurel_r, rank, hidden);
    out.vector(Role::norm, hidden);
    write_per_layer_block(out, hidden, width);
    model.layers.push_back(layer);
  }
  if (reading.outer_type == "gemma3n") {
    model.warnings.push_back({reading.whole.path(),
                              "the vision and audio towers of Gemma 3n are not modelled and "
                              "missing from the estimate"});
  }
}

void read_gemma4(Reading& reading) {
  const Keys& text = reading.text;
  Model& model = reading.model;
  Shape shape = read_sizes(reading);
  read_heads(reading, shape);
  const std::vector<LayerKind> kinds = layer_kinds(reading, shape.layers);
  const std::int64_t width = text.integer_or("hidden_size_per_layer_input", 0, 65536, 0);
  const std::int64_t cached = shape.layers - shared_layers(text, shape);
  const std::int64_t global_dim = text.integer_or("global_head_dim", 1, kMaxHeadDim, shape.head_dim);
  const bool keys_are_values = text.flag("attention_k_eq_v", false);
  const std::int64_t global_kv = text.integer_or("num_global_key_value_heads", 1, kMaxHeads, shape.kv_heads);
  if (keys_are_values && shape.heads % global_kv != 0) {
    text.refuse_at("num_global_key_value_heads", "num_global_key_value_heads must divide num_attention_heads",
                   "a divisor of " + std::to_string(shape.heads));
  }
  const bool double_wide = text.flag("use_double_wide_mlp", false);
  model.rope_tables = 1;  // of the layers that see everything (conversion/gemma.py)
  ExpertPlan plan;
  if (text.flag("enable_moe_block", false)) {
    plan = read_experts(reading, shape);
  } else {
    for (const std::string_view unused : {"num_experts", "top_k_experts", "moe_intermediate_size"}) text.has(unused);
  }

  TensorWriter out(model, text.path());
  model.tensors.reserve(16 * kinds.size() + 8);
  write_ends(out, reading, shape);
  if (width > 0) {
    write_per_layer_inputs(out, text, shape, width);
  } else {
    text.has("vocab_size_per_layer_input");
  }
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const bool full = kinds[i].span == Span::full;
    const bool shared = index >= cached;
    Style style;
    style.norms = 4;
    style.no_v_proj = full && keys_are_values;
    style.fused_gate_up_exps = true;
    Layer layer;
    Attention& a = layer.attention.emplace(plain_attention(shape));
    a.span = kinds[i].span;
    a.window = full ? 0 : window_of(reading);
    a.caches = !shared;
    if (full) a.head_dim = a.v_head_dim = global_dim;
    if (style.no_v_proj) a.num_key_value_heads = global_kv;
    layer.ffn = FeedForward{shape.intermediate * (double_wide && shared ? 2 : 1), true, false};
    if (plan.experts.num_experts > 0) layer.experts = plan.experts;
    out.at(Part::text, index);
    write_layer(out, layer, shape.hidden, style);
    out.vector(Role::vector, 1);  // layer scale
    if (width > 0) write_per_layer_block(out, shape.hidden, width);
    if (layer.experts) {
      out.vector(Role::vector, shape.hidden);                     // router scale
      out.cube(Role::vector, 1, 1, plan.experts.num_experts, 0);  // scale per expert
      out.vector(Role::norm, shape.hidden, 3);
    }
    model.layers.push_back(std::move(layer));
  }
}

}  // namespace vram::read
