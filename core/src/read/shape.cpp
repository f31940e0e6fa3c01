#include "read/shape.hpp"
#include "vram/bytes.hpp"

#include <cmath>

namespace vram::read {
namespace {

// Key-value heads, by the rule of the family when it has one of its own.
std::int64_t read_kv_heads(const Reading& reading, const Keys& attention, std::int64_t heads) {
  const Keys& text = reading.text;
  const std::string_view type = reading.family.model_type;
  if (type == "falcon") {  // transformers falcon/configuration_falcon.py
    if (text.flag("new_decoder_architecture", false)) return text.integer_or(kKvHeads, 1, kMaxHeads, heads);
    text.first(kKvHeads);  // ignored by the old architecture
    return text.flag("multi_query", true) ? 1 : heads;
  }
  if (type == "gpt_bigcode") return text.flag("multi_query", true) ? 1 : heads;
  if (type == "chatglm" && !text.flag("multi_query_attention", false)) return heads;
  return attention.integer_or(kKvHeads, 1, kMaxHeads, heads);
}

std::int64_t read_intermediate(const Reading& reading, std::int64_t hidden, std::int64_t layers) {
  const Keys& text = reading.text;
  const Family& family = reading.family;
  if (family.model_type == "mpt") {
    return static_cast<std::int64_t>(text.number_or("expansion_ratio", 1.0 / 16, 64, 4) * static_cast<double>(hidden));
  }
  if (const Json* list = text.find("intermediate_size"); list != nullptr && list->is_array()) {
    if (list->size() != static_cast<std::size_t>(layers)) {
      text.refuse_at("intermediate_size", "intermediate_size must be a number or have one entry a layer",
                     std::to_string(layers) + " entries");
    }
    const std::int64_t width = text.item("intermediate_size", 0, 1, kMaxWidth);
    for (std::size_t i = 1; i < list->size() && family.model_type != "gemma3n"; ++i) {
      if (text.item("intermediate_size", i, 1, kMaxWidth) != width) {
        text.refuse_at("intermediate_size", "this family has one intermediate_size for all layers", "a whole number");
      }
    }
    return width;
  }
  if (family.model_type == "lfm2") {  // transformers lfm2/modeling_lfm2.py, Lfm2MLP
    constexpr std::string_view keys[] = {"block_ff_dim", "intermediate_size"};
    const bool adjusted = text.flag("block_auto_adjust_ff_dim", true);
    std::int64_t width = text.integer(adjusted && text.has("block_ff_dim") ? keys[0] : keys[1], 1, kMaxWidth);
    if (!adjusted) return width;
    width = 2 * width / 3;
    width = static_cast<std::int64_t>(text.number_or("block_ffn_dim_multiplier", 1.0 / 16, 64, 1.0) *
                                      static_cast<double>(width));
    return round_up(width, text.integer_or("block_multiple_of", 1, 65536, 256));
  }
  const std::int64_t fallback = family.default_ff_multiple * hidden;
  const std::int64_t width = text.integer_or(kIntermediate, 0, kMaxWidth, fallback);
  return family.halved_ff ? width / 2 : width;
}

}  // namespace

bool settled(Flag flag, const Keys& keys, Aliases aliases) {
  switch (flag) {
    case Flag::no: return false;
    case Flag::yes: return true;
    case Flag::if_set: return keys.flag(aliases, false);
    case Flag::unless_unset: return keys.flag(aliases, true);
  }
  return false;
}

Shape read_sizes(Reading& reading) {
  const Keys& text = reading.text;
  const Family& family = reading.family;
  Model& model = reading.model;
  Shape shape;
  shape.hidden = text.integer(kHiddenSize, 1, kMaxWidth);
  const Json* blocks = text.list("layers_block_type");
  if (text.first(kLayers).empty() && blocks != nullptr && !blocks->empty() &&
      blocks->size() <= static_cast<std::size_t>(kMaxLayers)) {
    shape.layers = static_cast<std::int64_t>(blocks->size());
  } else {
    shape.layers = text.integer(kLayers, 1, kMaxLayers);
  }
  const bool outer_vocab = text.first(kVocab).empty() && !reading.whole.first(kVocab).empty();
  shape.vocab = (outer_vocab ? reading.whole : text).integer(kVocab, 1, kMaxVocab);
  shape.intermediate = read_intermediate(reading, shape.hidden, shape.layers);

  constexpr std::string_view tie_keys[] = {"tie_word_embeddings", "tie_embedding", "weight_tying"};
  const bool by_outer = text.first(tie_keys).empty() && !reading.whole.first(tie_keys).empty();
  model.tie_word_embeddings = (by_outer ? reading.whole : text).flag(tie_keys, family.tied);
  if (family.never_tied) model.tie_word_embeddings = false;
  model.hidden_size = shape.hidden;
  model.vocab_size = shape.vocab;
  const std::string_view positions = text.first(kPositions);
  if (!positions.empty()) model.max_position_embeddings = text.integer(positions, 0, kMaxPositions);
  if (const Json* scaling = text.find("rope_scaling"); scaling != nullptr && scaling->is_object()) {
    const auto type = scaling->contains("rope_type") ? scaling->find("rope_type") : scaling->find("type");
    if (type != scaling->end() && *type == "llama3") model.rope_tables = 1;
    if (type != scaling->end() && (*type == "longrope" || *type == "su")) model.rope_tables = 2;
  }
  model.rotary_fraction = text.number_or("partial_rotary_factor", 0, 1, 1);
  model.parallel_residual = family.parallel && text.flag("use_parallel_residual", true);
  return shape;
}

void read_heads(const Reading& reading, Shape& shape) {
  const Keys& text = reading.text;
  shape.heads = text.integer(kHeads, 1, kMaxHeads);
  if (reading.family.attention_object.empty() || !text.has(reading.family.attention_object)) {
    shape.kv_heads = read_kv_heads(reading, text, shape.heads);
  } else {
    const Keys nested(*text.find(reading.family.attention_object), text.path_of(reading.family.attention_object));
    shape.kv_heads = read_kv_heads(reading, nested, shape.heads);
  }
  if (shape.heads % shape.kv_heads != 0) {
    const std::string_view key = text.first(kKvHeads);
    text.refuse_at(key.empty() ? kKvHeads[0] : key,
                   std::string(key.empty() ? kKvHeads[0] : key) + " must divide the number of attention heads",
                   "a divisor of " + std::to_string(shape.heads));
  }
  if (text.first(kHeadDim).empty()) {
    if (shape.hidden % shape.heads != 0) {
      const std::string_view key = text.first(kHeads);
      text.refuse_at(key, "without head_dim, " + std::string(key) + " must divide hidden_size",
                     "a divisor of " + std::to_string(shape.hidden));
    }
    shape.head_dim = shape.hidden / shape.heads;
  } else {
    shape.head_dim = text.integer(kHeadDim, 1, kMaxHeadDim);
  }
  shape.v_head_dim = shape.head_dim;
}

void write_ends(TensorWriter& out, const Reading& reading, const Shape& shape) {
  const Keys& text = reading.text;
  const Family& family = reading.family;
  out.outside(Part::text);
  const std::int64_t hidden = shape.hidden;
  std::int64_t width = hidden;
  bool final_norm = true;
  if (family.model_type == "opt") {  // transformers opt/modeling_opt.py
    width = text.integer_or("word_embed_proj_dim", 1, kMaxWidth, hidden);
    if (width != hidden) {
      out.matrix(Role::matrix, width, hidden);
      out.matrix(Role::matrix, hidden, width);
    }
    final_norm = text.flag("do_layer_norm_before", true) && !text.flag("_remove_final_layer_norm", false);
  }
  out.matrix(Role::token_embd, width, shape.vocab);
  if (family.position_rows >= 0) {
    if (reading.model.max_position_embeddings <= 0) text.integer(kPositions, 1, kMaxVocab);
    if (reading.model.max_position_embeddings > kMaxVocab) {
      text.refuse_at(text.first(kPositions), "this many learned positions are not plausible", "at most 268435456");
    }
    out.matrix(Role::position_embd, hidden, reading.model.max_position_embeddings + family.position_rows);
  }
  if (family.embedding_norm) out.vector(Role::norm, hidden, family.norm_vectors);
  if (!reading.model.tie_word_embeddings) out.matrix(Role::output, width, shape.vocab);
  if (family.head_bias && (family.model_type != "phimoe" || text.flag("lm_head_bias", false))) {
    out.vector(Role::bias, shape.vocab);
  }
  if (final_norm) {
    out.vector(Role::output_norm, hidden);
    if (family.norm_vectors == 2) out.vector(Role::bias, hidden);
  }
}

}  // namespace vram::read
