#include "read/gguf/model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "read/family.hpp"
#include "read/gguf/gguf.hpp"
#include "read/keys.hpp"
#include "read/limits.hpp"
#include "vram/storage.hpp"

namespace vram::read {
namespace {

// Encoders and parts that llama.cpp loads next to a model, or that have no cache of keys: nothing here estimates them.
constexpr std::string_view kNotEstimated[] = {"t5", "t5encoder", "wavtokenizer-dec", "pockettts", "qwen3tts"};

bool reuses_cache(const std::string& architecture, std::int64_t layers, const Hyperparameters& hp, std::size_t layer) {
  // Layers whose keys and values are those of an earlier one (gemma3n.cpp, gemma4.cpp: n_layer_kv_from_start).
  if (architecture == "gemma3n") return layer >= 20;
  if (architecture != "gemma4") return false;
  return static_cast<std::int64_t>(layer) >= layers - hp.number("attention.shared_kv_layers", 0, kMaxLayers, 0);
}

class GgufModel {
 public:
  GgufModel(const FileFacts& facts, const std::string& path) : facts_(facts), path_(path), hp_(facts, path) {}

  Model take();

 private:
  void place_tensors();
  void add_tensor(const TensorGroup& group, Role role, std::int64_t layer, std::int32_t each);
  Layer layer_of(std::size_t index);
  std::optional<Attention> attention_of(const LayerTensors& t, std::size_t index);
  LatentAttention latent_of(const LayerTensors& t, std::size_t index);
  std::optional<FeedForward> ffn_of(const LayerTensors& t) const;
  std::optional<Experts> experts_of(const LayerTensors& t, std::size_t index);
  void disagree(std::string_view key, std::int64_t said, std::int64_t seen, std::string_view of);
  void check_architecture();
  void warn(std::string where, std::string message) {
    if (model_.warnings.size() < 32) model_.warnings.push_back({std::move(where), std::move(message)});
  }

