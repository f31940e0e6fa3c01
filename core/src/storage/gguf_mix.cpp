#include "storage/gguf_mix.hpp"

#include <algorithm>
#include <cmath>

namespace vram {
namespace {

// Indices into the storage table are looked up once: the mix is asked for hundreds of tensors per estimate.
struct GgmlTypes {
  const TensorType& f32 = *find_tensor_type("f32");
  const TensorType& f16 = *find_tensor_type("f16");
  const TensorType& bf16 = *find_tensor_type("bf16");
  const TensorType& q4_0 = *find_tensor_type("q4_0");
  const TensorType& q5_0 = *find_tensor_type("q5_0");
  const TensorType& q5_1 = *find_tensor_type("q5_1");
  const TensorType& q8_0 = *find_tensor_type("q8_0");
  const TensorType& q2_k = *find_tensor_type("q2_k");
  const TensorType& q3_k = *find_tensor_type("q3_k");
  const TensorType& q4_k = *find_tensor_type("q4_k");
  const TensorType& q5_k = *find_tensor_type("q5_k");
  const TensorType& q6_k = *find_tensor_type("q6_k");
  const TensorType& iq2_xxs = *find_tensor_type("iq2_xxs");
  const TensorType& iq2_s = *find_tensor_type("iq2_s");
  const TensorType& iq3_xxs = *find_tensor_type("iq3_xxs");
  const TensorType& iq3_s = *find_tensor_type("iq3_s");
  const TensorType& iq4_nl = *find_tensor_type("iq4_nl");
  const TensorType& mxfp4 = *find_tensor_type("mxfp4");
};

const GgmlTypes& types() {
  static const GgmlTypes table;
  return table;
}

bool same(const TensorType& a, const TensorType& b) { return &a == &b; }

// Rows that are not whole blocks fall back to a type with blocks of 32, and then to F16.
const TensorType& fitting(const TensorType& wanted, std::int64_t row) {
  const GgmlTypes& t = types();
  if (row % wanted.block_elements == 0) return wanted;
  const TensorType* fallback = &wanted;
  if (wanted.id.starts_with("iq")) fallback = &t.iq4_nl;
  if (same(wanted, t.q2_k) || same(wanted, t.q3_k) || wanted.id.starts_with("tq") || wanted.id == "q2_0") {
    fallback = &t.q4_0;
  }
  if (same(wanted, t.q4_k)) fallback = &t.q5_0;
  if (same(wanted, t.q5_k)) fallback = &t.q5_1;
  if (same(wanted, t.q6_k)) fallback = &t.q8_0;
  return row % fallback->block_elements == 0 ? *fallback : t.f16;
}

bool stays_f32(Role role) {
  switch (role) {
    case Role::norm:
    case Role::bias:
    case Role::vector:
    case Role::output_norm:
    case Role::token_types:
    case Role::position_embd:
    case Role::ffn_gate_inp:
    case Role::ffn_gate_inp_shexp:
    case Role::ssm_conv1d:
    case Role::ssm_a:
    case Role::ssm_d:
    case Role::shortconv_conv:
    case Role::altup_coef: return true;
    default: return false;
  }
}

}  // namespace

GgufMix::Group GgufMix::group_of(const Tensor& tensor) {
  switch (tensor.role) {
    case Role::output: return Group::output;
    case Role::token_embd:
    case Role::per_layer_token_embd: return Group::token_embd;
    case Role::attn_q: return Group::attn_q;
    case Role::attn_k: return Group::attn_k;
    case Role::attn_v: return Group::attn_v;
    case Role::attn_qkv: return Group::attn_qkv;
    case Role::attn_kv_b: return Group::attn_kv_b;
    case Role::attn_output: return Group::attn_output;
    case Role::ffn_up:
    case Role::ffn_up_exps:
    case Role::ffn_up_shexp: return Group::ffn_up;
    case Role::ffn_gate:
    case Role::ffn_gate_exps:
    case Role::ffn_gate_shexp:
    case Role::ffn_gate_up_exps: return Group::ffn_gate;
    case Role::ffn_down:
    case Role::ffn_down_exps:
    case Role::ffn_down_shexp: return Group::ffn_down;
    // Small matrices that the quantizer leaves as they are.
    case Role::altup_proj:
    case Role::altup_router:
    case Role::laurel_l:
    case Role::laurel_r:
    case Role::per_layer_model_proj:
    case Role::time_mix: return Group::kept;
    default: return Group::other;
  }
}

GgufMix::GgufMix(const WeightFormat& format, const Model& model) : format_(format) {
  const auto mtp = static_cast<std::int64_t>(std::ceil(model.mtp_layers));
  layer_count_ = static_cast<std::int64_t>(model.layers.size()) + mtp;
  layers_.resize(static_cast<std::size_t>(layer_count_));
  falcon_ = model.gguf_arch == "falcon";
  for (const vram::Layer& layer : model.layers) {
    if (layer.experts) expert_count_ = std::max(expert_count_, layer.experts->num_experts);
  }
  if (!model.layers.empty()) {
    const vram::Layer& first = model.layers.front();
    if (first.attention && first.attention->num_key_value_heads > 0) {
      gqa_ = first.attention->num_attention_heads / first.attention->num_key_value_heads;
    }
    // These state their heads once for all layers, though the first ones have none (the metadata has no list).
    if (model.gguf_arch == "qwen3next" || model.gguf_arch.starts_with("qwen35")) {
      for (const vram::Layer& layer : model.layers) {
        if (!layer.attention || layer.attention->num_key_value_heads <= 0) continue;
        gqa_ = layer.attention->num_attention_heads / layer.attention->num_key_value_heads;
        break;
      }
    }
    if (first.latent) gqa_ = first.latent->num_attention_heads;  // one latent head stands for all keys
    if (model.layers.size() == 80) {
      const bool grouped = gqa_ > 1;
      is_70b_ = (model.gguf_arch == "llama" && grouped) || model.gguf_arch == "qwen2" || model.gguf_arch == "deci" ||
                model.gguf_arch == "olmo";
    }
    if (model.layers.size() == 68 && model.gguf_arch == "jais2") is_70b_ = true;
  }
  for (const Tensor& tensor : model.tensors) {
    if (tensor.role == Role::output) tied_ = false;
    if (tensor.layer < 0 || tensor.layer >= layer_count_) continue;
    vram::GgufMix::Layer& layer = layers_[static_cast<std::size_t>(tensor.layer)];
    const Group group = group_of(tensor);
    if (group == Group::attn_v || group == Group::attn_qkv || group == Group::attn_kv_b) ++layer.attn_v_before;
    if (group == Group::ffn_down) ++layer.ffn_down_before;
    if (tensor.role == Role::ffn_down_exps) layer.routed_down = true;
  }
  std::int32_t down = 0;
  std::int32_t values = 0;
  for (Layer& layer : layers_) {
    const std::int32_t here_down = layer.ffn_down_before, here_values = layer.attn_v_before;
    layer.ffn_down_before = down;
    layer.attn_v_before = values;
    down += here_down;
    values += here_values;
  }
  attn_v_count_ = values;
}

bool GgufMix::is_one_of(std::initializer_list<std::string_view> ids) const {
  return std::find(ids.begin(), ids.end(), format_.id) != ids.end();
}

bool GgufMix::use_more_bits(std::int64_t i, std::int64_t n) const {
  return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
}

std::int64_t GgufMix::attn_v_index(const Tensor& tensor) const {
  if (tensor.layer < 0 || tensor.layer >= layer_count_) return 0;
  return layers_[static_cast<std::size_t>(tensor.layer)].attn_v_before;
}

// Down projections in the order of their names: routed experts before the shared one.
std::int64_t GgufMix::ffn_down_counter(const Tensor& tensor) const {
  if (tensor.layer < 0 || tensor.layer >= layer_count_) return 0;
  const Layer& layer = layers_[static_cast<std::size_t>(tensor.layer)];
  return layer.ffn_down_before + (tensor.role == Role::ffn_down_shexp && layer.routed_down);
}

const TensorType& GgufMix::type_of(const Tensor& tensor) const {
  if (format_.as_stored && tensor.stored != nullptr) return *tensor.stored;
  const GgmlTypes& t = types();
  // One-dimensional tensors and the small ones that set precision stay in F32 in every converted file
  // (conversion/base.py), and the quantizer never touches them.
  if (tensor.is_1d() || stays_f32(tensor.role)) return t.f32;
  const TensorType& base = *format_.type;
  if (base.block_elements == 1) return base;
  const Group group = group_of(tensor);
  if (group == Group::kept) return t.f16;
  return fitting(pick(tensor, group), tensor.ne0);
}

const TensorType& GgufMix::pick(const Tensor& tensor, Group group) const {
  const GgmlTypes& t = types();
  const TensorType& base = *format_.type;
  if (group == Group::output || (tied_ && group == Group::token_embd)) return pick_output(tensor);
  if (is("mxfp4_moe")) return tensor.ne2 > 1 ? t.mxfp4 : t.q8_0;
  if (group == Group::token_embd) {
    if (is_one_of({"iq2_xxs", "iq2_xs", "iq1_s", "iq1_m"})) return t.q2_k;
    if (is_one_of({"iq2_s", "iq2_m", "iq3_xxs"})) return t.iq3_s;
    if (is_one_of({"tq1_0", "tq2_0", "q2_0"})) return t.q4_k;
    return base;
  }
  if (is_one_of({"iq2_xxs", "iq2_xs", "iq1_s", "iq2_s", "iq2_m", "iq1_m"})) return pick_low_bit(tensor, group);
  switch (group) {
    case Group::attn_v:
    case Group::attn_kv_b:
    case Group::attn_qkv: return pick_attn_v(tensor, group);
    case Group::attn_k:
      if (expert_count_ == 8) return t.q8_0;
      [[fallthrough]];
    case Group::attn_q:
      if (is("iq3_xs")) return t.iq3_xxs;
      if (is("iq3_xxs")) return t.iq2_s;
      return base;
    case Group::ffn_down: return pick_ffn_down(tensor);
    case Group::attn_output: return pick_attn_output();
    case Group::ffn_gate:
    case Group::ffn_up: {
      const bool middle = tensor.layer >= layer_count_ / 8 && tensor.layer < 7 * layer_count_ / 8;
      return is("iq3_xs") && middle ? t.iq3_xxs : base;
    }
    default: return base;
  }
}

const TensorType& GgufMix::pick_output(const Tensor& tensor) const {
  const GgmlTypes& t = types();
  const TensorType& base = *format_.type;
  if (is("mxfp4_moe") || falcon_ || tensor.ne0 % base.block_elements != 0) return t.q8_0;
  if (is_one_of({"iq2_xxs", "iq2_xs", "iq3_xxs", "iq1_s", "iq2_s", "iq2_m", "iq1_m"})) return t.q5_k;
  return same(base, t.q8_0) ? base : t.q6_k;
}

const TensorType& GgufMix::pick_low_bit(const Tensor& tensor, Group group) const {
  const GgmlTypes& t = types();
  const bool two_bits = is_one_of({"iq2_s", "iq2_m"});
  switch (group) {
    case Group::attn_v:
    case Group::attn_qkv:
    case Group::attn_kv_b:
      if (gqa_ >= 4 || expert_count_ >= 4) return t.q4_k;
      return two_bits ? t.iq3_s : t.q2_k;
    case Group::attn_k: return expert_count_ == 8 ? t.q4_k : *format_.type;
    case Group::ffn_down:
      if (ffn_down_counter(tensor) < layer_count_ / 8) return two_bits ? t.iq3_s : t.q2_k;
      return *format_.type;
    case Group::attn_output:
      if (expert_count_ == 8) return t.q5_k;
      if (is_one_of({"iq1_s", "iq1_m"})) return t.iq2_xxs;
      return two_bits ? t.iq3_s : *format_.type;
    default: return *format_.type;
  }
}

const TensorType& GgufMix::pick_attn_v(const Tensor& tensor, Group) const {
  const GgmlTypes& t = types();
  const std::int64_t i = attn_v_index(tensor);
  const TensorType* type = format_.type;
  if (is("q2_k")) {
    type = gqa_ >= 4 ? &t.q4_k : &t.q3_k;
  } else if (is("iq3_xxs")) {
    type = gqa_ >= 4 ? &t.q4_k : &t.iq3_s;
  } else if (is_one_of({"q2_k_s", "iq3_xs", "iq3_s"})) {
    if (gqa_ >= 4) type = &t.q4_k;
  } else if (is("iq3_m")) {
    type = &t.q4_k;
  } else if (is("q3_k_m")) {
    type = i < 2 ? &t.q5_k : &t.q4_k;
  } else if (is("q3_k_l")) {
    type = &t.q5_k;
  } else if (is_one_of({"iq4_nl", "iq4_xs"})) {
    if (gqa_ >= 4) type = &t.q5_k;
  } else if (is_one_of({"q4_k_m", "q5_k_m"})) {
    if (use_more_bits(i, attn_v_count_)) type = &t.q6_k;
  } else if (is("q4_k_s")) {
    if (i < 4) type = &t.q5_k;
  }
  // The value matrix of a 70B model is eight times smaller than its queries: more bits cost little.
  if (is_70b_ && (same(*type, t.q3_k) || same(*type, t.q4_k))) type = &t.q5_k;
  if (expert_count_ == 8) type = &t.q8_0;
  return *type;
}

const TensorType& GgufMix::pick_attn_output() const {
  const GgmlTypes& t = types();
  if (falcon_) return is("q3_k_l") ? t.q4_k : *format_.type;
  if (expert_count_ == 8) {
    return is_one_of({"q2_k", "iq3_xs", "iq3_xxs", "q3_k_s", "q3_k_m", "iq4_nl", "q4_k_s", "q4_k_m", "iq3_s", "iq3_m",
                      "iq4_xs"})
               ? t.q5_k
               : *format_.type;
  }
  if (is("q2_k")) return t.q3_k;
  if (is("iq3_xxs")) return t.iq3_s;
  if (is_one_of({"q3_k_m", "iq3_m"})) return t.q4_k;
  return is("q3_k_l") ? t.q5_k : *format_.type;
}

const TensorType& GgufMix::pick_ffn_down(const Tensor& tensor) const {
  const GgmlTypes& t = types();
  const std::int64_t n = layer_count_;
  const std::int64_t i = expert_count_ > 1 ? tensor.layer : ffn_down_counter(tensor);
  const bool more = use_more_bits(i, n);
  const TensorType& base = *format_.type;
  if (is("q2_k")) return t.q3_k;
  if (is("q2_k_s")) return i < n / 8 ? t.q4_k : base;
  if (is("iq3_xxs")) return i < n / 8 ? t.q4_k : t.q3_k;
  if (is("q3_k_m")) return i < n / 16 ? t.q5_k : !falcon_ || more ? t.q4_k : t.q3_k;
  if (is("iq3_m")) return i < n / 8 || (expert_count_ == 8 && more) ? t.q4_k : base;
  if (is("q3_k_l")) return falcon_ ? t.q4_k : t.q5_k;
  if (is("q4_k_m")) {
    if (!falcon_) return more ? t.q6_k : base;
    return i < n / 16 ? t.q6_k : more ? t.q5_k : t.q4_k;
  }
  if (is_one_of({"iq4_nl", "iq4_xs"})) return i < n / 8 ? t.q5_k : base;
  if (is("q5_k_m")) return more ? t.q6_k : base;
  if (is("q4_k_s")) return !falcon_ && i < n / 8 ? t.q5_k : base;
  return base;
}

const TensorType& gguf_tensor_type(const WeightFormat& format, const Model& model, const Tensor& tensor) {
  return GgufMix(format, model).type_of(tensor);
}

}  // namespace vram
