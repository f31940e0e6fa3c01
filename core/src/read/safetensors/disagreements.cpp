// Where a config.json says other sizes than the tensors beside it have: configs are edited by hand, copied from a base
// model, left behind by pruning. The tensors win. Module names and their shapes are those of transformers' decoder
// layers; models that name or store them otherwise are left as the config has them.
#include <algorithm>

#include "read/safetensors/model.hpp"

namespace vram::read {
namespace {

constexpr std::int64_t kUnknown = -1;

bool plain(const TensorGroup& group) { return group.type == "bf16" || group.type == "f16" || group.type == "f32"; }

class Shapes {
 public:
  explicit Shapes(const TensorList& tensors) {
    for (const TensorGroup& group : tensors.groups()) {
      const std::string_view name = group.name;
      const bool text = name.starts_with("model.layers.*.") || name.starts_with("layers.*.") ||
                        name.starts_with("model.language_model.layers.*.") ||
                        name.starts_with("language_model.model.layers.*.");
      if (text && !group.per_index.empty()) see_layer(name, group);
      if (!plain(group)) continue;
      const Bytes bytes = mul(group.bytes, group.count());
      if (group.type == "bf16") bf16 = add(bf16, bytes);
      if (group.type == "f16") f16 = add(f16, bytes);
      const bool embedding = name == "model.embed_tokens.weight" ||
                             name == "model.language_model.embed_tokens.weight" ||
                             name == "language_model.model.embed_tokens.weight";
      if (embedding && group.shape.size() == 2) {
        note(vocabulary, group.shape[0]);
        note(hidden, group.shape[1]);
      }
      whole |= name == "model.norm.weight" || name == "language_model.model.norm.weight" ||
               name == "model.language_model.norm.weight";
    }
  }

  // 0: several, or none; the layers do not tell.
  std::int64_t vocabulary = kUnknown, hidden = kUnknown, queries = kUnknown, keys = kUnknown, feed_forward = kUnknown;
  std::int64_t layers = 0;
  Bytes bf16 = 0, f16 = 0;
  bool whole = false;  // the norm after the last layer is there too: this is no part of a model

 private:
  static void note(std::int64_t& size, std::int64_t seen) { size = size == kUnknown || size == seen ? seen : 0; }

  void see_layer(std::string_view name, const TensorGroup& group) {
    layers = std::max<std::int64_t>(layers, group.per_index.back().index + 1);
    if (!plain(group) || group.shape.size() != 2) return;
    if (name.ends_with("layers.*.self_attn.q_proj.weight")) note(queries, group.shape[0]);
    if (name.ends_with("layers.*.self_attn.k_proj.weight")) note(keys, group.shape[0]);
    if (name.ends_with("layers.*.mlp.gate_proj.weight")) note(feed_forward, group.shape[0]);
  }
};

// The part of the config that describes the text model.
Json* text_of(Json& config) {
  for (const char* key : {"text_config", "llm_config", "language_config"}) {
    const auto at = config.find(key);
    if (at != config.end() && at->is_object()) return &*at;
  }
  return &config;
}

std::int64_t number_at(const Json& config, const char* key) {
  const auto at = config.find(key);
  return at != config.end() && at->is_number_unsigned() && *at < (1u << 30) ? at->get<std::int64_t>() : 0;
}

}  // namespace

Json config_by_tensors(const FileFacts& facts, const std::string& path, std::vector<Warning>& warnings) {
  Json config = facts.config;
  Json& text = *text_of(config);
  const Shapes shapes(facts.tensors);
  const auto settle = [&](const char* key, std::int64_t seen, std::string_view where) {
    const std::int64_t said = number_at(text, key);
    if (said == 0 || seen <= 0 || said == seen) return;
    warnings.push_back({path + "/config/" + key, std::string(key) + " is " + std::to_string(said) +
                                                     " in config.json, the tensors (" + std::string(where) + ") say " +
                                                     std::to_string(seen) + "; counted as the tensors are"});
    text[key] = seen;
  };
  for (const char* key : {"torch_dtype", "dtype"}) {  // FP32 is seen by its bytes, see model.cpp
    const auto at = text.find(key);
    if (at == text.end() || !at->is_string() || shapes.bf16 == shapes.f16) continue;
    const std::string stored = shapes.bf16 > shapes.f16 ? "bfloat16" : "float16";
    const std::string other = shapes.bf16 > shapes.f16 ? "float16" : "bfloat16";
    if (*at != other) continue;
    warnings.push_back({path + "/config/" + key,
                        std::string(key) + " is " + other + " in config.json, the tensors are stored as " + stored});
    *at = stored;
  }
  const std::int64_t heads = number_at(text, "num_attention_heads");
  std::int64_t head = number_at(text, "head_dim");
  settle("hidden_size", shapes.hidden, "embed_tokens");
  settle("vocab_size", shapes.vocabulary, "embed_tokens");
  settle("intermediate_size", shapes.feed_forward, "mlp.gate_proj");
  if (head == 0 && heads > 0) head = number_at(text, "hidden_size") / heads;
  // Keys of layers with several shapes (per-layer heads, shared keys and values) are not told by one number.
  const bool told = head > 0 && shapes.queries == heads * head && shapes.keys > 0 && shapes.keys % head == 0;
  if (told && number_at(text, "num_key_value_heads") > 0)
    settle("num_key_value_heads", shapes.keys / head, "self_attn.k_proj");
  // Lists with an entry for each layer would no longer fit; further layers may be those of next-token prediction.
  const std::int64_t said = number_at(text, "num_hidden_layers");
  bool by_layer = number_at(text, "num_nextn_predict_layers") > 0;
  for (const auto& item : text) by_layer |= item.is_array() && static_cast<std::int64_t>(item.size()) == said;
  if (shapes.whole && !by_layer) settle("num_hidden_layers", shapes.layers, "layers");
  return config;
}

}  // namespace vram::read
