#include "llm/engines/llama_cpp/placement.hpp"

#include <algorithm>

#include "llm/parts.hpp"
#include "storage/gguf_mix.hpp"

namespace vram::llama_cpp {
namespace {

constexpr std::int64_t kRowPadding = 512;  // MATRIX_ROW_PADDING
constexpr Bytes kAlignment = 128;
constexpr Bytes kHostAlignment = 32;  // ggml-backend.cpp, TENSOR_ALIGNMENT; pinned memory takes it over

bool is_input(Role role) {
  return role == Role::token_embd || role == Role::position_embd || role == Role::token_types ||
         role == Role::per_layer_token_embd;
}

// Everything named "_exps": --n-cpu-moe moves the experts' biases and scales with them.
bool is_routed(const Tensor& tensor) {
  switch (tensor.role) {
    case Role::ffn_gate_exps:
    case Role::ffn_up_exps:
    case Role::ffn_down_exps:
    case Role::ffn_gate_up_exps: return true;
    case Role::bias:
    case Role::vector: return tensor.ne2 > 1;
    default: return false;
  }
}

// Encoders are converted without their pooler; a classifier (rerankers) has two matrices there and keeps them.
bool is_pooler(const Model& model, const Tensor& tensor) {
  const auto outside = [](const Tensor& t) {
    return t.part == Part::text && t.layer < 0 && (t.role == Role::matrix || t.role == Role::bias);
  };
  if (model.causal || !outside(tensor)) return false;
  return std::count_if(model.tensors.begin(), model.tensors.end(),
                       [&](const Tensor& t) { return outside(t) && t.role == Role::matrix; }) < 2;
}

void add_to(WeightBytes& sum, const WeightBytes& more) {
  sum.gpu = add(sum.gpu, more.gpu);
  sum.host = add(sum.host, more.host);
}

}  // namespace

Bytes gpu_tensor_bytes(const TensorType& type, const Tensor& tensor) {
  Bytes bytes = row_bytes(type, tensor.ne0, mul(tensor.ne1, tensor.ne2));
  if (type.block_elements > 1 && tensor.ne0 % kRowPadding != 0) {
    bytes = add(bytes, row_bytes(type, kRowPadding - tensor.ne0 % kRowPadding, 1));
  }
  return mul(round_up(bytes, kAlignment), tensor.count);
}

WeightPlan plan_weights(const Model& model, const WeightFormat& format) {
  // FP16, BF16 and FP32 as llama.cpp's converter writes them: norms, biases and routers stay FP32.
  WeightFormat gguf = format;
  gguf.scheme = WeightFormat::Scheme::gguf;
  const GgufMix mix(gguf, model);
  WeightPlan plan;
  plan.layers.resize(model.layers.size());
  plan.experts.resize(model.layers.size());
  std::vector<std::vector<WeightPlan::RoleType>> by_layer(model.layers.size());
  bool head = false;
  WeightBytes embedding;
  for (const Tensor& tensor : model.tensors) {
    if (tensor.part != Part::text) continue;
    if (is_pooler(model, tensor)) continue;
    if (tensor.role == Role::opaque) {
      // Known by size only: spread over the layers, a head's share is not known.
      const Bytes bytes = stored_bytes(format, model, tensor);
      const auto n = static_cast<Bytes>(std::max<std::size_t>(plan.layers.size(), 1));
      for (WeightBytes& layer : plan.layers) add_to(layer, {ceil_div(bytes, n), ceil_div(bytes, n)});
      continue;
    }
    if (tensor.role == Role::rope_factors) continue;  // see rope_table_bytes
    const TensorType& type = mix.type_of(tensor);
    const WeightBytes bytes{
        gpu_tensor_bytes(type, tensor),
        mul(round_up(row_bytes(type, tensor.ne0, mul(tensor.ne1, tensor.ne2)), kHostAlignment), tensor.count)};
    // Norms of embeddings and the projection of per-layer embeddings belong to the first layer (src/llama-arch.cpp).
    const bool in_first = tensor.layer < 0 && (tensor.role == Role::per_layer_model_proj || tensor.role == Role::norm);
    const auto layer = static_cast<std::size_t>(in_first ? 0 : tensor.layer);
    if ((tensor.layer >= 0 || in_first) && layer < plan.layers.size()) {
      add_to(is_routed(tensor) ? plan.experts[layer] : plan.layers[layer], bytes);
      if (!tensor.is_1d()) by_layer[layer].push_back({tensor.role, &type});
    } else if (is_input(tensor.role)) {
      add_to(plan.input, bytes);
      if (tensor.role == Role::token_embd) {
        embedding = bytes;
        plan.embd_type = &type;
      }
      if (tensor.role == Role::per_layer_token_embd) plan.per_layer_embd_type = &type;
    } else {
      add_to(plan.output, bytes);
      if (tensor.role == Role::output) {
        head = true;
        plan.head_type = &type;
      }
    }
  }
  for (const std::vector<WeightPlan::RoleType>& list : by_layer) {
    plan.types.insert(plan.types.end(), list.begin(), list.end());
    plan.types_end.push_back(static_cast<std::int32_t>(plan.types.size()));
  }
  static const TensorType& f16 = *find_tensor_type("f16");
  if (plan.embd_type == nullptr) plan.embd_type = &f16;  // a model known only by its size
  if (!head) {
    if (model.causal) plan.tied_head = embedding;
    plan.head_type = plan.embd_type;
  }
  return plan;
}

Bytes rope_table_bytes(const Model& model, bool on_gpu) {
  std::int64_t widest = 0;  // Gemma 4 has heads of two sizes, the table is of the larger
  for (const Layer& layer : model.layers) {
    if (layer.attention) widest = std::max(widest, layer.attention->head_dim);
  }
  const auto turned = static_cast<std::int64_t>(model.rotary_fraction * static_cast<double>(widest));
  return model.rope_tables * round_up(4 * (turned / 2), on_gpu ? kAlignment : kHostAlignment);
}

const TensorType& WeightPlan::type_of(std::size_t layer, Role role) const {
  static const TensorType& f16 = *find_tensor_type("f16");
  const auto begin = static_cast<std::size_t>(layer == 0 ? 0 : types_end[layer - 1]);
  const auto end = static_cast<std::size_t>(types_end[layer]);
  for (std::size_t i = begin; i < end; ++i) {
    if (types[i].role == role) return *types[i].type;
  }
  return f16;
}

Placement place_layers(const Model& model, const Settings& s, int count) {
  const auto layers = static_cast<std::int64_t>(model.layers.size());
  const std::int64_t first = std::max<std::int64_t>(layers + 1 - s.n_gpu_layers, 0);
  const std::int64_t on_gpus = std::min(s.n_gpu_layers, layers + 1);
  Placement placement;
  placement.gpus = s.one_gpu ? 1 : count;
  placement.first_gpu = s.one_gpu ? static_cast<int>(s.main_gpu) : 0;
  // In float, as the engine does it: which GPU a layer on the boundary goes to depends on the rounding.
  std::vector<float> share(static_cast<std::size_t>(placement.gpus));
  const bool equal = s.one_gpu || s.tensor_split.empty();
  float sum = 0;
  for (std::size_t i = 0; i < share.size(); ++i) {
    sum += equal ? 1.0F : i < s.tensor_split.size() ? static_cast<float>(s.tensor_split[i]) : 0.0F;
    share[i] = sum;
  }
  for (float& part : share) part /= sum;
  const auto device = [&](std::int64_t layer) {
    if (layer < first || layer - first >= on_gpus) return kOnHost;
    const float at = static_cast<float>(layer - first) / static_cast<float>(on_gpus);
    return static_cast<int>(std::upper_bound(share.begin(), share.end(), at) - share.begin());
  };
  placement.layer.reserve(model.layers.size());
  for (std::int64_t i = 0; i < layers; ++i) placement.layer.push_back(device(i));
  placement.output = device(layers);
  return placement;
}

}  // namespace vram::llama_cpp
