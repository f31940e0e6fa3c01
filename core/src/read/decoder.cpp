// The generic decoder: every family that is a row of the table in families.cpp and no more.
#include <algorithm>

#include "read/limits.hpp"
#include "read/shape.hpp"

namespace vram::read {
namespace {

constexpr std::string_view kMlpBias[] = {"mlp_bias", "use_bias", "bias"};

bool qk_norm_of(const Keys& text, QkNorm rule, bool& all_heads) {
  switch (rule) {
    case QkNorm::none: return false;
    case QkNorm::per_head: return true;
    case QkNorm::all_heads: all_heads = true; return true;
    case QkNorm::per_head_if_set: return text.flag("use_qk_norm", false);
    case QkNorm::all_heads_if_set:  // MiniMax-M2 spells it out: per_layer or per_head
      all_heads = text.text_or("qk_norm_type", "per_layer") == "per_layer";
      return text.flag("use_qk_norm", false);
  }
  return false;
}

Style read_style(const Reading& reading) {
  const Keys& text = reading.text;
  const Family& family = reading.family;
  Style style;
  style.norms = family.norms;
  if (family.model_type == "falcon") {  // one norm where attention and feed-forward share their input
    const bool two = text.flag("new_decoder_architecture", false) || !text.flag("parallel_attn", true);
    style.norms = two ? 2 : 1;
  }
  style.norm_vectors = family.norm_vectors;
  style.o_bias = settled(family.o_bias, text, kQkvBias);
  style.mlp_bias = settled(family.mlp_bias, text, kMlpBias);
  style.router_bias = family.router_bias;
  style.expert_bias = family.expert_bias;
  style.selection_bias = family.selection_bias || text.text_or("topk_method", "") == "noaux_tc";
  style.shared_gate = family.shared == SharedExperts::gated;
  style.split_kv_b = family.model_type != "minicpm3";
  style.split_beta_alpha = family.model_type == "qwen3_5";
  return style;
}

Attention base_attention(const Reading& reading, const Shape& shape, Style& style) {
  const Keys& text = reading.text;
  const Family& family = reading.family;
  Attention a;
  a.num_attention_heads = shape.heads;
  a.num_key_value_heads = shape.kv_heads;
  a.head_dim = shape.head_dim;
  a.v_head_dim = shape.v_head_dim;
  a.fused_qkv = family.fused_qkv;
  a.output_gate = family.output_gate && text.flag("attn_output_gate", true);
  a.sinks = family.sinks;
  a.bias = settled(family.qkv_bias, text, kQkvBias);
  if (family.model_type == "chatglm") a.bias = a.bias || text.flag("add_bias_linear", false);
  if (reading.outer_type == "glm4v_moe") a.bias = true;
  a.qk_norm = qk_norm_of(text, family.qk_norm, style.qk_norm_all);
  return a;
}

// MiMo-V2-Flash gives its windowed layers heads of their own.
void use_swa_heads(const Keys& text, Attention& a) {
  const bool sliding = a.span == Span::sliding;
  if (sliding) {
    a.num_attention_heads = text.integer("swa_num_attention_heads", 1, kMaxHeads);
    a.num_key_value_heads = text.integer("swa_num_key_value_heads", 1, kMaxHeads);
    a.head_dim = text.integer("swa_head_dim", 1, kMaxHeadDim);
    a.v_head_dim = text.integer("swa_v_head_dim", 1, kMaxHeadDim);
    if (a.num_attention_heads % a.num_key_value_heads != 0) {
      text.refuse_at("swa_num_key_value_heads", "swa_num_key_value_heads must divide swa_num_attention_heads",
                     "a divisor of " + std::to_string(a.num_attention_heads));
    }
  } else {
    a.v_head_dim = text.integer("v_head_dim", 1, kMaxHeadDim);
  }
  a.sinks = text.flag(sliding ? "add_swa_attention_sink_bias" : "add_full_attention_sink_bias", false);
}

// Keys that cross layers of mllama keep for one image: every patch and the class token of every tile.
std::int64_t image_keys(const Keys& whole) {
  const Json* object = whole.find("vision_config");
  if (object == nullptr) return 4 * 1601;  // Llama-3.2-Vision: four tiles of 560 / 14 squared + 1
  const Keys vision(*object, whole.path_of("vision_config"));
  const std::int64_t patch = vision.integer_or("patch_size", 1, 4096, 14);
  const std::int64_t side = vision.integer_or("image_size", patch, 1 << 20, std::max<std::int64_t>(patch, 560)) / patch;
  return (side * side + 1) * vision.integer_or("max_num_tiles", 1, 1024, 4);
}

Layer make_layer(const Reading& reading, const Shape& shape, const LayerKind& kind, const Attention& base,
                 std::int64_t index, Style& style) {
  const Keys& text = reading.text;
  Layer layer;
  switch (kind.mixer) {
    case Mixer::attention:
    case Mixer::attention_and_mamba2:
      layer.attention = base;
      layer.attention->span = kind.span;
      if (kind.span == Span::sliding || kind.span == Span::chunked) layer.attention->window = window_of(reading);
      if (kind.span == Span::cross) layer.attention->cross_tokens = image_keys(reading.whole);
      if (reading.family.model_type == "mimo_v2_flash") use_swa_heads(text, *layer.attention);
      if (kind.mixer == Mixer::attention_and_mamba2) layer.state = read_mamba2(text, shape, true, style);
      break;
    case Mixer::latent: layer.latent = read_latent(text, shape, index); break;
    case Mixer::mamba1: layer.state = read_mamba1(text, shape, reading.family.model_type == "jamba", style); break;
    case Mixer::mamba2: layer.state = read_mamba2(text, shape, false, style); break;
    case Mixer::delta_net: layer.state = read_delta_net(text); break;
    case Mixer::kda: layer.state = read_kda(text); break;
    case Mixer::lightning: layer.state = read_lightning(shape); break;
    case Mixer::short_conv:
      layer.state = read_short_conv(text, shape);
      style.mamba_bias = text.flag("conv_bias", false);
      break;
  }
  return layer;
}

FeedForward dense_ffn(const Reading& reading, const Shape& shape) {
  const Family& family = reading.family;
  std::int64_t width = shape.intermediate;
  if (family.shared == SharedExperts::shared_size) {
    width = reading.text.integer("shared_intermediate_size", 1, kMaxWidth);
  } else if (!family.dense_size_key.empty() && reading.text.has(family.dense_size_key)) {
    width = reading.text.integer(family.dense_size_key, 1, kMaxWidth);
  } else if (width <= 0) {
    width = reading.text.integer(kIntermediate, 1, kMaxWidth);
  }
  return {width, family.gated, family.fused_gate_up};
}

bool same_kind(const LayerKind& a, const LayerKind& b) { return a.mixer == b.mixer && a.span == b.span; }

// One multi-token-prediction layer: a layer like the last, a projection of [embedding; hidden], three norms
// (DeepSeek-V3, arXiv:2412.19437, section 2.2).
void write_mtp(Reading& reading, TensorWriter& out, const Shape& shape, const Layer& last, const ExpertPlan& plan,
               const Style& style) {
  const Keys& text = reading.text;
  const Family& family = reading.family;
  if (text.flag("mtp_use_dedicated_embeddings", false)) {
    reading.model.warnings.push_back({text.path_of("mtp_use_dedicated_embeddings"),
                                      "embeddings of the multi-token-prediction layers are missing from the estimate"});
  }
  if (family.no_mtp) {
    for (const std::string_view key : {"use_mtp", "num_mtp_modules", "mtp_transformer_layers"}) text.has(key);
  }
  const std::int64_t stated = text.integer_or(kMtpLayers, 0, 64, 0);
  const std::int64_t count = family.no_mtp                                   ? 0
                             : text.first(kMtpLayers).empty() || stated == 0 ? family.default_mtp
                                                                             : stated;
  reading.model.mtp_layers = static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) {
    out.at(Part::mtp, shape.layers + i);
    Layer layer;
    if (last.latent) {
      layer.latent = read_latent(text, shape, shape.layers + i);
    } else {
      layer.attention = last.attention;
    }
    if (plan.experts.num_experts > 0) {
      layer.experts = plan.experts;
    } else {
      layer.ffn = dense_ffn(reading, shape);
    }
    write_layer(out, layer, shape.hidden, style);
    out.matrix(Role::matrix, 2 * shape.hidden, shape.hidden);
    out.vector(Role::norm, shape.hidden, 3);
  }
}

// MiMo-V2-Flash checkpoints hold three dense windowed layers that config.json does not mention.
void write_mimo_mtp(Reading& reading, TensorWriter& out, const Shape& shape, const std::vector<Layer>& layers) {
  for (const Layer& layer : layers) {
    if (!layer.attention || layer.attention->span != Span::sliding) continue;
    reading.model.mtp_layers = 3;
    for (std::int64_t i = 0; i < 3; ++i) {
      out.at(Part::mtp, shape.layers + i);
      Layer one;
      one.attention = layer.attention;
      one.ffn = FeedForward{shape.intermediate, true, false};
      write_layer(out, one, shape.hidden, Style{});
      out.matrix(Role::matrix, 2 * shape.hidden, shape.hidden);
      out.vector(Role::norm, shape.hidden, 3);
    }
    return;
  }
}

}  // namespace

