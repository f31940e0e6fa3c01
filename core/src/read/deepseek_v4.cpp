// DeepSeek V4: windowed single-head keys, a compressed copy of the context, hyper-connections, hash-routed first
// layers. Shapes from AI-Hypercomputer/maxtext (src/maxtext/checkpoint_conversion/utils/hf_shape.py), checked against
// the published element count of DeepSeek-V4-Flash; caches follow from the shapes and have no measurement behind them.
#include "read/readers.hpp"
#include "read/shape.hpp"

namespace vram::read {
namespace {

struct V4 {
  std::int64_t hidden = 0;
  std::int64_t o_groups = 0;
  std::int64_t o_lora_rank = 0;
  std::int64_t streams = 0;  // hc_mult
};

void write_compressed(TensorWriter& out, const CompressedAttention& a, const V4& v4) {
  const std::int64_t width = a.num_attention_heads * a.head_dim;
  out.matrix(Role::attn_q_a, v4.hidden, a.q_lora_rank);
  out.vector(Role::norm, a.q_lora_rank);
  out.matrix(Role::attn_q_b, a.q_lora_rank, width);
  out.matrix(Role::attn_kv_a_mqa, v4.hidden, a.head_dim);
  out.vector(Role::norm, a.head_dim);
  out.vector(Role::vector, a.num_attention_heads);  // sinks
  out.matrix(Role::attn_output, width / v4.o_groups, v4.o_groups * v4.o_lora_rank);
  out.matrix(Role::attn_output, v4.o_groups * v4.o_lora_rank, v4.hidden);
}

// The compressor of keys, and at ratio 4 the indexer with a compressor of its own.
void write_compressor(TensorWriter& out, const CompressedAttention& a, const V4& v4) {
  const std::int64_t overlap = a.compress_ratio == 4 ? 2 : 1;
  out.matrix(Role::indexer, v4.hidden, overlap * a.head_dim, 2);
  out.matrix(Role::vector, overlap * a.head_dim, a.compress_ratio);
  out.vector(Role::norm, a.head_dim);
  if (a.index_n_heads == 0) return;
  out.matrix(Role::indexer, a.q_lora_rank, a.index_n_heads * a.index_head_dim);
  out.matrix(Role::indexer, v4.hidden, a.index_n_heads);
  out.matrix(Role::indexer, v4.hidden, 2 * a.index_head_dim, 2);
  out.matrix(Role::vector, 2 * a.index_head_dim, a.compress_ratio);
  out.vector(Role::norm, a.index_head_dim);
}

// Two hyper-connections: mixing matrix, its base and three scales.
void write_connections(TensorWriter& out, const V4& v4) {
  const std::int64_t mix = (2 + v4.streams) * v4.streams;
  out.matrix(Role::matrix, v4.streams * v4.hidden, mix, 2);
  out.vector(Role::vector, mix, 2);
  out.vector(Role::vector, 3, 2);
}

void write_head_connection(TensorWriter& out, const V4& v4) {
  out.matrix(Role::matrix, v4.streams * v4.hidden, v4.streams);
  out.vector(Role::vector, v4.streams);
  out.vector(Role::vector, 1);
}

}  // namespace

void read_deepseek_v4(Reading& reading) {
  const Keys& text = reading.text;
  Model& model = reading.model;
  Shape shape = read_sizes(reading);
  shape.heads = text.integer(kHeads, 1, kMaxHeads);
  text.first(kKvHeads);
  const ExpertPlan plan = read_experts(reading, shape);
  if (plan.experts.num_experts == 0) text.integer(kExperts, 2, kMaxExperts);
  CompressedAttention base;
  base.num_attention_heads = shape.heads;
  base.q_lora_rank = text.integer("q_lora_rank", 1, kMaxWidth);
  base.head_dim = text.integer("head_dim", 1, kMaxHeadDim);
  base.window = text.integer("sliding_window", 1, kMaxPositions);
  text.has("qk_rope_head_dim");
  const V4 v4{shape.hidden, text.integer("o_groups", 1, kMaxHeads), text.integer("o_lora_rank", 1, kMaxWidth),
              text.integer("hc_mult", 1, 64)};
  if ((base.num_attention_heads * base.head_dim) % v4.o_groups != 0) {
    text.refuse_at("o_groups", "o_groups must divide num_attention_heads x head_dim",
                   "a divisor of " + std::to_string(base.num_attention_heads * base.head_dim));
  }
  const Json* ratios = text.list("compress_ratios");
  // Published lists carry one more entry, for the multi-token-prediction layer.
  if (ratios == nullptr || ratios->size() < static_cast<std::size_t>(shape.layers)) {
    text.refuse_at("compress_ratios", "compress_ratios must have an entry for every layer",
                   std::to_string(shape.layers) + " entries");
  }
  const std::int64_t hashed = text.integer_or("num_hash_layers", 0, kMaxLayers, 0);
  Style style;
  TensorWriter out(model, text.path());
  model.layers.reserve(static_cast<std::size_t>(shape.layers));
  model.tensors.reserve(40 * static_cast<std::size_t>(shape.layers));
  write_ends(out, reading, shape);
  write_head_connection(out, v4);
  for (std::int64_t i = 0; i < shape.layers; ++i) {
    Layer layer;
    CompressedAttention& a = layer.compressed.emplace(base);
    a.compress_ratio = text.item("compress_ratios", static_cast<std::size_t>(i), 0, 1 << 20);
    if (a.compress_ratio == 4) {
      a.index_n_heads = text.integer("index_n_heads", 1, kMaxHeads);
      a.index_head_dim = text.integer("index_head_dim", 1, kMaxHeadDim);
    }
    layer.experts = plan.experts;
    out.at(Part::text, i);
    out.vector(Role::norm, shape.hidden, 2);
    write_compressed(out, a, v4);
    if (a.compress_ratio > 0) write_compressor(out, a, v4);
    write_connections(out, v4);
    write_experts(out, plan.experts, shape.hidden, style);
    if (i < hashed) {
      out.matrix(Role::vector, plan.experts.num_experts_per_tok, shape.vocab);  // expert of each token
    } else {
      out.vector(Role::bias, plan.experts.num_experts);
    }
    model.layers.push_back(std::move(layer));
  }
  const std::int64_t mtp = text.integer_or(kMtpLayers, 0, 64, 0);
  model.mtp_layers = static_cast<double>(mtp);
  for (std::int64_t i = 0; i < mtp; ++i) {
    out.at(Part::mtp, shape.layers + i);
    out.vector(Role::norm, shape.hidden, 5);
    write_compressed(out, base, v4);
    write_connections(out, v4);
    write_experts(out, plan.experts, shape.hidden, style);
    out.vector(Role::bias, plan.experts.num_experts);
    out.matrix(Role::matrix, shape.hidden, shape.hidden, 2);
    write_head_connection(out, v4);
  }
}

}  // namespace vram::read