  const FileFacts& facts_;
  std::string path_;
  Hyperparameters hp_;
  Model model_;
  std::vector<LayerTensors> layers_;
  std::vector<LayerWindow> windows_;
  std::int64_t blocks_ = 0;  // that a model has without those of next-token prediction
  std::int64_t total_ = 0;
};

void GgufModel::disagree(std::string_view key, std::int64_t said, std::int64_t seen, std::string_view of) {
  const std::string where = hp_.path_of(key);
  for (const Warning& warning : model_.warnings) {
    if (warning.path == where) return;
  }
  warn(where, "the metadata says " + std::to_string(said) + ", the tensors (" + std::string(of) + ") " +
                  std::to_string(seen) + "; counted as the tensors are");
}

void GgufModel::add_tensor(const TensorGroup& group, Role role, std::int64_t layer, std::int32_t each) {
  Tensor tensor;
  tensor.role = role;
  tensor.layer = static_cast<std::int32_t>(layer);
  const auto size = [&](std::size_t i) { return i < group.shape.size() ? group.shape[i] : 1; };
  tensor.ne0 = size(0);
  tensor.ne1 = size(1);
  tensor.ne2 = mul(size(2), size(3));
  tensor.count = each;
  const bool routed = role == Role::ffn_gate_exps || role == Role::ffn_up_exps || role == Role::ffn_down_exps ||
                      role == Role::ffn_gate_up_exps;
  if (routed && each > 1) {  // files of 2023: an expert a tensor
    tensor.ne2 = each;
    tensor.count = 1;
  }
  if (group.name.find("_exps") != group.name.npos) {  // a row for each expert: moves with them
    if (role == Role::bias && tensor.ne1 > 1) std::swap(tensor.ne1, tensor.ne2);
    if (role == Role::vector && tensor.ne0 > 1) std::swap(tensor.ne0, tensor.ne2);
  }
  if (routed) tensor.experts_used = static_cast<std::int32_t>(hp_.number("expert_used_count", 0, kMaxExperts, 0));
  if (layer >= blocks_) tensor.part = Part::mtp;
  tensor.stored = find_tensor_type(group.type);
  if (tensor.stored == nullptr)
    refuse(path_ + "/tensors", "a tensor has a type that is not known", shown(Json(group.type)));
  total_ = checked_total(total_, tensor.elements(), path_ + "/tensors");
  model_.tensors.push_back(tensor);
}

void GgufModel::place_tensors() {
  const std::int64_t nextn = hp_.number("nextn_predict_layers", 0, 64, 0);
  const std::int64_t all = hp_.number("block_count", 0, kMaxLayers, 0);
  std::int64_t seen = 0;
  for (const TensorGroup& group : facts_.tensors.groups()) {
    if (group.name.starts_with("blk.*.") && !group.per_index.empty()) {
      seen = std::max<std::int64_t>(seen, group.per_index.back().index + 1);
    }
  }
  if (all == 0 && seen == 0) {
    refuse(path_ + "/tensors", "this file has no layers named blk.N: it is no model of llama.cpp", "",
           "a GGUF that convert_hf_to_gguf.py wrote");
  }
  const std::int64_t total = std::max(seen, all);
  if (seen > kMaxLayers) refuse(path_ + "/tensors", "more layers than any model has", std::to_string(seen));
  if (all > 0 && seen != all) disagree("block_count", all, seen, "blk.N");
  blocks_ = std::max<std::int64_t>(total - nextn, 0);
  model_.mtp_layers = static_cast<double>(total - blocks_);
  layers_.resize(static_cast<std::size_t>(blocks_));
  for (const TensorGroup& group : facts_.tensors.groups()) {
    std::string_view name = group.name;
    const bool in_layer = name.starts_with("blk.*.");
    if (in_layer) name.remove_prefix(6);
    const Role role = role_of(name, in_layer, group.shape.size());
    for (const TensorGroup::IndexCount& at : group.per_index) {
      if (in_layer) {
        add_tensor(group, role, at.index, at.count);
        if (at.index < blocks_) layers_[static_cast<std::size_t>(at.index)].add({name, &group, at.count});
        continue;
      }
      if (role == Role::rope_factors) ++model_.rope_tables;
      // The norms of embeddings are loaded with the first layer (llama-arch.cpp, LLM_TENSOR_INFOS).
      const bool first = name.starts_with("token_embd_norm") || name.starts_with("per_layer_proj_norm");
      add_tensor(group, role, first ? 0 : -1, at.count);
    }
  }
}

std::optional<Attention> GgufModel::attention_of(const LayerTensors& t, std::size_t index) {
  const bool fused = t.has("attn_qkv.weight");
  if (!fused && !t.has("attn_q.weight")) return std::nullopt;
  Attention a;
  const std::int64_t hidden = model_.hidden_size;
  a.num_attention_heads = hp_.at_layer("attention.head_count", index, 0, kMaxHeads, 0);
  if (a.num_attention_heads == 0) {
    refuse(hp_.path_of("attention.head_count"), "attention.head_count is missing", "", "a whole number");
  }
  a.num_key_value_heads = hp_.at_layer("attention.head_count_kv", index, 0, kMaxHeads, a.num_attention_heads);
  const LayerWindow& window = windows_[index];
  const bool sliding = window.span != Span::full;
  const std::int64_t usual = std::max<std::int64_t>(hidden / a.num_attention_heads, 1);
  a.head_dim = hp_.number("attention.key_length", 1, kMaxHeadDim, usual);
  a.v_head_dim = hp_.number("attention.value_length", 1, kMaxHeadDim, a.head_dim);
  if (sliding) {
    a.head_dim = hp_.number("attention.key_length_swa", 1, kMaxHeadDim, a.head_dim);
    a.v_head_dim = hp_.number("attention.value_length_swa", 1, kMaxHeadDim, a.v_head_dim);
  }
  if (a.num_key_value_heads == 0) {
    if (!t.has("attn_k.weight") && !fused) return std::nullopt;
    a.num_key_value_heads = a.num_attention_heads;
  }
  if (t.has("attn_k.weight")) {
    const std::int64_t keys = t.size("attn_k.weight", 1);
    if (keys != mul(a.num_key_value_heads, a.head_dim)) {
      disagree("attention.head_count_kv", a.num_key_value_heads, ceil_div(keys, a.head_dim), "attn_k");
      a.num_key_value_heads = std::max<std::int64_t>(ceil_div(keys, a.head_dim), 1);
    }
    const std::int64_t values = t.size("attn_v.weight", 1);
    if (t.has("attn_v.weight") && values != mul(a.num_key_value_heads, a.v_head_dim) &&
        values % a.num_key_value_heads == 0) {
      disagree("attention.value_length", a.v_head_dim, values / a.num_key_value_heads, "attn_v");
      a.v_head_dim = values / a.num_key_value_heads;
    }
  }
  a.fused_qkv = fused;
  const std::int64_t queries = mul(a.num_attention_heads, a.head_dim);
  if (!fused) {
    const std::int64_t rows = t.size("attn_q.weight", 1);
    a.output_gate = rows == 2 * queries;
    if (rows != queries && !a.output_gate && rows % a.head_dim == 0 && rows > 0) {
      disagree("attention.head_count", a.num_attention_heads, rows / a.head_dim, "attn_q");
      a.num_attention_heads = rows / a.head_dim;
    }
  }
  if (a.num_attention_heads % a.num_key_value_heads != 0) {
    refuse(hp_.path_of("attention.head_count_kv"), "the number of key heads does not divide that of query heads",
           std::to_string(a.num_key_value_heads), "a divisor of " + std::to_string(a.num_attention_heads));
  }
  a.span = window.span;
  a.window = window.window;
  a.caches = model_.causal && !reuses_cache(facts_.architecture, blocks_, hp_, index);
  a.qk_norm = t.has("attn_q_norm.weight");
  a.bias = t.has("attn_q.bias") || t.has("attn_qkv.bias");
  a.sinks = t.has("attn_sinks.weight") || t.has("attn_sinks");
  return a;
}

LatentAttention GgufModel::latent_of(const LayerTensors& t, std::size_t index) {
  LatentAttention a;
  a.num_attention_heads = hp_.at_layer("attention.head_count", index, 1, kMaxHeads, 1);
  a.q_lora_rank = t.has("attn_q_a.weight") ? t.size("attn_q_a.weight", 1) : 0;
  const std::int64_t both = t.size("attn_kv_a_mqa.weight", 1);
  a.kv_lora_rank = hp_.number("attention.kv_lora_rank", 1, kMaxWidth, std::max<std::int64_t>(both - 64, 1));
  a.qk_rope_head_dim = std::max<std::int64_t>(both - a.kv_lora_rank, 0);
  const std::int64_t keys = hp_.has("attention.key_length_mla")
                                ? hp_.number("attention.key_length_mla", 1, kMaxHeadDim, 1)
                                : hp_.number("attention.key_length", 1, kMaxHeadDim, 192);
  a.qk_nope_head_dim = std::max<std::int64_t>(keys - a.qk_rope_head_dim, 1);
  a.v_head_dim = hp_.has("attention.value_length_mla") ? hp_.number("attention.value_length_mla", 1, kMaxHeadDim, 1)
                                                       : hp_.number("attention.value_length", 1, kMaxHeadDim, 128);
  if (t.has_prefix("indexer.")) {
    a.index_n_heads = hp_.number("attention.indexer.head_count", 0, kMaxHeads, 0);
    a.index_head_dim = hp_.number("attention.indexer.key_length", 0, kMaxHeadDim, 0);
    a.index_topk = hp_.number("attention.indexer.top_k", 0, kMaxPositions, 0);
  }
  return a;
}

std::optional<FeedForward> GgufModel::ffn_of(const LayerTensors& t) const {
  FeedForward ffn;
  if (!t.has("ffn_up.weight")) {
    if (!t.has("channel_mix_key.weight")) return std::nullopt;
    ffn.intermediate_size = t.size("channel_mix_key.weight", 1);
    ffn.gated = false;
    return ffn;
  }
  ffn.intermediate_size = t.size("ffn_up.weight", 1);
  ffn.gated = t.has("ffn_gate.weight");
  if (!ffn.gated && ffn.intermediate_size == 2 * t.size("ffn_down.weight", 0)) {
    ffn.intermediate_size /= 2;
    ffn.gated = ffn.fused_gate_up = true;
  }
  return ffn;
}

std::optional<Experts> GgufModel::experts_of(const LayerTensors& t, std::size_t index) {
  const bool merged = t.has("ffn_down_exps.weight");
  const std::string_view down = merged ? "ffn_down_exps.weight" : "ffn_down.*.weight";
  const TensorGroup* group = t.find(down);
  if (group == nullptr) return std::nullopt;
  Experts e;
  if (merged) {
    e.num_experts = t.size(down, 2);
  } else {
    for (const LayerTensors::Entry& entry : t.entries()) {
      if (entry.name == down) e.num_experts = entry.each;
    }
  }
  e.num_experts_per_tok = hp_.at_layer("expert_used_count", index, 1, kMaxExperts, 1);
  if (e.num_experts < 1 || e.num_experts > kMaxExperts) {
    refuse(path_ + "/tensors", "this number of experts is out of range", std::to_string(e.num_experts));
  }
  e.num_experts_per_tok = std::min(e.num_experts_per_tok, e.num_experts);
  if (const std::int64_t said = hp_.number("expert_count", 0, kMaxExperts, e.num_experts); said != e.num_experts) {
    disagree("expert_count", said, e.num_experts, "ffn_down_exps");
  }
  e.moe_intermediate_size = t.size(down, 0);
  e.expert_hidden_size = t.size(down, 1);
  e.shared_intermediate_size = t.has("ffn_up_shexp.weight") ? t.size("ffn_up_shexp.weight", 1) : 0;
  e.n_group = hp_.number("expert_group_count", 1, kMaxExperts, 1);
  e.topk_group = hp_.number("expert_group_used_count", 1, kMaxExperts, 1);
  e.selection_bias = t.has_prefix("exp_probs_b");
  e.norm_topk_prob = hp_.flag("expert_weights_norm", e.selection_bias);
  const double scale = hp_.real("expert_weights_scale", 1);
  e.routed_scaling_factor = scale > 0 && scale < 1e6 ? scale : 1;
  e.gated = t.has("ffn_gate_exps.weight") || t.has("ffn_gate_up_exps.weight") || t.has("ffn_gate.*.weight");
  return e;
}

Layer GgufModel::layer_of(std::size_t index) {
  const LayerTensors& t = layers_[index];
  Layer layer;
  const bool state = has_state(t);
  if (state) layer.state = state_of(facts_.architecture, hp_, t, index, model_.hidden_size);
  // Delta nets bring projections named like those of attention.
  using Kind = StateMixer::Kind;
  const bool replaces = state && (layer.state->kind == Kind::gated_delta_net || layer.state->kind == Kind::kda);
  if (t.has("attn_kv_a_mqa.weight")) {
    layer.latent = latent_of(t, index);
    // Files from before llama.cpp kept the latent vector itself cache every head's keys and values.
    if (!hp_.has("attention.key_length_mla") && !t.has("attn_k_b.weight")) {
      Attention a;
      a.num_attention_heads = a.num_key_value_heads = layer.latent->num_attention_heads;
      a.head_dim = layer.latent->qk_nope_head_dim + layer.latent->qk_rope_head_dim;
      a.v_head_dim = layer.latent->v_head_dim;
      layer.latent.reset();
      layer.attention = a;
    }
  } else if (!replaces) {
    layer.attention = attention_of(t, index);
  }
  layer.experts = experts_of(t, index);
  layer.ffn = ffn_of(t);
  return layer;
}

// The graphs that are described for an architecture count on its layers; a file may have others.
void GgufModel::check_architecture() {
  const std::string& arch = model_.gguf_arch;
  const auto any = [&](auto test) { return std::any_of(model_.layers.begin(), model_.layers.end(), test); };
  const bool mamba = arch == "mamba" || arch == "mamba2";
  const bool nemotron = arch.starts_with("nemotron_h");
  const bool hybrid = arch == "granitehybrid" || arch == "qwen3next" || arch.starts_with("lfm2");
  const bool latent = arch == "deepseek2";
  const bool strange = any([&](const Layer& layer) {
    const bool fed = layer.ffn || layer.experts;
    if (mamba) return !layer.state.has_value();
    if (nemotron) return !layer.state && !layer.attention && !fed;
    if (arch == "falcon-h1") return !layer.state || !layer.attention || !fed;
    if (hybrid) return (!layer.state && !layer.attention) || !fed;
    if (latent) return !layer.latent || !fed;
    return false;
  });
  const bool unlike =
      arch == "lfm2" || arch == "lfm2moe"
          ? any([](const Layer& l) { return l.state && l.state->kind != StateMixer::Kind::short_conv; })
      : arch == "qwen3next"
          ? any([](const Layer& l) { return l.state && l.state->kind != StateMixer::Kind::gated_delta_net; })
      : mamba || nemotron || arch == "granitehybrid" || arch == "falcon-h1" ? any([](const Layer& l) {
          return l.state && l.state->kind != StateMixer::Kind::mamba1 && l.state->kind != StateMixer::Kind::mamba2;
        })
                                                                            : false;
  const bool plain = !mamba && !nemotron && !hybrid && !latent && arch != "falcon-h1";
  const bool without = plain && any([](const Layer& l) { return !l.attention || (!l.ffn && !l.experts) || l.state; });
  bool described = false;
  for (const std::string_view name :
       {"llama",   "mistral3",   "qwen2",   "qwen3",     "qwen3moe", "qwen2moe", "gemma",      "gemma2",
        "gemma3",  "gpt-oss",    "phi3",    "phimoe",    "glm4",     "glm4moe",  "starcoder2", "gpt2",
        "granite", "granitemoe", "cohere2", "command-r", "llama4",   "gemma3n",  "bert",       "nomic-bert"}) {
    described |= arch == name;
  }
  const bool per_layer = std::any_of(model_.tensors.begin(), model_.tensors.end(),
                                     [](const Tensor& t) { return t.role == Role::per_layer_token_embd; });
  const bool lacks = arch == "gemma3n" && !per_layer;
  if (!strange && !unlike && !lacks && !(without && described)) return;
  model_.gguf_arch += " (other layers)";
  warn(path_ + "/tensors", "the layers of this file are not those that llama.cpp's " + arch +
                               " has: " + "the compute buffer is estimated from what the layers do have");
}

Model GgufModel::take() {
  const std::string& arch = facts_.architecture;
  if (arch.empty()) refuse(path_ + "/architecture", "general.architecture is missing", "", "\"llama\", for instance");
  for (const std::string_view name : kNotEstimated) {
    if (name == arch)
      refuse(path_ + "/architecture", "models of this architecture are not estimated", shown(Json(arch)));
  }
  model_.gguf_arch = arch;
  model_.model_type = family_of_gguf(arch);
  model_.name = facts_.name;
  model_.hidden_size = hp_.number("embedding_length", 0, kMaxWidth, 0);
  model_.max_position_embeddings = hp_.number("context_length", 0, kMaxPositions, 0);
  model_.causal = hp_.flag("attention.causal", true);
  model_.warnings = facts_.warnings;
  place_tensors();
  model_.tie_word_embeddings = true;
  for (const Tensor& tensor : model_.tensors) {
    if (tensor.role == Role::output) model_.tie_word_embeddings = false;
    if (tensor.role == Role::token_embd) {
      model_.vocab_size = tensor.ne1;
      if (model_.hidden_size == 0) model_.hidden_size = tensor.ne0;
    }
  }
  if (model_.hidden_size == 0)
    refuse(hp_.path_of("embedding_length"), "embedding_length is missing", "", "a whole number");
  if (model_.vocab_size == 0) model_.vocab_size = hp_.number("vocab_size", 0, kMaxVocab, facts_.vocabulary);
  for (const TensorGroup& group : facts_.projector.groups()) {  // the mmproj beside it, known by its sums
    Tensor tower;
    tower.part = Part::tower;
    tower.ne0 = std::max<std::int64_t>(group.elements(), 1);
    tower.stored_bytes = group.bytes;
    model_.tensors.push_back(tower);
  }
  windows_ = windows_of(arch, hp_, layers_.size());
  for (std::size_t i = 0; i < layers_.size(); ++i) model_.layers.push_back(layer_of(i));
  model_.parallel_residual = parallel_gguf(arch) && hp_.flag("use_parallel_residual", true);
  model_.torch_dtype = "bf16";
  const FileFormat format = format_of_gguf(facts_);
  model_.native_weights = format.id;
  if (!format.said.empty()) {
    warn(path_ + "/metadata/general.file_type", "the metadata calls this file " + format.said +
                                                    ", its tensors are mostly " + format.mostly +
                                                    "; named and counted as the tensors are");
  }
  model_.tensors_stored = true;
  check_architecture();
  return std::move(model_);
}

}  // namespace

const TensorGroup* LayerTensors::find(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.name == name) return entry.group;
  }
  return nullptr;
}