void read_decoder(Reading& reading) {
  const Keys& text = reading.text;
  const Family& family = reading.family;
  Model& model = reading.model;
  Shape shape = read_sizes(reading);
  const std::vector<LayerKind> kinds = layer_kinds(reading, shape.layers);
  bool any_attention = false;
  for (const LayerKind& kind : kinds) {
    any_attention |=
        kind.mixer == Mixer::attention || kind.mixer == Mixer::attention_and_mamba2 || kind.mixer == Mixer::lightning;
  }
  if (any_attention) {
    read_heads(reading, shape);
  } else if (family.latent || family.model_type == "kimi_linear") {
    shape.heads = text.integer(kHeads, 1, kMaxHeads);
  }
  const ExpertPlan plan = read_experts(reading, shape);
  if (plan.experts.num_experts == 0) text.first(kExpertsPerToken);
  if (!family.dense_size_key.empty()) text.has(family.dense_size_key);
  if (family.shared == SharedExperts::counted) text.has("shared_intermediate_size");
  if (family.model_type == "granitemoehybrid") {  // dense ones keep the keys of the mixers they lack
    for (const std::string_view key : {"mamba_n_heads", "mamba_d_head", "mamba_d_state", "mamba_n_groups"})
      text.has(key);
  }
  Style style = read_style(reading);
  const bool has_ffn = family.model_type != "mamba" && family.model_type != "mamba2";
  const Attention base = any_attention ? base_attention(reading, shape, style) : Attention{};
  const bool per_layer_latent = text.has("indexer_types");

  model.layers.reserve(kinds.size());
  model.tensors.reserve(16 * kinds.size() + 16);
  TensorWriter out(model, text.path());
  write_ends(out, reading, shape);
  FeedForward ffn;
  bool ffn_known = false;
  const bool latent_norm = text.flag("latent_moe_use_norm", false);
  const bool latent_gate = text.flag("mla_use_output_gate", false);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const bool routed = plan.experts.num_experts > 0 && plan.layers[i];
    // A layer of the kind just read has the same mixer: keys are read once per run of equal layers.
    Layer layer;
    if (i > 0 && same_kind(kinds[i], kinds[i - 1]) && !per_layer_latent) {
      layer.attention = model.layers[i - 1].attention;
      layer.latent = model.layers[i - 1].latent;
      layer.state = model.layers[i - 1].state;
    } else {
      layer = make_layer(reading, shape, kinds[i], base, index, style);
    }
    if (routed) {
      layer.experts = plan.experts;
    } else if (has_ffn) {
      if (!ffn_known) ffn = dense_ffn(reading, shape);
      ffn_known = true;
      layer.ffn = ffn;
    }
    out.at(Part::text, index);
    write_layer(out, layer, shape.hidden, style);
    if (kinds[i].span == Span::cross) {  // mllama: norms of queries and keys, two gates
      out.vector(Role::norm, shape.head_dim, 2);
      out.vector(Role::vector, 1, 2);
    }
    if (latent_gate && layer.latent) {
      out.matrix(Role::attn_gate, shape.hidden, shape.heads * layer.latent->v_head_dim);
    }
    if (latent_norm && routed && plan.experts.expert_hidden_size != shape.hidden) {
      out.vector(Role::norm, plan.experts.expert_hidden_size);
    }
    model.layers.push_back(std::move(layer));
  }
  if (family.model_type == "mllama") {
    out.outside(Part::text);
    out.matrix(Role::token_embd, shape.hidden, 8);  // rows for special image tokens
  }
  if (family.model_type == "molmo") {
    text.has("embedding_size");  // the rows that vocab_size counts
    out.outside(Part::text);
    out.matrix(Role::token_embd, shape.hidden, 128);  // new_embedding
  }
  if (family.model_type == "mimo_v2_flash") {
    write_mimo_mtp(reading, out, shape, model.layers);
  } else {
    write_mtp(reading, out, shape, model.layers.back(), plan, style);
  }
}

}  // namespace vram::read
