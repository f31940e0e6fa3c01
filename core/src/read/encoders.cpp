// Encoders and encoder-decoders: BERT, Whisper, BART, as in the transformers classes of those names.
#include <algorithm>

#include "read/readers.hpp"
#include "read/shape.hpp"
#include "read/towers.hpp"

namespace vram::read {
namespace {

bool ends_with(const Keys& whole, std::string_view suffix) {
  const Json* names = whole.list("architectures");
  return names != nullptr && !names->empty() && (*names)[0].is_string() &&
         std::string_view((*names)[0].get_ref<const std::string&>()).ends_with(suffix);
}

struct Decoder {
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t intermediate = 0;
  std::int64_t cross_tokens = 0;
  bool key_bias = true;
};

// A decoder layer of an encoder-decoder becomes two Layers: one attends to itself, the other to the encoder's output.
void write_decoder(Reading& reading, TensorWriter& out, const Decoder& d) {
  Model& model = reading.model;
  const std::int64_t hidden = model.hidden_size;
  if (hidden % d.heads != 0) {
    reading.text.refuse_at("decoder_attention_heads", "decoder_attention_heads must divide d_model",
                           "a divisor of " + std::to_string(hidden));
  }
  Attention self;
  self.num_attention_heads = self.num_key_value_heads = d.heads;
  self.head_dim = self.v_head_dim = hidden / d.heads;
  self.bias = true;
  Attention cross = self;
  cross.span = Span::cross;
  cross.cross_tokens = d.cross_tokens;
  for (std::int64_t i = 0; i < d.layers; ++i) {
    Layer first;
    first.attention = self;
    Layer second;
    second.attention = cross;
    second.ffn = FeedForward{d.intermediate, false, false};
    out.at(Part::text, 2 * i);
    out.vector(Role::norm, hidden, 6);
    for (int attention = 0; attention < 2; ++attention) {
      out.linear(Role::attn_q, hidden, hidden, true);
      out.linear(Role::attn_k, hidden, hidden, d.key_bias);
      out.linear(Role::attn_v, hidden, hidden, true);
      out.linear(Role::attn_output, hidden, hidden, true);
      if (attention == 0) out.at(Part::text, 2 * i + 1);
    }
    out.linear(Role::ffn_up, hidden, d.intermediate, true);
    out.linear(Role::ffn_down, d.intermediate, hidden, true);
    model.layers.push_back(first);
    model.layers.push_back(second);
  }
}

void read_common(Reading& reading) {
  Model& model = reading.model;
  const Keys& text = reading.text;
  model.hidden_size = text.integer(kHiddenSize, 1, kMaxWidth);
  model.vocab_size = text.integer(kVocab, 1, kMaxVocab);
  model.tie_word_embeddings = true;
}

}  // namespace

void read_bert(Reading& reading) {
  const Keys& text = reading.text;
  Model& model = reading.model;
  Shape shape = read_sizes(reading);
  read_heads(reading, shape);
  // nomic-ai/nomic-bert-2048 modeling_hf_nomic_bert.py: rotary positions, gated feed-forward, no pooler. The published
  // models state that their projections have no biases.
  const bool nomic = reading.family.model_type == "nomic_bert";
  model.causal = false;
  model.tie_word_embeddings = true;  // an embedding model has no output matrix
  const std::int64_t hidden = shape.hidden;
  TensorWriter out(model, text.path());
  out.outside(Part::text);
  out.matrix(Role::token_embd, hidden, shape.vocab);
  if (!nomic) out.matrix(Role::position_embd, hidden, text.integer(kPositions, 1, kMaxVocab));
  out.matrix(Role::token_types, hidden, text.integer_or("type_vocab_size", 1, 65536, 2));
  out.vector(Role::norm, hidden, 2);
  if (!nomic) out.linear(Role::matrix, hidden, hidden, true);  // pooler, or the first layer of a classification head
  if (reading.family.model_type == "roberta" && ends_with(reading.whole, "ForSequenceClassification")) {
    const Json* labels = text.find("id2label");
    const std::size_t classes =
        labels != nullptr && labels->is_object() ? std::min<std::size_t>(labels->size(), 1 << 20) : 1;
    out.linear(Role::matrix, hidden, static_cast<std::int64_t>(std::max<std::size_t>(classes, 1)), true);
  }
  Style style;
  style.norm_vectors = 2;
  const bool bias = !nomic || text.flag("qkv_proj_bias", false);
  style.o_bias = bias;
  style.mlp_bias = !nomic || (text.flag("mlp_fc1_bias", false) && text.flag("mlp_fc2_bias", false));
  Layer layer;
  Attention& a = layer.attention.emplace();
  a.num_attention_heads = shape.heads;
  a.num_key_value_heads = shape.kv_heads;
  a.head_dim = a.v_head_dim = shape.head_dim;
  a.bias = bias;
  a.fused_qkv = nomic;
  a.caches = false;
  if (shape.intermediate <= 0) text.integer(kIntermediate, 1, kMaxWidth);
  layer.ffn = FeedForward{shape.intermediate, nomic, false};
  model.layers.reserve(static_cast<std::size_t>(shape.layers));
  for (std::int64_t i = 0; i < shape.layers; ++i) {
    out.at(Part::text, i);
    write_layer(out, layer, hidden, style);
    model.layers.push_back(layer);
  }
}

void read_whisper(Reading& reading) {
  const Keys& text = reading.text;
  read_common(reading);
  const std::int64_t hidden = reading.model.hidden_size;
  reading.model.max_position_embeddings = text.integer("max_target_positions", 1, 1 << 24);
  TensorWriter out(reading.model, text.path());
  out.outside(Part::text);
  out.matrix(Role::token_embd, hidden, reading.model.vocab_size);
  out.matrix(Role::position_embd, hidden, reading.model.max_position_embeddings);
  out.vector(Role::output_norm, hidden, 2);
  write_decoder(
      reading, out,
      {text.integer("decoder_layers", 1, kMaxLayers), text.integer("decoder_attention_heads", 1, kMaxHeads),
       text.integer("decoder_ffn_dim", 1, kMaxWidth), text.integer("max_source_positions", 1, 1 << 24), false});
  text.has("encoder_attention_heads");
  text.first(kLayers);
  out.outside(Part::tower);
  whisper_tower(out, text);
}

void read_bart(Reading& reading) {
  const Keys& text = reading.text;
  read_common(reading);
  const std::int64_t hidden = reading.model.hidden_size;
  const std::int64_t positions = text.integer(kPositions, 1, 1 << 24);
  reading.model.max_position_embeddings = positions;
  TensorWriter out(reading.model, text.path());
  out.outside(Part::text);
  out.matrix(Role::token_embd, hidden, reading.model.vocab_size);
  out.matrix(Role::position_embd, hidden, positions + 2, 2);  // encoder and decoder; two rows for padding
  out.vector(Role::norm, hidden, 4);
  Blocks encoder;
  encoder.hidden = hidden;
  encoder.intermediate = text.integer("encoder_ffn_dim", 1, kMaxWidth);
  encoder.count = text.integer("encoder_layers", 1, kMaxLayers);
  write_blocks(out, encoder);
  write_decoder(reading, out,
                {text.integer("decoder_layers", 1, kMaxLayers), text.integer("decoder_attention_heads", 1, kMaxHeads),
                 text.integer("decoder_ffn_dim", 1, kMaxWidth), positions, true});
  text.has("encoder_attention_heads");
  text.first(kLayers);
}

}  // namespace vram::read
