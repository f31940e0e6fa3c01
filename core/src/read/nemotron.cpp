// Nemotron-H: every layer is one mixer. Nemotron NAS: every block has its own shape.
// nvidia/Nemotron-H-56B-Base-8K modeling_nemotron_h.py, transformers nemotron_h; nvidia/Llama-3_3-Nemotron-Super-49B-v1
// modeling_decilm.py and block_config.py.
#include <algorithm>
#include <optional>

#include "read/readers.hpp"
#include "read/shape.hpp"
#include "vram/bytes.hpp"

namespace vram::read {
namespace {

enum class Block : std::uint8_t { mamba, attention, mlp, experts };

Block block_from(const Keys& text, std::string_view key, std::size_t index, std::string_view name) {
  if (name == "M" || name == "mamba") return Block::mamba;
  if (name == "*" || name == "attention") return Block::attention;
  if (name == "-" || name == "mlp") return Block::mlp;
  if (name == "E" || name == "moe") return Block::experts;
  refuse(text.path_of(key) + "/" + std::to_string(index), "this kind of layer is not understood",
         shown(Json(std::string(name))), "mamba (M), attention (*), mlp (-) or moe (E)");
}

// The blocks that either a list of names or a string of letters describes.
std::vector<Block> read_pattern(const Keys& text, std::string_view list_key, std::string_view letters_key) {
  std::vector<Block> blocks;
  if (const Json* names = text.list(list_key); names != nullptr) {
    for (std::size_t i = 0; i < names->size() && i < static_cast<std::size_t>(kMaxLayers); ++i) {
      if (!(*names)[i].is_string())
        text.refuse_at(list_key, "every entry must be a text", "mamba, attention, mlp, moe");
      blocks.push_back(block_from(text, list_key, i, (*names)[i].get_ref<const std::string&>()));
    }
    text.has(letters_key);
    return blocks;
  }
  const std::string letters = text.text_or(letters_key, "");
  for (std::size_t i = 0; i < letters.size() && i < static_cast<std::size_t>(kMaxLayers); ++i) {
    blocks.push_back(block_from(text, letters_key, i, std::string_view(letters).substr(i, 1)));
  }
  return blocks;
}

Experts latent_experts(const Keys& text, const Shape& shape) {
  Experts experts;
  experts.num_experts = text.integer("n_routed_experts", 1, kMaxExperts);
  experts.num_experts_per_tok = text.integer("num_experts_per_tok", 1, experts.num_experts);
  experts.moe_intermediate_size = text.integer("moe_intermediate_size", 1, kMaxWidth);
  experts.expert_hidden_size = text.integer_or("moe_latent_size", 1, kMaxWidth, shape.hidden);
  experts.shared_intermediate_size = text.integer_or("n_shared_experts", 0, 1024, 1) *
                                     text.integer_or("moe_shared_expert_intermediate_size", 0, kMaxWidth, 0);
  experts.gated = false;
  return experts;
}

// What a block of each kind looks like in this model, read on first use.
class Palette {
 public:
  Palette(const Reading& reading, const Shape& shape, Style& style) : reading_(reading), shape_(shape), style_(style) {}

  Layer layer(Block block) {
    Layer layer;
    switch (block) {
      case Block::mamba:
        if (!state_) state_ = read_mamba2(reading_.text, shape_, false, style_);
        layer.state = state_;
        break;
      case Block::attention: layer.attention = attention(); break;
      case Block::mlp:
        if (shape_.intermediate <= 0) reading_.text.integer(kIntermediate, 1, kMaxWidth);
        layer.ffn = FeedForward{shape_.intermediate, false, false};
        break;
      case Block::experts:
        if (!experts_) experts_ = latent_experts(reading_.text, shape_);
        layer.experts = experts_;
        break;
    }
    return layer;
  }

 private:
  const Attention& attention() {
    if (!attention_) {
      Shape shape = shape_;
      read_heads(reading_, shape);
      attention_.emplace();
      attention_->num_attention_heads = shape.heads;
      attention_->num_key_value_heads = shape.kv_heads;
      attention_->head_dim = attention_->v_head_dim = shape.head_dim;
      attention_->bias = style_.o_bias = reading_.text.flag("attention_bias", false);
    }
    return *attention_;
  }