bool LayerTensors::has_prefix(std::string_view prefix) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name.starts_with(prefix); });
}

std::int64_t LayerTensors::size(std::string_view name, std::size_t dimension) const {
  const TensorGroup* group = find(name);
  return group != nullptr && dimension < group->shape.size() ? std::max<std::int64_t>(group->shape[dimension], 1) : 1;
}

const Json* Hyperparameters::find(std::string_view key) const {
  const auto at = metadata_.find(prefix_ + std::string(key));
  return at == metadata_.end() || at->is_null() ? nullptr : &*at;
}

std::int64_t Hyperparameters::checked(const Json& value, std::string_view key, std::int64_t low,
                                      std::int64_t high) const {
  const bool whole = value.is_number_integer() || value.is_boolean();
  const bool fits = whole && (!value.is_number_unsigned() || value <= INT64_MAX);
  const std::int64_t number = !fits ? 0 : value.is_boolean() ? value.get<bool>() : value.get<std::int64_t>();
  if (!fits || number < low || number > high) {
    refuse(path_of(key), "this number is not valid", shown(value),
           "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return number;
}

std::int64_t Hyperparameters::number(std::string_view key, std::int64_t low, std::int64_t high,
                                     std::int64_t fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (value->is_array()) {  // one for each layer, where one is asked for: the largest
    std::int64_t largest = low;
    for (const Json& item : *value) largest = std::max(largest, checked(item, key, 0, high));
    return largest;
  }
  return checked(*value, key, low, high);
}

std::int64_t Hyperparameters::at_layer(std::string_view key, std::size_t layer, std::int64_t low, std::int64_t high,
                                       std::int64_t fallback) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_array()) return number(key, low, high, fallback);
  if (layer >= value->size()) return fallback;
  return checked((*value)[layer], key, 0, high);
}

double Hyperparameters::real(std::string_view key, double fallback) const {
  const Json* value = find(key);
  return value != nullptr && value->is_number() ? value->get<double>() : fallback;
}

bool Hyperparameters::flag(std::string_view key, bool fallback) const {
  const Json* value = find(key);
  return value != nullptr && value->is_boolean() ? value->get<bool>() : fallback;
}

Model model_of_gguf(const FileFacts& facts, const std::string& path) { return GgufModel(facts, path).take(); }

}  // namespace vram::read
