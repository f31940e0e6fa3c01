// Routed and shared experts, and which layers have them.
#include <algorithm>

#include "read/shape.hpp"
#include "vram/bytes.hpp"

namespace vram::read {
namespace {

constexpr std::string_view kDenseLayers[] = {"first_k_dense_replace", "num_dense_layers"};

std::vector<bool> every(std::int64_t layers, std::int64_t step, std::int64_t offset) {
  std::vector<bool> on(static_cast<std::size_t>(layers));
  for (std::int64_t i = 0; i < layers; ++i) on[static_cast<std::size_t>(i)] = i % step == offset % step;
  return on;
}

void must_fit(const Keys& text, std::string_view key, std::size_t found, std::int64_t layers) {
  if (found == static_cast<std::size_t>(layers)) return;
  refuse(
      text.path_of(key),
      std::string(key) + " has " + std::to_string(found) + " entries, the model " + std::to_string(layers) + " layers",
      "", std::to_string(layers) + " entries");
}

std::vector<bool> expert_layers(const Reading& reading, std::int64_t layers) {
  const Keys& text = reading.text;
  const std::string_view type = reading.family.model_type;
  if (type == "llama4") {
    if (const Json* list = text.list("moe_layers"); list != nullptr && !list->empty()) {
      std::vector<bool> on(static_cast<std::size_t>(layers));
      for (std::size_t i = 0; i < list->size(); ++i) {
        on[static_cast<std::size_t>(text.item("moe_layers", i, 0, layers - 1))] = true;
      }
      return on;
    }
    const std::int64_t step = text.integer_or("interleave_moe_layer_step", 1, kMaxLayers, 1);
    return every(layers, step, step - 1);
  }
  if (type == "jamba") {
    const std::int64_t period = text.integer_or("expert_layer_period", 1, kMaxLayers, 2);
    return every(layers, period, text.integer_or("expert_layer_offset", 0, kMaxLayers, 1));
  }
  if (const Json* kinds = text.list("mlp_layer_types"); kinds != nullptr) {
    must_fit(text, "mlp_layer_types", kinds->size(), layers);
    std::vector<bool> on(kinds->size());
    for (std::size_t i = 0; i < on.size(); ++i) {
      on[i] = (*kinds)[i] == "sparse";
      if (!on[i] && (*kinds)[i] != "dense") {
        refuse(text.path_of("mlp_layer_types") + "/" + std::to_string(i), "this kind of layer is not understood",
               shown((*kinds)[i]), "dense or sparse");
      }
    }
    return on;
  }
  if (const Json* frequency = text.find("moe_layer_freq"); frequency != nullptr && frequency->is_array()) {
    must_fit(text, "moe_layer_freq", frequency->size(), layers);
    std::vector<bool> on(frequency->size());
    for (std::size_t i = 0; i < on.size(); ++i) on[i] = text.item("moe_layer_freq", i, 0, 1) == 1;
    text.has("first_k_dense_replace");
    return on;
  }
  if (const std::int64_t step = text.integer_or("decoder_sparse_step", 0, kMaxLayers, 0);
      step > 0 || text.has("mlp_only_layers")) {
    std::vector<bool> on = every(layers, std::max<std::int64_t>(step, 1), std::max<std::int64_t>(step, 1) - 1);
    if (const Json* dense = text.list("mlp_only_layers"); dense != nullptr) {
      for (std::size_t i = 0; i < dense->size(); ++i) {
        on[static_cast<std::size_t>(text.item("mlp_only_layers", i, 0, layers - 1))] = false;
      }
    }
    return on;
  }
  std::vector<bool> on = every(layers, text.integer_or("moe_layer_freq", 1, kMaxLayers, 1), 0);
  const std::int64_t dense = std::min(layers, text.integer_or(kDenseLayers, 0, kMaxLayers, 0));
  std::fill_n(on.begin(), dense, false);
  return on;
}

std::int64_t shared_size(const Reading& reading, const Keys& keys, const Shape& shape, std::int64_t width) {
  switch (reading.family.shared) {
    case SharedExperts::none: return 0;
    case SharedExperts::counted: return mul(width, keys.integer_or(kSharedExperts, 0, kMaxExperts, 0));
    case SharedExperts::gated: return keys.integer_or("shared_expert_intermediate_size", 0, kMaxWidth, 0);
    case SharedExperts::share_expert_dim:
      keys.has("n_shared_experts");
      return keys.integer("share_expert_dim", 1, kMaxWidth);
    case SharedExperts::intermediate_size: return shape.intermediate;
    case SharedExperts::shared_size: return keys.integer_or("shared_intermediate_size", 0, kMaxWidth, 0);
  }
  return 0;
}

}  // namespace

ExpertPlan read_experts(const Reading& reading, const Shape& shape) {
  const Family& family = reading.family;
  const Keys& text = reading.text;
  ExpertPlan plan;
  const bool nested = !family.ffn_object.empty() && text.has(family.ffn_object);
  const Keys keys(nested ? *text.find(family.ffn_object) : text.json(),
                  nested ? text.path_of(family.ffn_object) : text.path(), nested ? "" : family.class_defaults);
  const std::string_view count_key = (nested ? keys : text).first(kExperts);
  if (count_key.empty()) return plan;
  const std::int64_t count = keys.integer(count_key, 0, kMaxExperts);
  if (count <= 1) return plan;

  Experts& experts = plan.experts;
  const std::string_view used_key = (nested ? keys : text).first(kExpertsPerToken);
  if (used_key.empty()) keys.integer(kExpertsPerToken, 1, count);
  experts.num_experts = count;
  experts.num_experts_per_tok = keys.integer(used_key, 1, kMaxExperts);
  if (experts.num_experts_per_tok > count) {
    keys.refuse_at(used_key, std::string(used_key) + " is larger than the number of experts",
                   "at most " + std::to_string(count));
  }
  const std::string_view size_key = (nested ? keys : text).first(kExpertSize);
  if (nested) {
    experts.moe_intermediate_size = keys.integer(kIntermediate, 1, kMaxWidth);
  } else if (family.experts_use_intermediate || size_key.empty()) {
    if (shape.intermediate <= 0) keys.integer(kExpertSize, 1, kMaxWidth);
    experts.moe_intermediate_size = shape.intermediate;
  } else {
    experts.moe_intermediate_size = text.integer(size_key, 1, kMaxWidth);
  }
  experts.expert_hidden_size = text.integer_or("routed_expert_hidden_size", 1, kMaxWidth, shape.hidden);
  experts.shared_intermediate_size = shared_size(reading, text, shape, experts.moe_intermediate_size);
  experts.n_group = text.integer_or("n_group", 1, kMaxExperts, 1);
  experts.topk_group = text.integer_or("topk_group", 1, kMaxExperts, 1);
  experts.selection_bias = family.selection_bias || text.text_or("topk_method", "") == "noaux_tc";
  experts.norm_topk_prob = text.flag("norm_topk_prob", experts.selection_bias);
  experts.routed_scaling_factor = text.number_or("routed_scaling_factor", 0, 1e6, 1);
  plan.layers = expert_layers(reading, shape.layers);
  return plan;
}

}  // namespace vram::read