  const Reading& reading_;
  const Shape& shape_;
  Style& style_;
  std::optional<StateMixer> state_;
  std::optional<Attention> attention_;
  std::optional<Experts> experts_;
};

}  // namespace

void read_nemotron_h(Reading& reading) {
  const Keys& text = reading.text;
  Model& model = reading.model;
  const Shape shape = read_sizes(reading);
  const std::vector<Block> blocks = read_pattern(text, "layers_block_type", "hybrid_override_pattern");
  if (blocks.size() != static_cast<std::size_t>(shape.layers)) {
    const std::string_view key = text.has("layers_block_type") ? "layers_block_type" : "hybrid_override_pattern";
    text.refuse_at(key, std::string(key) + " must have one entry a layer", std::to_string(shape.layers) + " entries");
  }
  Style style;
  style.norms = 1;
  style.mlp_bias = text.flag("mlp_bias", false);
  style.selection_bias = true;
  Palette palette(reading, shape, style);
  TensorWriter out(model, text.path());
  model.layers.reserve(blocks.size());
  model.tensors.reserve(10 * blocks.size() + 8);
  write_ends(out, reading, shape);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    Layer layer = palette.layer(blocks[i]);
    if (layer.experts) model.gguf_arch = "nemotron_h_moe";
    out.at(Part::text, static_cast<std::int64_t>(i));
    write_layer(out, layer, shape.hidden, style);
    model.layers.push_back(std::move(layer));
  }
  const std::int64_t mtp = text.integer_or(kMtpLayers, 0, 64, 0);
  model.mtp_layers = static_cast<double>(mtp);
  std::vector<Block> pattern = read_pattern(text, "mtp_layers_block_type", "mtp_hybrid_override_pattern");
  if (pattern.empty()) pattern = {Block::attention, Block::experts};
  for (std::int64_t i = 0; i < mtp; ++i) {
    out.at(Part::mtp, shape.layers + i);
    for (const Block block : pattern) write_layer(out, palette.layer(block), shape.hidden, style);
    out.matrix(Role::matrix, 2 * shape.hidden, shape.hidden);
    out.vector(Role::norm, shape.hidden, 3);
  }
}

void read_nas(Reading& reading) {
  const Keys& text = reading.text;
  Model& model = reading.model;
  Shape shape = read_sizes(reading);
  shape.heads = text.integer(kHeads, 1, kMaxHeads);
  text.first(kKvHeads);
  if (shape.hidden % shape.heads != 0) {
    text.refuse_at(text.first(kHeads), "num_attention_heads must divide hidden_size",
                   "a divisor of " + std::to_string(shape.hidden));
  }
  shape.head_dim = shape.hidden / shape.heads;
  const Json* blocks = text.list("block_configs");
  if (blocks == nullptr || blocks->size() != static_cast<std::size_t>(shape.layers)) {
    text.refuse_at("block_configs", "block_configs must have one entry a layer",
                   std::to_string(shape.layers) + " entries");
  }
  Style style;
  style.norms = 1;
  TensorWriter out(model, text.path());
  model.layers.reserve(blocks->size());
  model.tensors.reserve(12 * blocks->size() + 8);
  write_ends(out, reading, shape);
  const Json nothing = Json::object();
  for (std::size_t i = 0; i < blocks->size(); ++i) {
    const std::string path = text.path_of("block_configs") + "/" + std::to_string(i);
    const Keys block((*blocks)[i], path);
    const Keys attention(block.has("attention") ? *block.find("attention") : nothing, path + "/attention");
    const Keys ffn(block.has("ffn") ? *block.find("ffn") : nothing, path + "/ffn");
    out.at(Part::text, static_cast<std::int64_t>(i));
    Layer layer;
    if (attention.flag("replace_with_linear", false)) {
      out.vector(Role::norm, shape.hidden);
      out.matrix(Role::attn_output, shape.hidden, shape.hidden);
    } else if (!attention.flag("no_op", false)) {
      const std::int64_t group = attention.integer("n_heads_in_group", 1, shape.heads);
      if (shape.heads % group != 0) {
        attention.refuse_at("n_heads_in_group", "n_heads_in_group must divide num_attention_heads",
                            "a divisor of " + std::to_string(shape.heads));
      }
      Attention& a = layer.attention.emplace();
      a.num_attention_heads = shape.heads;
      a.num_key_value_heads = shape.heads / group;
      a.head_dim = a.v_head_dim = shape.head_dim;
      if (attention.has("window_length")) {
        a.span = Span::sliding;
        a.window = attention.integer("window_length", 1, kMaxPositions);
      }
      out.vector(Role::norm, shape.hidden);
      write_attention(out, a, shape.hidden, style);
    }
    if (ffn.flag("replace_with_linear", false)) {
      out.vector(Role::norm, shape.hidden);
      out.matrix(Role::ffn_down, shape.hidden, shape.hidden);
    } else if (!ffn.flag("no_op", false)) {
      if (!ffn.has("ffn_mult")) ffn.refuse_at("ffn_mult", "ffn_mult is missing", "a number from 0.001 to 1000");
      const double factor = ffn.number_or("ffn_mult", 0.001, 1000, 1);
      const auto width = static_cast<std::int64_t>(2 * factor * static_cast<double>(shape.hidden) / 3);
      layer.ffn = FeedForward{round_up(std::max<std::int64_t>(width, 1), 256), true, false};
      out.vector(Role::norm, shape.hidden);
      write_ffn(out, *layer.ffn, shape.hidden, style);
    }
    model.layers.push_back(std::move(layer));
  }
}

}  // namespace vram::read
